import { expect, it } from 'vitest';
import { toJson } from '../../diff/json.ts';
import { deliveriesPath, deliveryOf, deliveryRef, letDo } from './support/furnish.ts';
import { installGuard } from './support/guard.ts';
import { type App, configMap, describeOnOwnCluster, useLockstep } from './support/lockstep.ts';

const namespace = 'guard-family';
const lockstep = useLockstep([namespace]);

const role = (apiGroups: string[], resources: string[], verbs: string[]) => ({ apiGroups, resources, verbs });
const own = [
  role([''], ['configmaps'], ['*']),
  role(['lockstep.dev'], ['deliveries'], ['get', 'list', 'watch', 'create', 'patch', 'delete']),
];

/** Lets the account of the namespace do this there, and nothing else. */
const may = (rules: readonly object[]) => letDo(lockstep.kube, namespace, 'lockstep', rules);

const child = (name: string, account: string) =>
  deliveryOf(namespace, name, 'https://git.example.com/x.git', {
    suspend: true,
    target: { serviceAccountName: account },
  });

/** Whether the account of the namespace may not make such a Delivery; nothing is made. */
async function isRefused(name: string): Promise<boolean> {
  const path = deliveriesPath(namespace);
  const impersonate = `system:serviceaccount:${namespace}:lockstep`;
  const body = toJson(child(name, 'admin'));
  return lockstep.kube.http
    .request({ method: 'POST', path, body, contentType: 'application/json', impersonate, query: { dryRun: 'All' } })
    .then(
      () => false,
      (error: Error) => error.message.includes('may not impersonate'),
    );
}

describeOnOwnCluster('a Delivery of Deliveries whose account is a weak one', () => {
  let app: App;

  it('brings none of a stronger account: it acts as itself, and the guard holds for it too (T6)', async () => {
    app = await lockstep.app(namespace, {}, {}, 'none');
    await may(own);
    await installGuard(lockstep.kube, isRefused);
    app.push({ 'a.yaml': configMap('a', { a: '1' }), 'kid.json': toJson(child('kid', 'admin')) });
    expect(await app.refused('ApplyRefused')).toContain(
      `system:serviceaccount:${namespace}:lockstep may not impersonate the service account admin`,
    );
    expect(await lockstep.kube.get(deliveryRef(namespace, 'kid'))).toBeUndefined();
  });

  it('brings those of an account that it may act as', async () => {
    await may([...own, { ...role([''], ['serviceaccounts'], ['impersonate']), resourceNames: ['reader'] }]);
    app.push({ 'kid.json': toJson(child('kid', 'reader')) });
    await app.ready(60_000);
    expect(await lockstep.kube.get(deliveryRef(namespace, 'kid'))).toMatchObject({
      spec: { target: { serviceAccountName: 'reader' } },
    });
    await app.remove(60_000);
  });
});
