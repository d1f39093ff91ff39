import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { at, numberAt, textAt } from '../../diff/json.ts';
import { condition } from '../../health/kinds/conditions.ts';
import { parseYaml } from '../../sync/render/yaml.ts';
import type { KubeObject } from '../../sync/types.ts';
import { makeNamespace } from './support/furnish.ts';
import { until } from './support/kube.ts';
import {
  configMap,
  customKind,
  customKindRef,
  deployment,
  describeOnOwnCluster,
  useLockstep,
} from './support/lockstep.ts';
import { held } from './support/rollback.ts';

const lockstep = useLockstep([
  'opt-keep',
  'opt-last',
  'opt-replace',
  'opt-force-argo',
  'opt-force-flux',
  'opt-force-own',
  'opt-apply-true',
  'opt-apply-false',
  'opt-apply-only',
  'opt-missing',
  'opt-validate',
  'opt-ssa',
  'opt-live-annotations',
  'opt-live-labels',
  'opt-immutable',
  'opt-back',
  'opt-never',
  'opt-first',
  'opt-rival',
  'opt-health',
]);

const annotated = (text: string): string => `  annotations: {${text}}\n`;
const argo = (options: string): string => annotated(`argocd.argoproj.io/sync-options: "${options}"`);
const flux = (name: string, value: string): string => annotated(`kustomize.toolkit.fluxcd.io/${name}: ${value}`);
/** A Deployment whose selector, which can't be changed, has a word of its own. */
const selecting = (word: string, metadata = ''): string =>
  deployment('web')
    .replaceAll('{app: web}', `{app: web, word: ${word}}`)
    .replace('  name: web\n', `  name: web\n${metadata}`);

describeOnOwnCluster('the annotation', () => {
  it('argocd.argoproj.io/sync-options: Prune=false, Delete=false, kustomize.toolkit.fluxcd.io/prune: disabled, helm.sh/resource-policy: keep and lockstep.dev/prune: disabled keep an object', async () => {
    const keeping = {
      'prune-false': argo('Prune=false'),
      flux: flux('prune', 'disabled'),
      'flux-label': '  labels: {kustomize.toolkit.fluxcd.io/prune: Disabled}\n',
      helm: annotated('helm.sh/resource-policy: keep'),
      own: annotated('lockstep.dev/prune: disabled'),
    };
    const files = Object.fromEntries(
      Object.entries(keeping).map(([name, metadata]) => [`${name}.yaml`, configMap(name, { a: '1' }, metadata)]),
    );
    const app = await lockstep.app('opt-keep', {
      ...files,
      'delete-false.yaml': configMap('delete-false', { a: '1' }, argo('Delete=false')),
      'stays.yaml': configMap('stays', { a: '1' }),
      'leaves.yaml': configMap('leaves', { a: '1' }),
    });
    await app.ready();
    app.push({ 'helm.yaml': null, 'flux.yaml': null, 'leaves.yaml': null });
    await app.ready();
    expect(await app.get('v1', 'ConfigMap', 'leaves')).toBeUndefined();
    await app.remove();
    for (const name of [...Object.keys(keeping), 'delete-false'])
      expect(await app.get('v1', 'ConfigMap', name), name).toBeDefined();
    expect(await app.get('v1', 'ConfigMap', 'stays')).toBeUndefined();
  });

  it('argocd.argoproj.io/sync-options: PruneLast=true is what is done anyway', async () => {
    const app = await lockstep.app('opt-last', {
      'a.yaml': configMap('a', { a: '1' }, argo('PruneLast=true')),
      'b.yaml': configMap('b', { a: '1' }),
    });
    await app.ready();
    const since = Date.now();
    app.push({ 'a.yaml': null, 'web.yaml': deployment('web', { wave: 5, pod: { 'ready-after': '1s' } }) });
    await app.ready(90_000);
    const writes = app.writes(since).filter(({ name }) => name === 'a' || name === 'web');
    expect(writes.map(({ verb, name }) => `${verb} ${name}`)).toEqual(['patch web', 'delete a']);
  });

  it('argocd.argoproj.io/sync-options: Replace=true takes fields from others, and says from whom', async () => {
    const app = await lockstep.app('opt-replace', { 'web.yaml': deployment('web').replace('  replicas: 1\n', '') });
    await app.ready();
    await lockstep.kube.edit(app.ref('apps/v1', 'Deployment', 'web'), { spec: { replicas: 3 } }, 'somebody');
    const replacing = deployment('web', { replicas: 2 }).replace(
      '  name: web\n',
      `  name: web\n${argo('Replace=true')}`,
    );
    app.push({ 'web.yaml': replacing });
    await app.ready();
    expect(numberAt(await app.get('apps/v1', 'Deployment', 'web'), 'spec', 'replicas')).toBe(2);
    const told = (await app.events()).filter(({ reason }) => reason === 'FieldsTaken');
    expect(told.map(({ message }) => message)).toEqual([
      'Deployment opt-replace/web: took spec.replicas from somebody',
    ]);
  });

  it.each([
    ['argocd.argoproj.io/sync-options: Force=true', 'argo', argo('Force=true')],
    ['kustomize.toolkit.fluxcd.io/force: enabled', 'flux', flux('force', 'enabled')],
    ['lockstep.dev/replace: allowed', 'own', annotated('lockstep.dev/replace: allowed')],
  ])('%s lets an object be deleted and made again where a field can not be changed', async (_name, by, metadata) => {
    const app = await lockstep.app(`opt-force-${by}`, {
      'web.yaml': selecting('one', metadata),
    });
    await app.ready(30_000);
    const before = await app.get('apps/v1', 'Deployment', 'web');
    app.push({ 'web.yaml': selecting('two', metadata) });
    await app.ready(40_000);
    const after = await app.get('apps/v1', 'Deployment', 'web');
    expect(after?.metadata.uid).not.toBe(before?.metadata.uid);
    expect(textAt(after, 'spec', 'selector', 'matchLabels', 'word')).toBe('two');
    const history = at(await app.status(), 'status', 'actions');
    expect(history).toMatchObject({ replace: 1 });
  });

  it.each([
    ['ServerSideApply=true', 'true'],
    ['ServerSideApply=false', 'false'],
    ['ApplyOutOfSyncOnly=true', 'only'],
  ])(
    'argocd.argoproj.io/sync-options: %s changes nothing: it is always applied by the server',
    async (option, word) => {
      const app = await lockstep.app(`opt-apply-${word}`, {
        'a.yaml': configMap('a', { a: '1' }, argo(option)),
      });
      await app.ready();
      const live = await app.get('v1', 'ConfigMap', 'a');
      expect(JSON.stringify(at(live, 'metadata', 'managedFields'))).toContain('"operation":"Apply"');
      expect(JSON.stringify(live)).not.toContain('last-applied-configuration');
    },
  );

  it('argocd.argoproj.io/sync-options: SkipDryRunOnMissingResource=true lets a kind come to be during the release', async () => {
    const kind = (word: string): string =>
      `apiVersion: opt.example.com/v1\nkind: Late\nmetadata:\n  name: ${word}\n${word === 'a' ? argo('SkipDryRunOnMissingResource=true') : ''}`;
    const app = await lockstep.app('opt-missing', { 'a.yaml': kind('a'), 'b.yaml': configMap('b', { a: '1' }) });
    await until('the rest is there', () => app.get('v1', 'ConfigMap', 'b'));
    // What an operator of the same release would do.
    const [definition] = parseYaml(customKind('opt.example.com', 'Late'));
    await lockstep.kube.apply(definition as KubeObject);
    await app.ready(60_000);
    await lockstep.kube.delete(customKindRef('opt.example.com', 'Late'));
  });

  it('argocd.argoproj.io/sync-options: Validate=false changes nothing: the API server validates anyway', async () => {
    const wrong = `${deployment('web').replace('  name: web\n', `  name: web\n${argo('Validate=false')}`)}      nonsense: true\n`;
    const app = await lockstep.app('opt-validate', { 'web.yaml': wrong });
    expect(await app.refused('ApplyRefused')).toContain('nonsense');
  });

  it('kustomize.toolkit.fluxcd.io/ssa is Override, Merge, IfNotPresent or Ignore', async () => {
    await makeNamespace(lockstep.kube, 'opt-ssa');
    const theirs = (name: string): KubeObject =>
      ({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name, namespace: 'opt-ssa' },
        data: { theirs: '1' },
      }) as never;
    for (const name of ['override', 'merge', 'if-not-present', 'ignore']) await lockstep.kube.apply(theirs(name));
    const app = await lockstep.app('opt-ssa', {
      'override.yaml': configMap('override', { a: '1' }, flux('ssa', 'Override')),
      'merge.yaml': configMap('merge', { a: '1' }, flux('ssa', 'Merge')),
      'present.yaml': configMap('if-not-present', { a: '1' }, flux('ssa', 'IfNotPresent')),
      'absent.yaml': configMap('absent', { a: '1' }, flux('ssa', 'IfNotPresent')),
      'ignore.yaml': configMap('ignore', { a: '1' }, flux('ssa', 'Ignore')),
    });
    await app.ready();
    const data = async (name: string) => (await app.get('v1', 'ConfigMap', name))?.['data'];
    expect(await data('override')).toEqual({ a: '1' });
    expect(await data('merge')).toEqual({ a: '1', theirs: '1' });
    expect(await data('if-not-present')).toEqual({ theirs: '1' });
    expect(await data('absent')).toEqual({ a: '1' });
    expect(await data('ignore')).toEqual({ theirs: '1' });
    // Neither a commit nor drift changes what is there; what is gone is made again.
    await lockstep.kube.edit(app.ref('v1', 'ConfigMap', 'absent'), { data: { a: 'drift' } });
    app.push({ 'absent.yaml': configMap('absent', { a: '2' }, flux('ssa', 'IfNotPresent')) });
    await app.ready();
    await sleep(500);
    expect(await data('absent')).toEqual({ a: 'drift' });
    await lockstep.kube.delete(app.ref('v1', 'ConfigMap', 'absent'));
    await until(
      'it is made again',
      async () => textAt(await app.get('v1', 'ConfigMap', 'absent'), 'data', 'a') === '2',
    );
    await app.remove();
    expect(await data('if-not-present')).toEqual({ theirs: '1' });
  });

  it.each(['annotations', 'labels'])(
    'kustomize.toolkit.fluxcd.io/reconcile: disabled among the %s of the live object leaves it alone',
    async (field) => {
      const app = await lockstep.app(`opt-live-${field}`, {
        'a.yaml': configMap('a', { a: '1' }),
        'b.yaml': configMap('b', { a: '1' }),
      });
      await app.ready();
      const marked = { metadata: { [field]: { 'kustomize.toolkit.fluxcd.io/reconcile': 'disabled' } } };
      await lockstep.kube.edit(app.ref('v1', 'ConfigMap', 'a'), { ...marked, data: { a: 'mine' } });
      await sleep(500);
      app.push({ 'a.yaml': configMap('a', { a: '2' }), 'b.yaml': configMap('b', { a: '2' }) });
      await app.ready();
      expect(textAt(await app.get('v1', 'ConfigMap', 'a'), 'data', 'a')).toBe('mine');
      expect(textAt(await app.get('v1', 'ConfigMap', 'b'), 'data', 'a')).toBe('2');
      await app.remove();
      expect(await app.get('v1', 'ConfigMap', 'a')).toBeDefined();
    },
  );

  it('that allows a replacement is missing: the plan names the field and the annotation, and touches nothing (D8)', async () => {
    const app = await lockstep.app('opt-immutable', {
      'web.yaml': selecting('one'),
      'a.yaml': configMap('a', { a: '1' }),
    });
    await app.ready(30_000);
    app.push({ 'web.yaml': selecting('two'), 'a.yaml': configMap('a', { a: '2' }) });
    const message = await app.refused('ApplyRefused');
    expect(message).toContain(
      'spec.selector of Deployment opt-immutable/web can not be changed; lockstep.dev/replace: allowed',
    );
    expect(textAt(await app.get('v1', 'ConfigMap', 'a'), 'data', 'a')).toBe('1');
  });

  it('lockstep.dev/replace: allowed is gone back on too: the bad one is replaced by the good one', async () => {
    const allowed = annotated('lockstep.dev/replace: allowed');
    const app = await lockstep.app('opt-back', { 'web.yaml': selecting('one', allowed) });
    await app.ready(30_000);
    app.push({ 'web.yaml': selecting('two', allowed).replace('app:1', 'app:missing') });
    const status = await held(app);
    const live = await app.get('apps/v1', 'Deployment', 'web');
    expect(textAt(live, 'spec', 'selector', 'matchLabels', 'word')).toBe('one');
    expect(condition(status, 'Healthy')?.status).toBe('True');
  });

  it('lockstep.dev/replace: allowed deletes nothing that could not be made again, and never a volume', async () => {
    const claim = (size: string): string =>
      `apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata:\n  name: data\n${annotated('lockstep.dev/replace: allowed')}spec: {storageClassName: "", volumeName: ${size}, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}\n`;
    const allowed = annotated('lockstep.dev/replace: allowed, lockstep.dev/health: ignore');
    const app = await lockstep.app('opt-never', {
      'data.yaml': claim('one')
        .replace('metadata:', 'metadata:')
        .replace('lockstep.dev/replace: allowed', 'lockstep.dev/replace: allowed, lockstep.dev/health: ignore'),
      'web.yaml': selecting('one', allowed),
    });
    await app.ready(30_000);
    const before = await app.get('apps/v1', 'Deployment', 'web');
    app.push({ 'data.yaml': claim('two') });
    expect(await app.refused('ApplyRefused')).toContain('spec is immutable after creation');
    expect(await app.get('v1', 'PersistentVolumeClaim', 'data')).toBeDefined();
    app.push({ 'data.yaml': null, 'web.yaml': selecting('two', allowed).replace('image: app:1', 'image: ""') });
    await until('that is refused too', async () =>
      (await app.refused('ApplyRefused')).includes('image: Required value'),
    );
    expect((await app.get('apps/v1', 'Deployment', 'web'))?.metadata.uid).toBe(before?.metadata.uid);
  });

  it('lockstep.dev/prune: first makes room before anything is applied, and is gone back on too', async () => {
    const service = (name: string): string =>
      `apiVersion: v1\nkind: Service\nmetadata:\n  name: ${name}\n${annotated('lockstep.dev/prune: first')}spec: {type: NodePort, selector: {app: web}, ports: [{port: 80, nodePort: 31999}]}\n`;
    const app = await lockstep.app('opt-first', { 's.yaml': service('old'), 'web.yaml': deployment('web') });
    await app.ready(30_000);
    app.push({ 's.yaml': service('new') });
    await app.ready(40_000);
    expect(await app.get('v1', 'Service', 'old')).toBeUndefined();
    expect(numberAt(await app.get('v1', 'Service', 'new'), 'spec', 'ports', '0', 'nodePort')).toBeUndefined();
    app.push({ 's.yaml': service('newer'), 'web.yaml': deployment('web', { image: 'app:missing' }) });
    await held(app);
    expect(await app.get('v1', 'Service', 'newer')).toBeUndefined();
    expect(JSON.stringify(await app.get('v1', 'Service', 'new'))).toContain('31999');
  });

  it('without lockstep.dev/prune: first, the plan names who is in the way of what was only renamed', async () => {
    const service = (name: string, metadata = ''): string =>
      `apiVersion: v1\nkind: Service\nmetadata:\n  name: ${name}\n${metadata}spec: {type: NodePort, selector: {app: web}, ports: [{port: 80, nodePort: 31997}]}\n`;
    const app = await lockstep.app('opt-rival', { 's.yaml': service('old') });
    await app.ready(30_000);
    app.push({ 's.yaml': service('new') });
    const message = await app.refused('Blocked', 30_000);
    expect(message).toContain('provided port is already allocated');
    expect(message).toContain(
      'Service opt-rival/old, which leaves, has nodePort 31997: lockstep.dev/prune: first on it deletes it before',
    );
    app.push({ 's.yaml': service('old', annotated('lockstep.dev/prune: first')) });
    await app.ready(30_000);
    app.push({ 's.yaml': service('new') });
    await app.ready(40_000);
    expect(await app.get('v1', 'Service', 'old')).toBeUndefined();
  });

  it('lockstep.dev/health: ignore, or argocd.argoproj.io/ignore-healthcheck, lets what is not well pass', async () => {
    const ill = (name: string, metadata: string): string =>
      deployment(name, { pod: { pod: 'never-ready' } }).replace(`  name: ${name}\n`, `  name: ${name}\n${metadata}`);
    const app = await lockstep.app('opt-health', {
      'a.yaml': ill('mine', annotated('lockstep.dev/health: ignore')),
      'b.yaml': ill('argos', annotated('argocd.argoproj.io/ignore-healthcheck: "true"')),
    });
    await app.ready(30_000);
  });
});
