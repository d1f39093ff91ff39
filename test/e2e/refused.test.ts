import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { textAt } from '../../diff/json.ts';
import { grant } from './support/furnish.ts';
import { until } from './support/kube.ts';
import { type App, configMap, deployment, describeOnOwnCluster, useLockstep } from './support/lockstep.ts';

const lockstep = useLockstep(['refused-middle', 'refused-prune', 'refused-heal']);
const all = ['get', 'list', 'watch', 'create', 'patch', 'delete'];
const without = (verb: string): string[] => all.filter((one) => one !== verb);
const color = async (app: App, name: string) => textAt(await app.get('v1', 'ConfigMap', name), 'data', 'color');

describeOnOwnCluster('what the API server refuses', () => {
  it('in the middle of a release is told, stops the waves, and is tried again by itself', async () => {
    const wave = (number: number): string => `  annotations: {lockstep.dev/wave: "${number}"}\n`;
    const files = {
      'a.yaml': deployment('first', { pod: { 'ready-after': '2s' } }),
      'b.yaml': configMap('second', { color: 'blue' }, wave(1)),
      'c.yaml': configMap('third', { color: 'blue' }, wave(2)),
    };
    const app = await lockstep.app('refused-middle', files, {}, all);
    await until('the first wave is applied', () => app.get('apps/v1', 'Deployment', 'first'));
    await grant(lockstep.kube, 'refused-middle', without('create'));
    expect(await app.refused('ApplyFailed')).toMatch(/^configmaps "second" is forbidden: .*cannot create resource/);
    expect(textAt(await app.status(), 'status', 'state')).toBe('Applying');
    await sleep(1_500);
    expect(await app.get('v1', 'ConfigMap', 'third')).toBeUndefined();
    await grant(lockstep.kube, 'refused-middle', all);
    await app.ready(30_000);
    expect(await color(app, 'third')).toBe('blue');
  });

  it('when something is pruned is told, and is tried again by itself (D6)', async () => {
    const files = { 'a.yaml': configMap('kept', { color: 'blue' }), 'b.yaml': configMap('old', { color: 'blue' }) };
    const app = await lockstep.app('refused-prune', files, {}, without('delete'));
    await app.ready();
    app.push({ 'b.yaml': null });
    expect(await app.refused('PruneIncomplete')).toMatch(/^configmaps "old" is forbidden: .*cannot delete resource/);
    expect(await color(app, 'old')).toBe('blue');
    await grant(lockstep.kube, 'refused-prune', all);
    await app.ready(30_000);
    expect(await app.get('v1', 'ConfigMap', 'old')).toBeUndefined();
  });

  it('when drift is healed is told while the drift lasts', async () => {
    const files = { 'a.yaml': configMap('a', { color: 'blue' }), 'b.yaml': configMap('b', { color: 'blue' }) };
    const app = await lockstep.app('refused-heal', files, {}, all);
    await app.ready();
    await grant(lockstep.kube, 'refused-heal', without('patch'));
    await lockstep.kube.edit(app.ref('v1', 'ConfigMap', 'a'), { data: { color: 'red' } });
    const reason = /^configmaps "a" is forbidden: .*cannot patch resource/;
    expect(await app.refused('HealFailed')).toMatch(reason);
    for (let edit = 0; edit < 8; edit += 1) {
      await lockstep.kube.edit(app.ref('v1', 'ConfigMap', 'a'), { data: { color: `red-${edit}` } });
      await sleep(150);
    }
    // It is not tried for ever, but why it does not work stays told.
    await sleep(1_000);
    expect(await app.refused('HealFailed')).toMatch(reason);
    await grant(lockstep.kube, 'refused-heal', all);
    // It would be tried again within a minute; who asks for a sync need not wait.
    await app.request('sync@1');
    await app.ready(10_000);
    expect(await color(app, 'a')).toBe('blue');
  });
});
