import fc from 'fast-check';
import type { Content, Event, Release, Standing, Tip } from '../../../../sync/release/standing.ts';
import { newStanding } from '../../../../sync/release/standing.ts';
import { isSame, type next, type writeAhead } from '../../../../sync/release/state.ts';

/** The machine, or a mutation of it. */
export interface Machine {
  readonly next: typeof next;
  readonly writeAhead: typeof writeAhead;
}

/** One move of a walk. */
export interface Step {
  readonly before: Standing;
  readonly event: Event;
  readonly after: Standing;
  readonly commands: readonly string[];
}

const tips: readonly Tip[] = ['a', 'b', 'c', 'd'].flatMap((content) =>
  ['1', '2'].map((commit) => ({
    input: `in ${content}`,
    // The last two contents come out the same, whatever went in.
    render: content === 'd' ? 'out c' : `out ${content}`,
    revision: `${content}${commit}`,
    author: 'Ada',
    subject: content,
  })),
);
const cause = { reason: 'ErrImagePull', message: 'no such image' };

/** Every event that could happen to a standing. */
function eventsFor(standing: Standing, sequence: number, goods: readonly Release[]): Event[] {
  const { tip } = standing;
  const planned: Event[] =
    tip === undefined
      ? []
      : [1, 3].map((waves) => ({ type: 'planned', release: { ...tip, sequence, startedAt: 0 }, waves }));
  const stopped = [true, false].flatMap((isAutomatic) =>
    [true, false].map((clearsFirst): Event => ({ type: 'stopped', isAutomatic, clearsFirst })),
  );
  return [
    ...tips.map((one): Event => ({ type: 'tip', tip: one })),
    ...planned,
    ...stopped,
    ...goods.map((to): Event => ({ type: 'rollback', to, by: 'Ada' })),
    ...(['failed', 'inconclusive', 'blocked', 'rejected'] as const).map((type): Event => ({ type, cause })),
    ...(['compared', 'trouble', 'applied', 'healthy', 'ended', 'pruned', 'cleaned', 'retry'] as const).map(
      (type): Event => ({ type }),
    ),
    ...(['applied', 'healthy', 'healthy', 'suspend', 'resume'] as const).map((type): Event => ({ type })),
    { type: 'accept', by: 'Ada' },
  ];
}

/** Walks by chance: each choice is one of the events that move the machine where it stands. */
export function walk({ next }: Machine, choices: readonly number[]): Step[] {
  const steps: Step[] = [];
  const goods: Release[] = [];
  let standing = newStanding();
  let sequence = 0;
  for (const choice of choices) {
    const moves = eventsFor(standing, sequence + 1, goods).flatMap((event) => {
      const outcome = next(standing, event);
      return outcome === undefined ? [] : [{ event, outcome }];
    });
    const chosen = moves[choice % moves.length];
    if (chosen === undefined) return steps;
    const { event, outcome } = chosen;
    steps.push({ before: standing, event, after: outcome.standing, commands: outcome.commands });
    if (event.type === 'planned') sequence += 1;
    if (outcome.commands.includes('keep') && outcome.standing.good !== undefined) goods.push(outcome.standing.good);
    standing = outcome.standing;
  }
  return steps;
}

/** Whether a claim about each walk holds; otherwise the shortest walk that was found to break it. */
export function check(claim: (steps: readonly Step[]) => boolean, machine: Machine): string | undefined {
  const property = fc.property(fc.array(fc.nat({ max: 10_000 }), { minLength: 20, maxLength: 80 }), (choices) =>
    claim(walk(machine, choices)),
  );
  const result = fc.check(property, { numRuns: 1_000, seed: 4 });
  if (!result.failed) return undefined;
  const [choices] = result.counterexample ?? [[]];
  return walk(machine, choices)
    .map(({ before, event, after }) => `${before.state} -${event.type}-> ${after.state}`)
    .join('; ');
}

const goingForward = ['Applying', 'Verifying', 'Baking', 'Paused', 'Probation'];

/** The contents that a person must let pass: they failed, and nobody has since. */
export function failedContents(steps: readonly Step[]): Content[] {
  let failed: Content[] = [];
  for (const { before, event } of steps) {
    const running = before.bad ?? before.target;
    const isFailure = event.type === 'failed' && goingForward.includes(before.state);
    if (isFailure && before.target !== undefined) failed.push(before.target);
    if (event.type === 'rollback') {
      if (running !== undefined) failed.push(running);
      // A person wants this one, by name.
      failed = failed.filter((content) => !isSame(content, event.to));
    }
    // What is accepted while it is paused has not failed.
    if (event.type === 'retry' || (event.type === 'accept' && before.state !== 'Paused'))
      failed = failed.filter((content) => !isSame(content, before.tip));
  }
  return failed;
}
