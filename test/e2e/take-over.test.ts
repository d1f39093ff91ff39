import { expect, inject, it } from 'vitest';
import { at, numberAt, objectsAt, textAt } from '../../diff/json.ts';
import { lockstepBeside } from './support/cli.ts';
import { makeNamespace } from './support/furnish.ts';
import { kubectl } from './support/kubectl.ts';
import { type App, configMap, deployment, describeOnOwnCluster, useLockstep } from './support/lockstep.ts';

const lockstep = useLockstep([
  'take-kubectl',
  'take-replicas',
  'take-helm',
  'take-edit',
  'take-back',
  'take-kept',
  'take-force',
  'take-server',
]);

/** What `kubectl apply` makes of text in a namespace. */
async function applied(namespace: string, text: string, ...flags: string[]): Promise<void> {
  await makeNamespace(lockstep.kube, namespace);
  const { code, stderr } = await kubectl(inject('kubeconfig'), ['apply', '-n', namespace, '-f', '-', ...flags], text);
  expect(stderr).toBe('');
  expect(code).toBe(0);
}

const managersOf = (object: unknown): string[] => [
  ...new Set(
    objectsAt(object as never, 'metadata', 'managedFields').map(
      ({ manager, operation }) => `${String(manager)} ${String(operation)}`,
    ),
  ),
];

async function planOf(app: App): Promise<string> {
  const flags = ['-n', app.namespace, '--kubeconfig', inject('kubeconfig')];
  return (await lockstepBeside(['plan', 'app', ...flags])).stdout;
}

const withEnv = (...names: string[]): string =>
  deployment('web').replace(
    'ports:',
    `env: [${names.map((name) => `{name: ${name}, value: "1"}`).join(', ')}]\n          ports:`,
  );

describeOnOwnCluster('what was made before', () => {
  it('by kubectl apply goes with its fields: those that are not in Git are gone, and so is its note', async () => {
    await applied('take-kubectl', withEnv('KEPT', 'OLD'));
    const app = await lockstep.app('take-kubectl', { 'web.yaml': withEnv('KEPT') }, { suspend: true });
    const plan = await planOf(app);
    expect(plan).toContain('adopt   wave 0  Deployment take-kubectl/web');
    expect(plan).toContain('spec.template.spec.containers[main].env[OLD]: {"name":"OLD","value":"1"} → (none)');
    await lockstep.kube.edit(app.delivery, { spec: { suspend: false } });
    await app.ready(40_000);
    const live = await app.get('apps/v1', 'Deployment', 'web');
    expect(JSON.stringify(live)).not.toContain('OLD');
    expect(JSON.stringify(live)).not.toContain('last-applied-configuration');
    expect(managersOf(live).filter((name) => name.startsWith('kubectl'))).toEqual([]);
    // From then on what leaves Git leaves the cluster.
    app.push({ 'web.yaml': withEnv('OTHER') });
    await app.ready(90_000);
    expect(JSON.stringify(await app.get('apps/v1', 'Deployment', 'web'))).not.toContain('KEPT');
  });

  it('by kubectl apply --server-side goes the same way', async () => {
    await applied('take-server', configMap('a', { a: '1', old: '1' }), '--server-side');
    const app = await lockstep.app('take-server', { 'a.yaml': configMap('a', { a: '1' }) });
    await app.ready();
    expect((await app.get('v1', 'ConfigMap', 'a'))?.['data']).toEqual({ a: '1' });
  });

  it('and scaled keeps its count when Git leaves that to somebody else', async () => {
    await applied('take-replicas', deployment('web', { replicas: 4 }));
    const app = await lockstep.app('take-replicas', { 'web.yaml': deployment('web').replace('  replicas: 1\n', '') });
    await app.ready(40_000);
    expect(numberAt(await app.get('apps/v1', 'Deployment', 'web'), 'spec', 'replicas')).toBe(4);
  });

  it('by Helm is taken over with adopt only, with all that its chart declared', async () => {
    await makeNamespace(lockstep.kube, 'take-helm');
    const mine = { 'meta.helm.sh/release-name': 'shop', 'meta.helm.sh/release-namespace': 'take-helm' };
    const object = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'a', namespace: 'take-helm', annotations: mine },
      data: { a: '1', old: '1' },
    };
    const path = '/api/v1/namespaces/take-helm/configmaps';
    const query = { fieldManager: 'helm' };
    await lockstep.kube.http.request({
      method: 'POST',
      path,
      query,
      body: JSON.stringify(object),
      contentType: 'application/json',
    });
    const app = await lockstep.app('take-helm', { 'a.yaml': configMap('a', { a: '2' }) });
    expect(await app.refused('ForeignOwner')).toContain('belongs to the Helm release shop');
    await lockstep.kube.edit(app.delivery, { spec: { sync: { adopt: true } } });
    await app.ready(40_000);
    const live = await app.get('v1', 'ConfigMap', 'a');
    expect(live?.['data']).toEqual({ a: '2' });
    expect(JSON.stringify(live)).not.toContain('meta.helm.sh');
  });

  it('in part by kubectl edit does not stay when it leaves Git', async () => {
    const app = await lockstep.app('take-edit', { 'a.yaml': configMap('a', { a: '1', b: '1' }) });
    await app.ready();
    const ref = app.ref('v1', 'ConfigMap', 'a');
    // Changed, and changed back: the value is Git's, and the field is two people's.
    await lockstep.kube.edit(ref, { data: { b: '2' } }, 'kubectl-edit');
    await lockstep.kube.edit(ref, { data: { b: '1' } }, 'kubectl-edit');
    await app.ready();
    app.push({ 'a.yaml': configMap('a', { a: '1' }) });
    await app.ready();
    expect((await lockstep.kube.get(ref))?.['data']).toEqual({ a: '1' });
  });

  it('is given back whole when the release that took it over fails', async () => {
    const base = await lockstep.app('take-back', { 'b.yaml': configMap('b', { a: '1' }) });
    await base.ready();
    await applied('take-back', withEnv('OLD').replaceAll('app: web', 'app: web, tier: front'));
    const before = await base.get('apps/v1', 'Deployment', 'web');
    base.push({
      'web.yaml': withEnv('NEW').replaceAll('app: web', 'app: web, tier: front').replace('app:1', 'app:missing'),
    });
    expect(await base.refused('RolledBack', 60_000)).toContain('ErrImagePull');
    const after = await base.get('apps/v1', 'Deployment', 'web');
    expect(after?.['spec']).toEqual(before?.['spec']);
    expect(at(after, 'metadata', 'labels')).toEqual(at(before, 'metadata', 'labels'));
    expect(textAt(after, 'metadata', 'annotations', 'kubectl.kubernetes.io/last-applied-configuration')).toBe(
      textAt(before, 'metadata', 'annotations', 'kubectl.kubernetes.io/last-applied-configuration'),
    );
    expect(managersOf(after)).toContain('kubectl-client-side-apply Update');
    expect(managersOf(after).filter((name) => name.startsWith('lockstep'))).toEqual([]);
  });

  it('and is declared by another agent too stays when it leaves Git, and the plan says who keeps it', async () => {
    const app = await lockstep.app('take-kept', { 'a.yaml': configMap('a', { a: '1', both: '1' }) });
    await app.ready();
    const theirs = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'a', namespace: 'take-kept' },
      data: { both: '1' },
    };
    await lockstep.kube.apply(theirs, 'mesh-operator');
    await lockstep.kube.edit(app.delivery, { spec: { suspend: true } });
    app.push({ 'a.yaml': configMap('a', { a: '2' }) });
    expect(await planOf(app)).toContain('data.both is kept by mesh-operator');
    await lockstep.kube.edit(app.delivery, { spec: { suspend: false } });
    await app.ready();
    expect((await app.get('v1', 'ConfigMap', 'a'))?.['data']).toEqual({ a: '2', both: '1' });
  });

  it('names the manager whose field is taken, in the plan and in an event', async () => {
    const app = await lockstep.app('take-force', { 'web.yaml': deployment('web').replace('  replicas: 1\n', '') });
    await app.ready(40_000);
    await lockstep.kube.edit(app.ref('apps/v1', 'Deployment', 'web'), { spec: { replicas: 3 } }, 'kubectl-scale');
    await lockstep.kube.edit(app.delivery, { spec: { suspend: true } });
    app.push({ 'web.yaml': deployment('web', { replicas: 2 }) });
    expect(await planOf(app)).toContain('takes spec.replicas from kubectl-scale');
    await lockstep.kube.edit(app.delivery, { spec: { suspend: false } });
    await app.ready(90_000);
    const told = (await app.events()).filter(({ reason }) => reason === 'FieldsTaken').map(({ message }) => message);
    expect(told).toEqual(['Deployment take-force/web: took spec.replicas from kubectl-scale']);
  });
});
