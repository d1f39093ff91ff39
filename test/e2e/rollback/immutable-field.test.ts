import { expect, it } from 'vitest';
import { objectsAt, textAt } from '../../../diff/json.ts';
import { configMap, deployment, describeOnOwnCluster, useLockstep } from '../support/lockstep.ts';
import { held, holdMessage } from '../support/rollback.ts';

const lockstep = useLockstep(['back-immutable']);

describeOnOwnCluster('an immutable field in the last wave', () => {
  it('is rejected with its path before anything is touched', async () => {
    const app = await lockstep.app('back-immutable', {
      'first.yaml': configMap('first', { color: 'blue' }),
      'last.yaml': deployment('last', { wave: 2 }),
    });
    const ready = await app.ready();
    const good = app.revision;
    const since = Date.now();
    app.push({
      'first.yaml': configMap('first', { color: 'red' }),
      'added.yaml': configMap('added', { a: '1' }),
      'last.yaml': deployment('last', { wave: 2 })
        .replace('matchLabels: {app: last}', 'matchLabels: {app: last, is: other}')
        .replace('labels: {app: last}', 'labels: {app: last, is: other}'),
    });
    const status = await held(app, 'ApplyRefused');
    expect(holdMessage(status)).toMatch(/spec\.selector.*field is immutable/);
    expect(app.writes(since)).toEqual([]);
    expect(textAt(status, 'status', 'revision', 'target')).toBe(good);
    const [rejected, ...others] = objectsAt(status, 'status', 'history');
    expect(rejected).toMatchObject({ verdict: 'Rejected', revision: app.revision });
    expect(others).toEqual(objectsAt(ready, 'status', 'history'));
  });
});
