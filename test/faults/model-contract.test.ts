import { expect, inject, it } from 'vitest';
import { createCluster } from '../../agent/kube/cluster.ts';
import { discoverKinds } from '../../agent/kube/discovery.ts';
import type { KubeHttp } from '../../agent/kube/http.ts';
import { createRecordSecrets } from '../../agent/record-secrets.ts';
import { leavesOf, managedEntries } from '../../diff/field-sets.ts';
import { type JsonObject, toJson } from '../../diff/json.ts';
import { pathText } from '../../diff/places.ts';
import { ApiError } from '../../sync/errors.ts';
import type { Cluster, Kinds } from '../../sync/ports.ts';
import { type KubeObject, type ObjectRef, refOf } from '../../sync/types.ts';
import { makeNamespace } from '../e2e/support/furnish.ts';
import { connect, gone } from '../e2e/support/kube.ts';
import { describeOnOwnCluster } from '../e2e/support/lockstep.ts';
import { createApiServer, modelKinds } from './model/api-server.ts';

const namespace = 'model-contract';

/** One of the two: the model, or the real API server. */
interface Subject {
  readonly http: KubeHttp;
  readonly kinds: Kinds;
}

const isolated = (subject: Subject): Cluster =>
  createCluster(subject.http, subject.kinds, undefined, async () => undefined);

const map = (data: JsonObject, metadata: JsonObject = {}, name = 'a'): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace, ...metadata },
  data,
});
const ref: ObjectRef = refOf(map({}));
const web = (image: string, more: JsonObject = {}): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace },
  spec: {
    ...more,
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'main', image }] } },
  },
});

/** What is compared of an object: what people see, and who owns what of it. */
function told(object: KubeObject | undefined): unknown {
  if (object === undefined) return 'nothing';
  const { metadata } = object;
  const owners = managedEntries(object)
    .flatMap(({ manager, operation, fields }) =>
      leavesOf(fields).map((path) => `${manager} ${operation} ${pathText(path)}`),
    )
    .filter((line) => !/kube-|\.name$|status/.test(line))
    .sort();
  const { labels, annotations } = metadata;
  const marks = { labels: labels ?? {}, annotations: withoutRevision(annotations) };
  return { data: object['data'], replicas: (object['spec'] as JsonObject | undefined)?.['replicas'], ...marks, owners };
}

function withoutRevision(annotations: unknown): unknown {
  const { 'deployment.kubernetes.io/revision': _revision, ...rest } = (annotations ?? {}) as JsonObject;
  return rest;
}

async function outcome(act: () => Promise<unknown>): Promise<unknown> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return { status: error.status, class: error.class, conflicts: error.conflicts };
  }
}

/** What is done, step by step, and what is seen after each. */
async function play(subject: Subject): Promise<[string, unknown][]> {
  const cluster = isolated(subject);
  const seen: [string, unknown][] = [];
  const note = async (what: string, act: () => Promise<unknown>): Promise<void> =>
    void seen.push([what, await outcome(act)]);
  const apply = (object: KubeObject, manager = 'ours', force = false, dryRun = false) =>
    cluster
      .apply(object, { manager, force, dryRun })
      .then((one) => ({ created: one.created, ...(told(one.object) as object) }));
  const edit = async (patch: object, manager = 'hand', what: ObjectRef = ref) => {
    const plural = what.kind === 'ConfigMap' ? 'configmaps' : 'deployments';
    const root = what.kind === 'ConfigMap' ? '/api/v1' : '/apis/apps/v1';
    const path = `${root}/namespaces/${namespace}/${plural}/${what.name}`;
    const query = { fieldManager: manager };
    const contentType = 'application/merge-patch+json';
    const { body } = await subject.http.request({ method: 'PATCH', path, query, contentType, body: toJson(patch) });
    return told(body as KubeObject);
  };
  const live = async (): Promise<KubeObject> => {
    const found = await cluster.get(ref);
    if (found === undefined) throw new Error('it is not there');
    return found;
  };

  await note('get of what is not there', async () => told(await cluster.get(ref)));
  await note('a try makes nothing', () => apply(map({ a: '1' }), 'ours', false, true));
  await note('and it is still not there', async () => told(await cluster.get(ref)));
  await note('apply makes it', () => apply(map({ a: '1', b: '1' })));
  const first = (await live()).metadata.resourceVersion;
  await note('the same again changes nothing', async () => {
    await apply(map({ a: '1', b: '1' }));
    return (await live()).metadata.resourceVersion === first;
  });
  await note('what is sent no longer goes', () => apply(map({ a: '2' })));
  await note('somebody else applies the same value', () => apply(map({ a: '2' }), 'theirs'));
  await note('so that it stays when it is sent no longer', () => apply(map({ c: '1' })));
  await note('another value of theirs is a conflict', () => apply(map({ a: '3', c: '1' })));
  await note('also when it is tried', () => apply(map({ a: '3', c: '1' }), 'ours', false, true));
  await note('by force it is ours', () => apply(map({ a: '3', c: '1' }), 'ours', true));
  await note('a hand changes one of ours', () => edit({ data: { a: 'hand' } }));
  await note('which is a conflict then', () => apply(map({ a: '3', c: '1' })));
  await note('a hand adds one', () => edit({ data: { d: 'hand' } }));
  await note('a hand removes one of ours', () => edit({ data: { c: null } }));
  await note('which comes back without force, the other one by force', () =>
    apply(map({ a: '3', c: '1' }), 'ours', true),
  );
  await note('labels are owned one by one', () => apply(map({ a: '3' }, { labels: { x: '1', y: '1' } })));
  await note('and go one by one', () => apply(map({ a: '3' }, { labels: { y: '1' } })));
  await note('a uid that is another', () => apply(map({ a: '4' }, { uid: '11111111-1111-1111-1111-111111111111' })));
  await note('a uid that is right', async () => apply(map({ a: '4' }, { uid: (await live()).metadata.uid ?? '' })));
  await note('a uid of what is not there', () => apply(map({ a: '4' }, { uid: '1-2' }, 'gone')));
  await note('a JSON patch whose test holds', async () => {
    const version = (await live()).metadata.resourceVersion ?? '';
    const test = { op: 'test', path: '/metadata/resourceVersion', value: version };
    return told(await cluster.patch(ref, [test, { op: 'add', path: '/data/e', value: '1' }], 'restorer'));
  });
  await note('a JSON patch whose test does not hold', () =>
    cluster.patch(ref, [{ op: 'test', path: '/metadata/resourceVersion', value: '1' }], 'restorer'),
  );
  await note('who owns what can be said', async () => {
    const entries = (await live()).metadata['managedFields'] as JsonObject[];
    const ours = entries.filter(({ manager }) => manager !== 'restorer');
    const value = ours as never;
    return told(await cluster.patch(ref, [{ op: 'replace', path: '/metadata/managedFields', value }], 'restorer'));
  });
  await note('what nobody owns stays', () => apply(map({ a: '5' }, { labels: { y: '1' } })));
  await note('whether it could be made, were it not there', async () =>
    told(await cluster.tryCreate(map({ a: '1' }), 'ours')),
  );
  await note(
    'and what is not there',
    async () => (await cluster.tryCreate(map({ a: '1' }, {}, 'other'), 'ours')) !== undefined,
  );
  await note('a Deployment gets a count that nobody owns', () => apply(web('app:1')));
  await note('that a hand may change', () => edit({ spec: { replicas: 3 } }, 'hand', refOf(web(''))));
  await note('and that is not touched', () => apply(web('app:2')));
  await note('until it is named', () => apply(web('app:2', { replicas: 2 })));
  await note('and taken', () => apply(web('app:2', { replicas: 2 }), 'ours', true));
  await note('left out while it is ours alone it falls back', () => apply(web('app:2')));
  await note('a list by a label', async () =>
    (await cluster.list({ apiVersion: 'v1', kind: 'ConfigMap' }, namespace, 'y')).map(({ metadata }) => metadata.name),
  );
  await note('and by another', async () => cluster.list({ apiVersion: 'v1', kind: 'ConfigMap' }, namespace, 'y=2'));
  await note('a deletion of what was changed since', async () => {
    const before = await live();
    await edit({ data: { f: '1' } });
    return (await cluster.delete(ref, before, 'Background')) === before;
  });
  await note('a deletion', async () => told(await cluster.delete(ref, await live(), 'Background')));
  await note('of what is gone', async () =>
    told(await cluster.delete(ref, map({}, { uid: '1', resourceVersion: '1' }))),
  );

  const secrets = createRecordSecrets(subject.http, namespace);
  await note('a Secret is made once', async () => (await secrets.put('o', 'r', { a: 'MQ==' }, undefined)) !== '');
  await note('and not twice', () => secrets.put('o', 'r', { a: 'MQ==' }, undefined));
  await note('written on top of what was read', async () => {
    const version = (await secrets.get('r'))?.version;
    return (await secrets.put('o', 'r', { a: 'Mg==' }, version)) !== version;
  });
  await note('and of nothing older', () => secrets.put('o', 'r', { a: 'Mg==' }, '1'));
  await note('found by its owner', () => secrets.namesOf('o'));
  await note('removed', async () => {
    await secrets.remove('r');
    return secrets.get('r');
  });
  return seen;
}

describeOnOwnCluster('the model of the API server', () => {
  it('does what the real one does', async () => {
    const kube = await connect(inject('kubeconfig'));
    await kube.delete({ apiVersion: 'v1', kind: 'Namespace', name: namespace }).catch(() => undefined);
    await gone(kube, { apiVersion: 'v1', kind: 'Namespace', name: namespace }, 30_000);
    await makeNamespace(kube, namespace, 'none');
    const server = createApiServer();
    const http = { request: async (request: Parameters<KubeHttp['request']>[0]) => server.handle(request) };
    const model = await play({ http: http as KubeHttp, kinds: modelKinds });
    const real = await play({ http: kube.http, kinds: await discoverKinds(kube.http) });
    await kube.close();
    expect(model.length).toBeGreaterThan(40);
    expect(Object.fromEntries(model)).toEqual(Object.fromEntries(real));
  });
});
