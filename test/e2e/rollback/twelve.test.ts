import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { numberAt, objectsAt, textAt } from '../../../diff/json.ts';
import type { ObjectRef } from '../../../sync/types.ts';
import { readAudit } from '../support/audit.ts';
import { until } from '../support/kube.ts';
import { mayMeasureBy } from '../support/limits.ts';
import { type App, configMap, customKind, deployment, describeOnOwnCluster, useLockstep } from '../support/lockstep.ts';
import { deny } from '../support/policy.ts';
import { expectBack, held, holdMessage, picture } from '../support/rollback.ts';

/** From the status that completes the signal until all of good is live again, in milliseconds. */
const limit = 5_000;
const limits = 'twelve-limits';

let server: Server;
let answer = 200;
beforeAll(async () => {
  server = createServer((_request, response) => response.writeHead(answer).end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(() => server.close());

/** One bad commit, and what it is done to. */
interface Bad {
  readonly name: string;
  readonly good?: Readonly<Record<string, string>>;
  readonly bad: Readonly<Record<string, string | null>>;
  /** What must be the very same object again, in all that is ours; beside the Deployment and its settings. */
  readonly refs?: readonly [apiVersion: string, kind: string, name: string][];
  /** What the bad commit made, and is not there any more. */
  readonly gone?: readonly string[];
  /** Why it failed, in one sentence. */
  readonly cause: RegExp;
  /** Nothing was touched at all. */
  readonly isRejected?: boolean;
  readonly analysis?: () => object[];
  before?(app: App): Promise<void>;
  after?(app: App): Promise<void>;
}

const settings = configMap('settings', { color: 'red' });
const web = (image = 'app:1', pod: Readonly<Record<string, string>> = {}): string => deployment('web', { image, pod });
const wave = (number: number): string => `  annotations: {lockstep.dev/wave: "${number}"}\n`;

const stateful = (image: string): string => `apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  replicas: 2
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: main, image: "${image}"}]}
`;
const scaler = `apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web, annotations: {lockstep.dev/health: ignore}}
spec:
  minReplicas: 1
  maxReplicas: 9
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
`;
const postSync = `apiVersion: batch/v1
kind: Job
metadata: {name: smoke, annotations: {lockstep.dev/hook: PostSync}}
spec:
  backoffLimit: 0
  template:
    metadata: {annotations: {test.lockstep.dev/pod: fail}}
    spec: {restartPolicy: Never, containers: [{name: main, image: "smoke:1"}]}
`;
const reference = (name: string): string =>
  web('app:2').replace('          ports:', `          envFrom: [{configMapRef: {name: ${name}}}]\n          ports:`);
const kind = (schema: string): string => customKind('twelve.example.com', 'Thing', [{ schema }]);
const crd = ['apiextensions.k8s.io/v1', 'CustomResourceDefinition', 'things.twelve.example.com'] as const;

const scale = async (app: App, replicas: number): Promise<void> => {
  await lockstep.kube.http.request({
    method: 'PATCH',
    path: `/apis/apps/v1/namespaces/${app.namespace}/deployments/web/scale`,
    query: { fieldManager: 'kube-controller-manager' },
    contentType: 'application/merge-patch+json',
    body: JSON.stringify({ spec: { replicas } }),
  });
  await until('it is scaled', async () => {
    const live = await app.get('apps/v1', 'Deployment', 'web');
    return numberAt(live, 'status', 'availableReplicas') === replicas;
  });
};

const commits: readonly Bad[] = [
  {
    name: 'image',
    bad: { 'web.yaml': web('app:missing') },
    cause: /Deployment \S+: pod web-\S+: container main: ErrImagePull/,
  },
  {
    name: 'crash',
    bad: { 'web.yaml': web('app:2', { pod: 'crash-loop' }) },
    cause: /Deployment \S+: pod web-\S+: container main: CrashLoopBackOff: .*exit code 1/,
  },
  {
    name: 'objects',
    good: { 'old.yaml': configMap('old', { a: '1' }) },
    bad: { 'web.yaml': web('app:missing'), 'old.yaml': null, 'new.yaml': configMap('new', { a: '1' }) },
    refs: [['v1', 'ConfigMap', 'old']],
    gone: ['new'],
    cause: /ErrImagePull/,
  },
  {
    name: 'in-place',
    bad: { 'settings.yaml': configMap('settings', { color: 'blue' }), 'web.yaml': web('app:missing') },
    cause: /ErrImagePull/,
  },
  {
    name: 'immutable',
    good: { 'last.yaml': deployment('last', { wave: 2 }) },
    bad: {
      'settings.yaml': configMap('settings', { color: 'blue' }),
      'last.yaml': deployment('last', { wave: 2 })
        .replace('matchLabels: {app: last}', 'matchLabels: {app: last, is: other}')
        .replace('labels: {app: last}', 'labels: {app: last, is: other}'),
    },
    refs: [['apps/v1', 'Deployment', 'last']],
    cause: /spec\.selector.*field is immutable/,
    isRejected: true,
  },
  {
    name: 'post-sync',
    bad: { 'settings.yaml': configMap('settings', { color: 'blue' }), 'smoke.yaml': postSync },
    cause: /Job \S+smoke: BackoffLimitExceeded/,
  },
  {
    name: 'stateful',
    good: { 'db.yaml': stateful('db:1') },
    bad: { 'db.yaml': stateful('db:missing') },
    refs: [
      ['apps/v1', 'StatefulSet', 'db'],
      ['v1', 'Pod', 'db-0'],
    ],
    cause: /StatefulSet \S+db: pod db-1: container main: ErrImagePull/,
  },
  {
    name: 'scaled',
    good: { 'web.yaml': deployment('web', { replicas: 3 }), 'hpa.yaml': scaler },
    bad: { 'web.yaml': deployment('web', { replicas: 3, image: 'app:missing' }) },
    before: (app) => scale(app, 7),
    after: async (app) => expect(numberAt(await app.get('apps/v1', 'Deployment', 'web'), 'spec', 'replicas')).toBe(7),
    cause: /ErrImagePull/,
  },
  {
    name: 'kind',
    good: { 'crd.yaml': kind('{type: object}') },
    bad: {
      'crd.yaml': kind('{type: object, properties: {spec: {type: object, properties: {a: {type: string}}}}}'),
      'web.yaml': web('app:missing'),
    },
    refs: [[...crd]],
    cause: /ErrImagePull/,
  },
  {
    name: 'denied',
    bad: { 'settings.yaml': configMap('settings', { color: 'blue' }), 'web.yaml': web('app:denied') },
    before: (app) =>
      deny(lockstep.kube, app.namespace, {
        operation: 'CREATE',
        resource: 'pods',
        must: "object.spec.containers.all(one, !one.image.endsWith(':denied'))",
        message: 'this image is not for us',
      }),
    cause: /Deployment \S+web: .*this image is not for us/,
  },
  {
    name: 'missing',
    bad: { 'web.yaml': reference('nowhere') },
    cause: /container main: CreateContainerConfigError: .*nowhere/,
  },
  {
    name: 'analysis',
    bad: {
      'settings.yaml': configMap('settings', { color: 'blue' }),
      'last.yaml': configMap('last', { a: '1' }, wave(1)),
    },
    analysis: () => [{ name: 'ready', web: { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` } }],
    before: async () => {
      answer = 503;
    },
    gone: ['last'],
    cause: /^analysis ready: status 503/,
  },
];

const lockstep = useLockstep(
  commits.map(({ name }) => `twelve-${name}`),
  { flags: ['--limits', limits] },
);
beforeAll(() => mayMeasureBy(lockstep.kube, limits, `http://127.0.0.1:${(server.address() as AddressInfo).port}`));
const signals = { imagePull: 'at-once', crashLoop: 'at-once', config: 'at-once', degraded: 'at-once' };

/** When the cluster said last how pods or Jobs are before the release was given up; the verdict itself where it said nothing. */
function signalledAt(app: App, since: number): number {
  const moves = lockstep.agent
    .output()
    .split('\n')
    .filter((line) => line.includes(`"${app.namespace}/app"`) && line.includes('"on":"failed"'));
  const verdict = Date.parse(JSON.parse(moves.at(-1) ?? '{}').time);
  const told = readAudit(inject('auditLog'), since).filter(
    ({ namespace, resource, subresource, agent, time }) =>
      namespace === app.namespace &&
      subresource === 'status' &&
      resource !== 'deliveries' &&
      agent !== 'lockstep' &&
      time <= verdict,
  );
  return told.at(-1)?.time ?? verdict;
}

describeOnOwnCluster('twelve bad commits', () => {
  it.each(commits)('$name: everything is as it was, soon, with the cause in one sentence', async (one) => {
    const good = { 'web.yaml': web(), 'settings.yaml': settings, ...one.good };
    const analysis = one.analysis?.() ?? [];
    const app = await lockstep.app(`twelve-${one.name}`, good, { health: { steady: '500ms', signals, analysis } });
    await app.ready();
    await one.before?.(app);
    const refs: ObjectRef[] = [
      app.ref('apps/v1', 'Deployment', 'web'),
      app.ref('v1', 'ConfigMap', 'settings'),
      ...(one.refs ?? []).map(([apiVersion, what, name]) =>
        what === 'CustomResourceDefinition' ? { apiVersion, kind: what, name } : app.ref(apiVersion, what, name),
      ),
    ];
    const before = await picture(lockstep, refs);
    const revision = app.revision;
    const since = Date.now();
    app.push(one.bad);
    const status = await held(app, one.isRejected === true ? 'ApplyRefused' : 'RolledBack');
    const ended = Date.now();
    expect(holdMessage(status)).toMatch(one.cause);
    if (one.isRejected === true) {
      expect(app.writes(since)).toEqual([]);
      expect(Object.fromEntries(await picture(lockstep, refs))).toEqual(Object.fromEntries(before));
    } else {
      await expectBack(lockstep, app, before, refs, revision);
      const took = ended - signalledAt(app, since);
      console.log(`${one.name}: all of good is live ${took} ms after the signal`);
      expect(took).toBeLessThanOrEqual(limit);
    }
    for (const name of one.gone ?? []) expect(await app.get('v1', 'ConfigMap', name)).toBeUndefined();
    await one.after?.(app);
    // What is held is not applied again.
    const calm = Date.now();
    await app.request('sync@1');
    await until('it is taken note of', async () => textAt(await app.status(), 'status', 'lastRequest') === 'sync@1');
    expect(app.writes(calm).filter(({ resource }) => resource !== 'deliveries')).toEqual([]);
    expect(objectsAt(await app.status(), 'status', 'history')[0]?.['revision']).toBe(app.revision);
    answer = 200;
  });
});
