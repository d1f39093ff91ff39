import { expect, it } from 'vitest';
import { numberAt, objectsAt } from '../../../diff/json.ts';
import { deployment, describeOnOwnCluster, useLockstep } from '../support/lockstep.ts';

const lockstep = useLockstep(['back-slow']);

describeOnOwnCluster('a slow but healthy rollout', () => {
  it('of 20 pods that take 8 s each never fails, and its deadline starts again with each one', async () => {
    const app = await lockstep.app(
      'back-slow',
      { 'web.yaml': deployment('web', { replicas: 20 }) },
      { health: { deadline: '14s' } },
    );
    await app.ready();
    const since = Date.now();
    app.push({ 'web.yaml': deployment('web', { replicas: 20, image: 'app:2', pod: { 'ready-after': '8s' } }) });
    const status = await app.ready(100_000);
    // It took longer than the deadline.
    expect(Date.now() - since).toBeGreaterThan(15_000);
    expect(objectsAt(status, 'status', 'history').map(({ verdict }) => verdict)).toEqual(['Good', 'Good']);
    expect(numberAt(await app.get('apps/v1', 'Deployment', 'web'), 'status', 'updatedReplicas')).toBe(20);
  });
});
