import { describe, expect, it } from 'vitest';
import { inputOf } from '../../../../sync/input.ts';
import { reconcile } from '../../../../sync/reconcile.ts';
import { file } from '../support/objects.ts';
import { type FakeTurn, makeTurn } from '../support/turn.ts';
import { push, tellAll } from './agent.ts';

const kinds = [{ apiVersion: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true }];
const map = (name: string, value: string) =>
  file(`${name}.yaml`, `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\ndata: {value: "${value}"}\n`);
const names = Array.from({ length: 100 }, (_, index) => `c${index}`);

/** One turn, after the watches have told all there is. */
async function once(turn: FakeTurn): Promise<void> {
  tellAll(turn);
  turn.session.generation = turn.delivery.generation;
  await reconcile(turn);
}

async function settle(turn: FakeTurn): Promise<void> {
  for (let round = 0; round < 5; round += 1) {
    turn.now += 120_000;
    await once(turn);
  }
}

describe('a release that runs', () => {
  it('makes room for a newer commit in the middle of a wave, at the next object', async () => {
    const turn = makeTurn({ kinds });
    push(
      turn,
      '1',
      names.map((name) => map(name, 'first')),
    );
    await settle(turn);
    expect(turn.session.record.standing.state).toBe('Synced');
    push(
      turn,
      '2',
      names.map((name) => map(name, 'second')),
    );
    const { cluster } = turn.world;
    let applied = 0;
    turn.world.cluster = (identity) => ({
      ...cluster(identity),
      apply: async (object, options) => {
        const answer = await cluster(identity).apply(object, options);
        if (!options.dryRun && JSON.stringify(object).includes('"second"')) {
          applied += 1;
          if (applied === 5) {
            push(
              turn,
              '3',
              names.map((name) => map(name, 'third')),
            );
            turn.session.pollAt = 0;
          }
        }
        // The network takes its time.
        await new Promise((resolve) => setTimeout(resolve, 1));
        return answer;
      },
    });
    await settle(turn);
    expect(applied).toBeGreaterThanOrEqual(5);
    expect(applied).toBeLessThan(names.length);
    expect([...turn.objects.values()].every((object) => JSON.stringify(object).includes('"third"'))).toBe(true);
    expect(turn.session.record.history.map(({ verdict }) => verdict)).toEqual(['Good', 'Superseded', 'Good']);
  });

  it('keeps its probation, although a tip that was rejected before is weighed again', async () => {
    const turn = makeTurn({ kinds });
    push(turn, '1', [map('a', 'first')]);
    await settle(turn);
    const standing = () => turn.session.record.standing;
    const revision = '3'.repeat(40);
    const input = inputOf(turn.delivery, `tree-${revision}`);
    const tip = { ...standing().tip, revision, input } as NonNullable<ReturnType<typeof standing>['tip']>;
    push(turn, '3', [map('a', 'third')]);
    turn.session.record = { ...turn.session.record, standing: { ...standing(), state: 'Probation', tip } };
    turn.session.record = {
      ...turn.session.record,
      clocks: { ...turn.session.record.clocks, probation: turn.now + 600_000 },
      entries: new Map(
        [...turn.session.record.entries].map(([key, entry]) => [
          key,
          { ...entry, touched: true, ref: { ...entry.ref, kind: 'Pod' }, manifest: { ...entry.manifest, kind: 'Pod' } },
        ]),
      ),
    };
    await once(turn);
    turn.now += 60_000;
    await once(turn);
    expect(standing().state).toBe('Probation');
    // News ends it.
    push(turn, '4', [map('a', 'fourth')]);
    turn.session.pollAt = 0;
    await once(turn);
    await once(turn);
    expect(standing().state).not.toBe('Probation');
  });

  it('fails when it takes too long in all, whatever progress it makes', async () => {
    const deployment =
      'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 1000, selector: {matchLabels: {app: web}}}\n';
    const turn = makeTurn({
      kinds: [...kinds, { apiVersion: 'apps/v1', kind: 'Deployment', plural: 'deployments', namespaced: true }],
    });
    push(turn, '1', [map('c', 'first')]);
    await settle(turn);
    push(turn, '2', [map('c', 'first'), file('web.yaml', deployment)]);
    await once(turn);
    turn.now += 61_000;
    await once(turn);
    const begun = turn.now;
    const failed = () => turn.session.record.standing.held[0]?.cause;
    for (let pods = 1; failed() === undefined && pods < 500; pods += 1) {
      turn.now += 60_000;
      const live = turn.objects.get('Deployment web');
      if (live === undefined) throw new Error('the Deployment is not there');
      const status = { observedGeneration: 1, replicas: 1000, updatedReplicas: pods, availableReplicas: pods };
      const metadata = { ...live.metadata, generation: 1, resourceVersion: String(100 + pods) };
      turn.tell({ type: 'changed', object: { ...live, metadata, status } });
      await once(turn);
    }
    expect(failed()?.reason).toBe('ProgressDeadlineExceeded');
    // 10 minutes without progress would have been too long; 30 in all are.
    expect((turn.now - begun) / 60_000).toBeGreaterThan(25);
    expect((turn.now - begun) / 60_000).toBeLessThan(35);
  });
});
