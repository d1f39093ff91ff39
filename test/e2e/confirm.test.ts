import { setTimeout as sleep } from 'node:timers/promises';
import { expect, inject, it } from 'vitest';
import { textAt } from '../../diff/json.ts';
import { lockstepCommand } from './support/cli.ts';
import { gone, until } from './support/kube.ts';
import { type App, configMap, describeOnOwnCluster, useLockstep } from './support/lockstep.ts';

const lockstep = useLockstep([
  'confirm-mass',
  'confirm-empty',
  'confirm-protected',
  'confirm-option',
  'confirm-delete',
  'confirm-rest',
]);

const many = (count: number): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`m${i}.yaml`, configMap(`m${i}`, { a: '1' })]));
const none = (count: number): Record<string, null> =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`m${i}.yaml`, null]));
const argo = (options: string): string => `  annotations: {argocd.argoproj.io/sync-options: "${options}"}\n`;

function confirm(app: App, plan: string) {
  return lockstepCommand(['confirm', 'app', '--plan', plan, '-n', app.namespace, '--kubeconfig', inject('kubeconfig')]);
}

/** The plan that a refusal asks to be confirmed. */
const planIn = (message: string): string => /confirms the plan ([0-9a-f]{12})$/.exec(message)?.[1] ?? 'none';

describeOnOwnCluster('a word of a person lets', () => {
  it('more than half go, for that one plan', async () => {
    const app = await lockstep.app('confirm-mass', many(12));
    await app.ready();
    app.push(none(7));
    const plan = planIn(await app.refused('TooManyPruned'));
    // Another plan has another name: the word does not hold for it.
    app.push({ 'm8.yaml': null });
    await until('the newer one is refused', async () => planIn(await app.refused('TooManyPruned')) !== plan);
    expect(confirm(app, plan).code).toBe(0);
    await sleep(1_000);
    expect(await app.get('v1', 'ConfigMap', 'm0')).toBeDefined();
    expect(confirm(app, planIn(await app.refused('TooManyPruned'))).code).toBe(0);
    await app.ready();
    expect(await app.get('v1', 'ConfigMap', 'm0')).toBeUndefined();
    expect(await app.get('v1', 'ConfigMap', 'm11')).toBeDefined();
  });

  it('everything go when the path is empty', async () => {
    const app = await lockstep.app('confirm-empty', { ...many(3), 'README.md': 'about' });
    await app.ready();
    app.push(none(3));
    expect(confirm(app, planIn(await app.refused('EmptyRender'))).code).toBe(0);
    await app.ready();
    expect(await app.get('v1', 'ConfigMap', 'm0')).toBeUndefined();
  });

  it('a Namespace and a claim go that left Git, also after that was released; what its annotation keeps stays', async () => {
    const home = (name: string, metadata: string): string =>
      `apiVersion: v1\nkind: Namespace\nmetadata:\n  name: ${name}\n${metadata}`;
    const app = await lockstep.app('confirm-protected', {
      ...many(1),
      'ns.yaml': home('confirm-inner', ''),
      'kept.yaml': home('confirm-kept', '  annotations: {helm.sh/resource-policy: keep}\n'),
    });
    await app.ready();
    app.push({ 'ns.yaml': null, 'kept.yaml': null });
    const ready = await app.ready();
    await sleep(500);
    const inner = { apiVersion: 'v1', kind: 'Namespace', name: 'confirm-inner' };
    expect(await lockstep.kube.get(inner)).toBeDefined();
    expect(confirm(app, textAt(ready, 'status', 'plan') ?? '').code).toBe(0);
    await gone(lockstep.kube, inner);
    expect(await lockstep.kube.get({ ...inner, name: 'confirm-kept' })).toBeDefined();
    await app.ready();
  });

  it('argocd.argoproj.io/sync-options: Prune=confirm and Delete=confirm go', async () => {
    const app = await lockstep.app('confirm-option', {
      'a.yaml': configMap('a', { a: '1' }, argo('Prune=confirm')),
      'b.yaml': configMap('b', { a: '1' }),
    });
    await app.ready();
    app.push({ 'a.yaml': null });
    const ready = await app.ready();
    await sleep(500);
    expect(await app.get('v1', 'ConfigMap', 'a')).toBeDefined();
    expect(confirm(app, textAt(ready, 'status', 'plan') ?? '').code).toBe(0);
    await gone(lockstep.kube, app.ref('v1', 'ConfigMap', 'a'));
  });

  it('a deleted Delivery take what waits for a word', async () => {
    const app = await lockstep.app('confirm-delete', {
      'a.yaml': configMap('a', { a: '1' }, argo('Delete=confirm')),
      'b.yaml': configMap('b', { a: '1' }),
    });
    await app.ready();
    await lockstep.kube.delete(app.delivery);
    expect(await app.refused('Deleting')).toContain(
      'ConfigMap confirm-delete/a: argocd.argoproj.io/sync-options: Delete=confirm',
    );
    await sleep(500);
    expect(await app.get('v1', 'ConfigMap', 'b')).toBeDefined();
    await app.request('confirm@1 plan=deletion');
    await gone(lockstep.kube, app.delivery);
    expect(await app.get('v1', 'ConfigMap', 'a')).toBeUndefined();
  });

  it('things go by REST as well', async () => {
    const app = await lockstep.app('confirm-rest', many(12));
    await app.ready();
    app.push(none(7));
    const plan = planIn(await app.refused('TooManyPruned'));
    const url = `${lockstep.agent.api}/api/v1/deliveries/confirm-rest/app/confirm`;
    const headers = { 'content-type': 'application/json' };
    const ask = async (body: object): Promise<number> =>
      (await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })).status;
    expect(await ask({})).toBe(400);
    expect(await ask({ plan })).toBe(202);
    await app.ready();
  });
});
