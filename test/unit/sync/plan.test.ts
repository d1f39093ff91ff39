import { describe, expect, it } from 'vitest';
import { hashValue } from '../../../diff/hash.ts';
import { mayTake } from '../../../sync/apply/filters/conflicts.ts';
import { parseDuration } from '../../../sync/delivery/duration.ts';
import { unbuiltFields } from '../../../sync/delivery/unbuilt.ts';
import { arrange, waveProblem } from '../../../sync/plan/order.ts';
import { changedEntries, entriesFor, planPrune } from '../../../sync/plan/plan.ts';
import { keepReason, pruneRefusal } from '../../../sync/plan/prune.ts';
import { type Entry, emptyRecord, type ReleaseRecord, readRecord, writeRecord } from '../../../sync/release/record.ts';
import { check } from '../../../sync/render/check.ts';
import { otherRenderer, renderPlain, type TreeFile } from '../../../sync/render/plain.ts';
import { isValidRefName, normalizePath, parseSourceUrl } from '../../../sync/source/url.ts';
import { describeProblem, type KubeObject, keyOf, refOf } from '../../../sync/types.ts';

function object(
  kind: string,
  name: string,
  options: { apiVersion?: string; annotations?: Record<string, string>; namespace?: string; spec?: object } = {},
): KubeObject {
  const { apiVersion = 'v1', annotations = {}, namespace, spec } = options;
  return {
    apiVersion,
    kind,
    metadata: { name, annotations, ...(namespace === undefined ? {} : { namespace }) },
    ...(spec === undefined ? {} : { spec }),
  } as unknown as KubeObject;
}

const file = (path: string, text: string, type: TreeFile['type'] = 'file'): TreeFile => ({
  path,
  oid: `${path}${text}`,
  type,
  read: () => Buffer.from(text),
});

describe('order', () => {
  it('pulls namespaces and CRDs forward to their first user', () => {
    const late = { 'lockstep.dev/wave': '9' };
    const crd = object('CustomResourceDefinition', 'w', {
      annotations: late,
      spec: { group: 'x.io', names: { kind: 'W' } },
    });
    const user = object('W', 'w', {
      apiVersion: 'x.io/v1',
      annotations: { 'argocd.argoproj.io/sync-wave': '-2' },
      namespace: 'inner',
    });
    const namespace = object('Namespace', 'inner', { annotations: late });
    const unused = object('Namespace', 'other', { annotations: late });
    expect(arrange([crd, user, namespace, unused]).map((place) => place.wave)).toEqual([-2, -2, -2, 9]);
  });

  it('takes our own annotation before the peers', () => {
    const both = object('ConfigMap', 'a', {
      annotations: { 'lockstep.dev/wave': '1', 'argocd.argoproj.io/sync-wave': '2' },
    });
    expect(arrange([both])[0]?.wave).toBe(1);
  });

  it('puts what others need first', () => {
    const kinds = ['Namespace', 'ServiceAccount', 'ConfigMap', 'Deployment', 'HorizontalPodAutoscaler', 'APIService'];
    const steps = arrange(kinds.map((kind) => object(kind, 'a'))).map((place) => place.step);
    expect(steps).toEqual([...steps].sort((a, b) => a - b));
    expect(new Set(steps).size).toBe(kinds.length);
  });

  it.each(['', 'one', '1.5', '1e3', '99999999999'])('refuses the wave %j', (wave) => {
    expect(waveProblem(object('ConfigMap', 'a', { annotations: { 'lockstep.dev/wave': wave } }))).toContain(
      'must be a whole number',
    );
  });
});

describe('prune', () => {
  it.each([
    ['Namespace', {}, /never pruned by itself/],
    ['CustomResourceDefinition', {}, /never pruned by itself/],
    ['PersistentVolumeClaim', {}, /never pruned by itself/],
    ['ConfigMap', { 'lockstep.dev/prune': 'disabled' }, /lockstep/],
    ['ConfigMap', { 'argocd.argoproj.io/sync-options': 'Replace=true, Prune=false' }, /argocd/],
    ['ConfigMap', { 'kustomize.toolkit.fluxcd.io/prune': 'disabled' }, /kustomize/],
    ['ConfigMap', { 'helm.sh/resource-policy': 'keep' }, /helm/],
  ])('keeps a %s with %j', (kind, annotations, reason) => {
    expect(keepReason(object(kind, 'a', { annotations }))).toMatch(reason);
  });

  it('deletes an ordinary object', () => {
    expect(keepReason(object('ConfigMap', 'a'))).toBeUndefined();
  });

  it.each([
    [0, 1, 1, 'EmptyRender'],
    [0, 0, 0, undefined],
    [4, 10, 6, 'TooManyPruned'],
    [5, 10, 5, undefined],
    [1, 9, 8, undefined],
  ])('with %i wanted, %i held and %i leaving: %s', (wanted, held, leaving, code) => {
    expect(pruneRefusal(wanted, held, leaving)?.code).toBe(code);
  });
});

describe('a plan', () => {
  const wanted = (manifest: KubeObject) => ({ key: keyOf(refOf(manifest)), manifest, hash: hashValue(manifest) });
  const apply = (entries: ReadonlyMap<string, Entry>, sequence: number): Map<string, Entry> =>
    new Map(
      [...entries].map(([key, entry]) => [
        key,
        { ...entry, applied: { uid: key, hash: entry.hash, owned: 'o', sequence } },
      ]),
    );
  const first = entriesFor([wanted(object('ConfigMap', 'a')), wanted(object('ConfigMap', 'b'))], emptyRecord());
  const record: ReleaseRecord = { ...emptyRecord(), sequence: 1, entries: apply(first, 1) };

  it('touches only what changed', () => {
    const changed = object('ConfigMap', 'a', { annotations: { x: 'y' } });
    const entries = entriesFor([wanted(changed), wanted(object('ConfigMap', 'b'))], record);
    expect(changedEntries(entries).map((entry) => entry.ref.name)).toEqual(['a']);
    expect(entries.get('/ConfigMap//a')?.applied?.manifest).toEqual(object('ConfigMap', 'a'));
  });

  it('knows an object by group and kind, not by version', () => {
    const old = wanted(object('Deployment', 'web', { apiVersion: 'apps/v1beta1' }));
    const now = wanted(object('Deployment', 'web', { apiVersion: 'apps/v1' }));
    const before = { ...emptyRecord(), entries: apply(entriesFor([old], emptyRecord()), 1) };
    expect(planPrune(entriesFor([now], before), true)).toEqual([]);
  });

  it('keeps on the list what left Git, until it is deleted', () => {
    const entries = entriesFor([wanted(object('ConfigMap', 'b'))], record);
    expect(planPrune(entries, true).map((item) => `${item.action} ${item.ref.name}`)).toEqual(['prune a']);
    expect(planPrune(entries, false).map((item) => item.action)).toEqual(['skip']);
    const again = entriesFor([wanted(object('ConfigMap', 'b')), wanted(object('ConfigMap', 'a'))], {
      ...record,
      entries,
    });
    expect(again.get('/ConfigMap//a')).toMatchObject({ removed: false, applied: { uid: '/ConfigMap//a' } });
  });

  it('keeps on the list what a running release was about to write', () => {
    const running: ReleaseRecord = {
      ...emptyRecord(),
      phase: 'Releasing',
      entries: entriesFor([wanted(object('ConfigMap', 'a'))], emptyRecord()),
    };
    expect(entriesFor([], running).get('/ConfigMap//a')).toMatchObject({ removed: true, applied: undefined });
    expect(entriesFor([], { ...running, phase: 'Released' }).size).toBe(0);
  });

  it('survives being stored', () => {
    const stored = JSON.parse(JSON.stringify(writeRecord(record)));
    expect(readRecord(stored)).toEqual(record);
    expect(readRecord({ version: 99 })).toEqual(emptyRecord());
    expect(readRecord(undefined)).toEqual(emptyRecord());
  });
});

describe('a conflict', () => {
  const manifest = object('Deployment', 'web', { spec: { replicas: 1, containers: [{ name: 'a', image: 'x' }] } });
  const dotted = {
    ...object('ConfigMap', 'a', {
      spec: { ports: [{ containerPort: 80, name: 'web' }], args: [{ key: 'a]b', value: 1 }] },
    }),
    metadata: { name: 'a', labels: { 'app.kubernetes.io/name': 'x' } },
    data: { 'nginx.conf': 'x' },
  } as unknown as KubeObject;
  it.each([
    ['kubectl-edit', 'spec.replicas', false, undefined, true],
    ['kubectl-client-side-apply', 'spec.replicas', false, undefined, true],
    ['before-first-apply', 'spec.replicas', false, undefined, true],
    ['kubectl-rollout', 'spec.replicas', false, undefined, false],
    ['autoscaler', 'spec.replicas', false, undefined, false],
    ['autoscaler', 'spec.replicas', false, manifest, true],
    ['autoscaler', 'spec.containers[name="a"].image', false, manifest, true],
    ['autoscaler', 'spec.containers[name="b"].image', false, manifest, false],
    ['lockstep-other', 'spec.replicas', false, manifest, false],
    ['lockstep-other', 'spec.replicas', true, undefined, true],
    ['dashboard', 'data.nginx.conf', false, dotted, true],
    ['dashboard', 'data.nginx', false, dotted, false],
    ['dashboard', 'metadata.labels.app.kubernetes.io/name', false, dotted, true],
    ['dashboard', 'spec.ports[containerPort=80,protocol="TCP"].name', false, dotted, true],
    ['dashboard', 'spec.args[key="a]b"].value', false, dotted, true],
  ])('with %s about %s (adopt: %s) is ours to take: %s', (manager, field, adopt, previous, expected) => {
    expect(mayTake({ manager, field }, { adopt, previous })).toBe(expected);
  });
});

describe('rendering', () => {
  const isNamespaced = (_apiVersion: string, kind: string): boolean | undefined =>
    kind === 'ClusterRole' ? false : kind === 'ConfigMap' ? true : undefined;

  it('reads files in order, lists, empty documents, BOM and CRLF, and fills the namespace of namespaced kinds', () => {
    const rendered = renderPlain([
      file('b.yaml', '\ufeffapiVersion: v1\r\nkind: ConfigMap\r\nmetadata: {name: b}\r\n---\r\n# nothing\r\n'),
      file('a.json', '{"apiVersion":"v1","kind":"ConfigMapList","items":[{"metadata":{"name":"a"}}]}'),
      file(
        'c.yml',
        'apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: c, namespace: wrong}\nrules: []\n',
      ),
      file('README.md', 'not: [yaml'),
    ]);
    const { desired, problems } = check(rendered, 'shop', isNamespaced);
    expect(problems).toEqual([]);
    expect(check(rendered, 'shop', () => undefined).isGuess).toBe(true);
    expect(desired.map((entry) => entry.key)).toEqual([
      '/ConfigMap/shop/a',
      '/ConfigMap/shop/b',
      'rbac.authorization.k8s.io/ClusterRole//c',
    ]);
  });

  it('finds every problem and says where', () => {
    const rendered = renderPlain([
      file('a.yaml', 'x: ['),
      file('link.yaml', '/etc/passwd', 'symlink'),
      file('lfs.yaml', 'version https://git-lfs.github.com/spec/v1\noid sha256:1\n'),
      file('list.yaml', '- 1\n'),
      file('secret.yaml', 'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {pin: 0777, ok: text}\n'),
      file(
        'stamp.yaml',
        'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: s, labels: {lockstep.dev/delivery: x, size: 1}}\n',
      ),
    ]);
    const { problems } = check(rendered, 'shop', isNamespaced);
    expect(problems.map(describeProblem)).toEqual([
      'a.yaml:1: unexpected end of the stream within a flow collection',
      'lfs.yaml: is a Git LFS pointer; commit the manifest itself',
      'link.yaml: is a symbolic link; links are not followed',
      'list.yaml (document 1): is not a Kubernetes object: a map with apiVersion, kind and metadata is needed',
      'secret.yaml (document 1): Secret shop/s: stringData.pin is no text; put it in quotes',
      'stamp.yaml (document 1): ConfigMap shop/s: lockstep.dev/delivery is set by Lockstep itself; remove it from Git',
      'stamp.yaml (document 1): ConfigMap shop/s: metadata.labels.size is no text; put it in quotes',
    ]);
  });

  it('sees when a path asks for another renderer', () => {
    expect(otherRenderer([file('a.yaml', ''), file('Chart.yaml', '')])).toEqual({ name: 'Helm', file: 'Chart.yaml' });
    expect(otherRenderer([file('kustomization.yml', '')])?.name).toBe('kustomize');
    expect(otherRenderer([file('a.yaml', ''), file('base/kustomization.yaml', '')])).toBeUndefined();
  });

  it('does not parse an unchanged file again', () => {
    let reads = 0;
    const read = (): Uint8Array => {
      reads += 1;
      return Buffer.from('a: 1');
    };
    const counted: TreeFile = { path: 'a.yaml', oid: '1', type: 'file', read };
    const cache = new Map();
    renderPlain([counted], cache);
    renderPlain([counted], cache);
    expect(reads).toBe(1);
  });
});

describe('a source', () => {
  it.each([
    'ext::sh -c touch% /tmp/pwn',
    '--upload-pack=/bin/sh',
    'file:///etc',
    '/srv/repo',
    'ssh://-oX/y',
    'git://h/r',
    'gopher://x',
    'https://user:pass@host/r',
    'https://good@evil/r',
    '',
  ])('refuses the URL %j', (url) => {
    expect(() => parseSourceUrl(url)).toThrow(/spec\.source\.url/);
  });

  it.each(['../other', '/etc', 'a/../../b', 'a\\b'])('refuses the path %j', (path) => {
    expect(() => normalizePath(path)).toThrow(/must stay inside/);
  });

  it.each([
    ['', ''],
    ['./', ''],
    ['./a//b/', 'a/b'],
  ])('reads the path %j as %j', (path, expected) => {
    expect(normalizePath(path)).toBe(expected);
  });

  it.each(['main', 'feature/x', 'v1.2', '__proto__'])('takes the branch %s', (name) => {
    expect(isValidRefName(name)).toBe(true);
  });

  it.each(['--help', '..', 'a/../../b', '@{u}', 'x.lock', 'a b', '/a', 'a/', 'a//b', '.a', 'a\0b', 'x'.repeat(4096)])(
    'refuses the branch %j',
    (name) => {
      expect(isValidRefName(name)).toBe(false);
    },
  );
});

describe('a Delivery', () => {
  it.each([
    ['90s', 90_000],
    ['1h30m', 5_400_000],
    ['500ms', 500],
    ['1.5m', 90_000],
    ['99999999h', 365 * 24 * 3_600_000],
  ])('reads %s as %i ms', (text, expected) => {
    expect(parseDuration(text)).toBe(expected);
  });

  it('refuses what is not built yet, and takes its defaults', () => {
    expect(
      unbuiltFields({
        source: { url: 'x' },
        rollback: { mode: 'auto', probation: '60s' },
        sync: { ignore: [] },
        history: 10,
      }),
    ).toEqual([]);
    expect(
      unbuiltFields({
        source: { ref: { tag: 'v1' } },
        rollback: { mode: 'off' },
        health: { bake: '5m' },
        render: { helm: {} },
      }),
    ).toEqual(['spec.source.ref.tag', 'spec.render.helm', 'spec.health.bake', 'spec.rollback.mode']);
  });
});
