import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { at } from '../../diff/json.ts';
import { agentNamespace, deliveryOf, deliveryRef, letDo, makeNamespace } from './support/furnish.ts';
import { until } from './support/kube.ts';
import { setLimits } from './support/limits.ts';
import { configMap, describeOnOwnCluster, useLockstep } from './support/lockstep.ts';

const name = 'tenants-limits';
const lockstep = useLockstep(
  ['tenants-a', 'tenants-b', 'tenants-c', 'tenants-d', 'tenants-rbac', 'tenants-bind', 'tenants-own', 'tenants-refs'],
  {
    flags: ['--limits', name],
  },
);

const limit = (data: Readonly<Record<string, string>>): Promise<void> => setLimits(lockstep.kube, name, data);

const clusterRole = (verbs: string): string =>
  `apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: tenants-role}\nrules: [{apiGroups: [""], resources: [pods], verbs: [${verbs}]}]\n`;

describeOnOwnCluster('a tenant', () => {
  it('is held to the limits of its namespace, all that goes beyond them is named, and nothing is touched (T1)', async () => {
    await limit({ 'tenants-a': 'kinds: {deny: [/Secret]}\nclusterScope: false\nnamespaces: ["."]\n' });
    const app = await lockstep.app('tenants-a', {
      'a.yaml': configMap('a', { a: '1' }),
      'b.yaml': configMap('b', { a: '1' }, '  namespace: default\n'),
      'c.yaml': clusterRole('get'),
      'd.yaml': 'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n',
      // What is in a List counts as well.
      'e.yaml': 'apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: Secret, metadata: {name: t}}]\n',
    });
    const message = await app.refused('NotAllowed');
    expect(message).toContain('4 problems');
    expect(message).toContain(
      'ConfigMap default/b: the namespace default is not allowed for Deliveries of the namespace tenants-a',
    );
    expect(message).toContain('ClusterRole tenants-role: objects outside of namespaces are not allowed');
    expect(message).toContain('Secret tenants-a/s: objects of the kind /Secret are not allowed');
    expect(message).toContain('Secret tenants-a/t: objects of the kind /Secret are not allowed');
    expect(await app.get('v1', 'ConfigMap', 'a')).toBeUndefined();
    app.push({ 'b.yaml': null, 'c.yaml': null, 'd.yaml': null, 'e.yaml': null });
    await app.ready();
  });

  it('is held to other limits as soon as they are written', async () => {
    await limit({});
    const app = await lockstep.app('tenants-b', { 'a.yaml': configMap('a', { a: '1' }) });
    await app.ready();
    await limit({ default: 'kinds: {allow: [apps/*]}\n' });
    expect(await app.refused('NotAllowed')).toContain('objects of the kind /ConfigMap are not allowed');
    // What is live stays, and is healed.
    expect(await app.get('v1', 'ConfigMap', 'a')).toBeDefined();
    await limit({ default: 'kinds: {allow: [apps/*]}\n', 'tenants-b': '{}' });
    await app.ready();
  });

  it('may do nothing while its limits can not be understood', async () => {
    await limit({ 'tenants-c': 'kinds: {forbid: [/Secret]}\n' });
    const app = await lockstep.app('tenants-c', { 'a.yaml': configMap('a', { a: '1' }) });
    expect(await app.refused('NotAllowed')).toContain('can not be understood: tenants-c: forbid is not known');
    expect(await app.get('v1', 'ConfigMap', 'a')).toBeUndefined();
    await limit({});
    await app.ready();
  });

  it('may read only the sources of its namespace: others are not even asked', async () => {
    await limit({ 'tenants-d': 'sources: ["https://git.example.com/team-d/*"]\n' });
    const app = await lockstep.app('tenants-d', { 'a.yaml': configMap('a', { a: '1' }) });
    expect(await app.refused('NotAllowed')).toMatch(
      /^the source http:\/\/.* is not allowed for Deliveries of the namespace tenants-d$/,
    );
    await limit({});
    await app.ready();
  });

  it("can not touch the agent's own namespace (T4)", async () => {
    await limit({});
    const app = await lockstep.app('tenants-own', {
      'a.yaml': configMap('a', { a: '1' }, `  namespace: ${agentNamespace}\n`),
    });
    expect(await app.refused('NotAllowed')).toContain(`the namespace ${agentNamespace} is the agent's own`);
  });

  it('does everything as its own account: what that may not, is refused by the API server (T2)', async () => {
    const app = await lockstep.app(
      'tenants-rbac',
      { 'a.yaml': configMap('a', { a: '1' }), 'b.yaml': clusterRole('"*"') },
      {},
      ['get', 'list', 'watch', 'patch', 'create', 'delete'],
    );
    expect(await app.refused('Forbidden')).toContain(
      'User "system:serviceaccount:tenants-rbac:lockstep" cannot patch resource "clusterroles"',
    );
    expect(await app.get('v1', 'ConfigMap', 'a')).toBeUndefined();
  });

  it('can not reach a Secret of another namespace, nor be served outside of those that are (T3, T4)', async () => {
    await limit({});
    const { kube } = lockstep;
    const credentials = { username: 'Z2l0', password: 'aHVzaA==' };
    await makeNamespace(kube, 'tenants-other');
    for (const name of ['git', 'far'])
      await kube.apply({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name, namespace: 'tenants-other' },
        data: credentials,
      } as never);
    const app = await lockstep.app('tenants-refs', { 'a.yaml': configMap('a', { a: '1' }) });
    await app.ready();
    const names = ['../../tenants-other/secrets/git', 'tenants-other/git'];
    for (const name of names) {
      await kube.edit(app.delivery, { spec: { source: { secretRef: { name, namespace: 'tenants-other' } } } });
      await until('it is not found', async () => (await app.refused('CredentialsNotFound')).includes(name));
    }
    // There is no field for it: the API server drops it.
    expect(at(await kube.get(app.delivery), 'spec', 'source', 'secretRef')).toEqual({ name: names[1] });
    await kube.apply(deliveryOf('tenants-other', 'app', app.repository.url));
    await sleep(1_500);
    expect(at(await kube.get(deliveryRef('tenants-other', 'app')), 'status')).toBeUndefined();
    expect(
      await kube.get({ apiVersion: 'v1', kind: 'ConfigMap', namespace: 'tenants-other', name: 'a' }),
    ).toBeUndefined();
  });

  it('gains no rights by a binding: nobody may give what they do not have (T2)', async () => {
    const binding = `apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: all}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{kind: ServiceAccount, name: lockstep, namespace: tenants-bind}]
`;
    const app = await lockstep.app('tenants-bind', { 'a.yaml': binding }, {}, 'none');
    const rules = [{ apiGroups: ['rbac.authorization.k8s.io'], resources: ['rolebindings'], verbs: ['*'] }];
    const namespace = 'tenants-bind';
    await letDo(lockstep.kube, namespace, 'lockstep', rules);
    await app.request('sync@1');
    expect(await app.refused('Forbidden', 40_000)).toContain(
      'rolebindings.rbac.authorization.k8s.io "all" is forbidden',
    );
  });
});
