import { describe, expect, it } from 'vitest';
import { newStanding, type State, states } from '../../../../sync/release/standing.ts';
import * as machine from '../../../../sync/release/state.ts';
import { mutant } from './mutant.ts';
import { check, failedContents, type Machine, type Step, walk } from './walk.ts';

const every = (claim: (step: Step, sofar: readonly Step[]) => boolean) => (steps: readonly Step[]) =>
  steps.every((step, index) => claim(step, steps.slice(0, index)));

/** What must hold of every walk; beside it, lines of the machine that, changed, are shown to break it. */
const invariants: {
  name: string;
  claim: (steps: readonly Step[]) => boolean;
  mutations: [line: string, instead: string][];
}[] = [
  {
    name: 'good changes only when probation ends well, or when a rollback that a person asked for is verified',
    claim: every(({ before, after, commands }) => {
      if (before.good?.sequence === after.good?.sequence) return true;
      const isProbation = before.state === 'Probation' && commands.includes('keep');
      const isAsked = before.state === 'RollbackVerifying' && before.isCleaning && before.aim !== undefined;
      // After a first release was cleared away there is no good, as before.
      return isProbation || isAsked;
    }),
    mutations: [
      ["to: 'Probation', does: ['announce', 'arm'] }", "to: 'Probation', does: ['announce', 'arm', 'keep'] }"],
      [
        "{ from: ['Probation'], on: 'ended', to: 'Pruning', does: ['keep', 'arm'] }",
        "{ from: ['Probation', 'Baking'], on: 'ended', to: 'Pruning', does: ['keep'] }",
      ],
    ],
  },
  {
    name: 'nothing is pruned before the new set is verified',
    claim: every(({ after }) => after.state !== 'Pruning' || after.good?.sequence === after.target?.sequence),
    mutations: [
      [
        "{ from: ['Probation'], on: 'tip', when: 'isFree', to: 'Pruning', does: ['keep', 'arm'] }",
        "{ from: ['Probation'], on: 'tip', when: 'isFree', to: 'Pruning', does: [] }",
      ],
      [
        "{ from: ['Applying'], on: 'applied', to: 'Verifying' }",
        "{ from: ['Applying'], on: 'applied', to: 'Pruning' }",
      ],
    ],
  },
  {
    name: 'nothing that the bad release created is deleted before good is found healthy',
    claim: (steps) => {
      let isVerified = false;
      return steps.every(({ before, event, after, commands }) => {
        if (commands.includes('turnBack') || commands.includes('begin')) isVerified = false;
        if (event.type === 'failed') isVerified = false;
        if (before.state === 'RollbackVerifying' && event.type === 'healthy') isVerified = true;
        return isVerified || !(after.isCleaning && after.state === 'RollbackVerifying');
      });
    },
    mutations: [
      [
        "{ from: ['RollingBack'], on: 'applied', to: 'RollbackVerifying', does: ['arm'] }",
        "{ from: ['RollingBack'], on: 'applied', to: 'RollbackVerifying', does: ['arm', 'clean'] }",
      ],
    ],
  },
  {
    name: 'held content is not applied again without a named person',
    claim: every(
      ({ after, commands }, sofar) =>
        !commands.includes('begin') || failedContents(sofar).every((content) => !machine.isSame(content, after.target)),
    ),
    mutations: [
      ["on: 'planned', when: 'isFree', to", "on: 'planned', to"],
      ['return [one, ...held.filter((other) => !isSame(other, one))].slice(0, mostHeld);', 'return [];'],
      ['a.input === b.input || a.render === b.render', 'a.input === b.input'],
    ],
  },
  {
    name: 'content that failed never becomes good, unless a person lets it pass',
    claim: every(
      ({ after, commands }, sofar) =>
        !commands.includes('keep') || failedContents(sofar).every((content) => !machine.isSame(content, after.target)),
    ),
    mutations: [
      [
        "'Probation'], on: 'failed', to: 'Failing', does: ['hold', 'arm'] }",
        "'Probation'], on: 'failed', to: 'Baking', does: ['hold'] }",
      ],
      [
        "{ from: ['Failing'], on: 'stopped', to: 'Degraded', does: ['alert'] }",
        "{ from: ['Failing'], on: 'stopped', to: 'Probation', does: ['alert'] }",
      ],
    ],
  },
  {
    name: 'a rollback goes to a release that was good, and only after the failure was stopped or a person asked',
    claim: every(({ before, event, after, commands }, sofar) => {
      if (!commands.includes('turnBack')) return true;
      const goods = sofar.flatMap((step) => (step.commands.includes('keep') ? [step.after.good?.sequence] : []));
      const isKnown = after.target === undefined || goods.includes(after.target.sequence);
      const isDue = before.state === 'Failing' || event.type === 'rollback' || event.type === 'compared';
      return isKnown && isDue;
    }),
    mutations: [
      ['target: aim ?? good, ...firstWave(0)', 'target, ...firstWave(0)'],
      [
        "{ from: ['RollbackVerifying'], on: 'healthy', to: 'same', does: ['clean', 'arm'] }",
        "{ from: ['RollbackVerifying'], on: 'healthy', to: 'same', does: ['clean', 'arm', 'turnBack'] }",
      ],
    ],
  },
  {
    name: 'a release is good only after all of its waves were verified, each in its turn',
    claim: every(({ before, event, after }) => {
      if (before.state !== 'Verifying' || event.type !== 'healthy') return true;
      const isLast = before.wave + 1 === before.waves;
      return isLast ? after.state === 'Baking' : after.state === 'Applying' && after.wave === before.wave + 1;
    }),
    mutations: [
      ["on: 'healthy', when: 'isLastWave', to: 'Baking'", "on: 'healthy', to: 'Baking'"],
      ['nextWave: ({ wave }) => ({ wave: wave + 1 })', 'nextWave: ({ wave }) => ({ wave: wave + 2 })'],
    ],
  },
  {
    name: 'a revert in the middle of a release goes back to good, and is not taken for nothing to do',
    claim: every(({ before, event, after }) => {
      const isRevert = event.type === 'compared' && machine.isSame(before.tip, before.good);
      const isHeld = machine.heldFor(before, before.tip) !== undefined;
      if (!isRevert || isHeld || before.aim !== undefined || machine.isUntouched(before)) return true;
      return after.state === 'RollingBack' && after.target?.sequence === before.good?.sequence;
    }),
    mutations: [["on: 'compared', when: 'isGood', to: 'RollingBack'", "on: 'compared', when: 'isGood', to: 'Synced'"]],
  },
  {
    name: 'a failure is rolled back by itself only where spec.rollback says so, and a failed rollback never is',
    claim: every(({ before, event, after }) => {
      if (event.type === 'failed' && before.state.startsWith('Roll')) return after.state === 'Degraded';
      if (event.type !== 'stopped' || before.cause?.reason === 'RollbackRequested') return true;
      const mayGo = before.good === undefined ? event.clearsFirst : event.isAutomatic;
      return mayGo || after.state === 'Degraded';
    }),
    mutations: [
      ['event.isAutomatic && back.sequence', 'back.sequence'],
      ['aim !== undefined && cause?.reason === byHand', 'aim !== undefined'],
      [
        "{ from: ['RollingBack', 'RollbackVerifying'], on: 'failed', to: 'Degraded', does: ['alert'] }",
        "{ from: ['RollingBack', 'RollbackVerifying'], on: 'failed', to: 'Failing', does: ['hold'] }",
      ],
    ],
  },
  {
    name: 'a rollback ends by cleaning up, and leaves nothing of itself in the standing',
    claim: every(({ before, event, after }) => {
      if (before.state !== 'RollbackVerifying' || !['Held', 'Synced'].includes(after.state)) return true;
      const isDone = event.type === 'cleaned' && before.isCleaning;
      return isDone && after.bad === undefined && after.aim === undefined && !after.isCleaning;
    }),
    mutations: [
      [
        "{ from: ['RollbackVerifying'], on: 'healthy', to: 'same', does: ['clean', 'arm'] }",
        "{ from: ['RollbackVerifying'], on: 'healthy', to: 'Held', does: ['settle'] }",
      ],
      ['good: target, bad: undefined, aim: undefined, isCleaning: false', 'good: target, isCleaning: false'],
    ],
  },
  {
    name: 'clocks stand still while it is suspended',
    claim: every(({ before, event, commands }) => {
      if (event.type === 'suspend') return commands.includes('freeze');
      return event.type !== 'resume' || before.state !== 'Suspended' || commands.includes('thaw');
    }),
    mutations: [["on: 'suspend', to: 'Suspended', does: ['freeze']", "on: 'suspend', to: 'Suspended', does: []"]],
  },
  {
    name: 'a pause ends by a failure, by going on, or by a person, and its clocks stand still until then',
    claim: every(({ before, event, after, commands }) => {
      if (after.state === 'Paused' && event.type === 'inconclusive') return commands.includes('freeze');
      if (before.state !== 'Paused' || !['Baking', 'Failing'].includes(after.state)) return true;
      if (event.type === 'accept') return after.target?.accepted?.check === before.cause?.reason;
      const goesOn = event.type === 'resume' && commands.includes('remeasure') && commands.includes('thaw');
      return goesOn || event.type === 'failed' || event.type === 'rollback';
    }),
    mutations: [
      ["on: 'inconclusive', to: 'Paused', does: ['freeze']", "on: 'inconclusive', to: 'Paused', does: []"],
      ["on: 'accept', to: 'Baking', does: ['thaw', 'waive']", "on: 'accept', to: 'Baking', does: ['thaw']"],
      ["on: 'resume', to: 'Baking', does: ['thaw', 'remeasure']", "on: 'resume', to: 'Baking', does: ['remeasure']"],
    ],
  },
  {
    name: 'what is suspended comes back to where it was',
    claim: (steps) => {
      let asleep: State | undefined;
      return steps.every(({ before, event, after }) => {
        if (event.type === 'suspend') asleep = before.state === 'Planning' ? before.former : before.state;
        return event.type !== 'resume' || before.state !== 'Suspended' || after.state === (asleep ?? 'Synced');
      });
    },
    mutations: [["on: 'resume', to: 'former'", "on: 'resume', to: 'Synced'"]],
  },
];

describe('the machine', () => {
  it.each(invariants)('holds: $name', ({ claim }) => {
    expect(check(claim, machine)).toBeUndefined();
  });

  it.each(
    invariants.flatMap(({ name, claim, mutations }) =>
      mutations.map(([line, instead]) => ({ name, claim, line, instead })),
    ),
  )('is caught when it is changed to $instead', async ({ claim, line, instead }) => {
    const broken = await mutant<Machine>('sync/release/state.ts', line, instead);
    expect(check(claim, broken)).toBeDefined();
  });

  it('reaches every state, and leaves each of them', () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 400; seed += 1) {
      const choices = Array.from({ length: 60 }, (_, index) => (seed * 7919 + index * index * 104_729) % 10_007);
      for (const { before, after } of walk(machine, choices)) seen.add(before.state).add(`to ${after.state}`);
    }
    const all = Object.keys(states).filter((state) => state !== 'Deleting');
    expect(all.filter((state) => !seen.has(state))).toEqual([]);
    expect(all.filter((state) => !seen.has(`to ${state}`))).toEqual([]);
  });

  it('ends for good with the Delivery', () => {
    const leaving = machine.moves.filter(({ from }) => from.includes('Deleting'));
    expect(leaving).toEqual([]);
  });
});

describe('a release that is paused', () => {
  it('goes by another name when a commit changes nothing, and is paused for the same all the same', () => {
    const content = { input: 'x', render: 'x', author: '', subject: '' };
    const target = { ...content, revision: 'a', sequence: 1, startedAt: 0 };
    const cause = { reason: 'AnalysisError', message: 'no answer' };
    const standing = { ...newStanding(), state: 'Paused' as const, target, cause };
    const after = machine.next(standing, { type: 'tip', tip: { ...content, revision: 'b' } })?.standing;
    expect(after).toMatchObject({ state: 'Paused', target: { revision: 'b' }, cause });
  });
});
