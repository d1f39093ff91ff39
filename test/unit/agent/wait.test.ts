import { describe, expect, it } from 'vitest';
import { outcomeOf } from '../../../agent/cli/wait.ts';
import type { KubeObject } from '../../../sync/types.ts';

const [first, second] = ['a'.repeat(40), 'b'.repeat(40)];

function delivery(status: object): KubeObject {
  return {
    apiVersion: 'lockstep.dev/v1alpha1',
    kind: 'Delivery',
    metadata: { namespace: 'shop', name: 'web', generation: 1 },
    status: {
      observedGeneration: 1,
      conditions: [{ type: 'Ready', status: 'True', reason: 'Synced', message: 'release 2' }],
      ...status,
    },
  };
}

describe('waiting for a revision', () => {
  const history = (verdict: string) => [
    { sequence: 2, revision: second, verdict: 'Good' },
    { sequence: 1, revision: first, verdict, cause: 'because' },
  ];
  const revision = { tip: second, target: second, good: second };

  it('ends well when it was live, also once another one has followed it', () => {
    expect(outcomeOf(delivery({ revision, history: history('Good') }), second)).toMatchObject({ code: 0 });
    expect(outcomeOf(delivery({ revision, history: history('Good') }), first)).toEqual({
      code: 0,
      message: 'was live and healthy; since then: release 2',
    });
  });

  it.each(['RolledBack', 'Superseded', 'Degraded', 'Rejected'])('ends badly when it was %s', (verdict) => {
    expect(outcomeOf(delivery({ revision, history: history(verdict) }), first)).toEqual({
      code: 2,
      message: `${verdict}: because`,
    });
  });

  it('goes on while somebody has it brought back', () => {
    const conditions = [{ type: 'Ready', status: 'False', reason: 'Progressing', message: 'wave 1' }];
    const back = { tip: second, target: first, good: second };
    expect(outcomeOf(delivery({ revision: back, conditions, history: history('Good') }), first)).toBeUndefined();
  });

  it('goes on while nothing is known of it', () => {
    expect(outcomeOf(delivery({ revision, history: [] }), first)).toBeUndefined();
    expect(outcomeOf(delivery({ revision, history: [], observedGeneration: 0 }), second)).toBeUndefined();
  });
});
