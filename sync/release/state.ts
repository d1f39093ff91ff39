import type { Acceptance, Cause, Content, Event, Held, Standing, State, Tip } from './standing.ts';

/**
 * What a move asks for beside the new standing. The loop does it to the record, and stores that before it goes on: a move
 * that asks for nothing is found again after a restart.
 */
export type Command =
  /** The plan becomes what the cluster is driven to. */
  | 'begin'
  /** The same content under another commit. */
  | 'rename'
  /** The release that ran is history: a newer tip took its place. */
  | 'supersede'
  /** The release is verified: what it holds is kept as good, and what it lacks is to be pruned. */
  | 'keep'
  /** The content is held from now on. */
  | 'hold'
  /** The tip is history although it was never begun: its content is wrong. */
  | 'reject'
  /** The tip may be released once more. */
  | 'unhold'
  /** The objects of good become what the cluster is driven to. */
  | 'turnBack'
  /** Good is verified: what has to be deleted was only needed by the bad release. */
  | 'clean'
  /** The rollback is done, and history. */
  | 'settle'
  /** The next wave is due. */
  | 'nextWave'
  /** The clock of a wait starts. */
  | 'arm'
  /** People are told that the release is live. */
  | 'announce'
  /** People are told that they are needed. */
  | 'alert'
  /** Clocks stop, and go on. */
  | 'freeze'
  | 'thaw'
  /** What could not be told of the release is measured anew. */
  | 'remeasure'
  /** A person let pass what the release is paused for. */
  | 'waive';

/** What is stored before anything that rests on it is done. All else may be stored when the turn ends, or is found again. */
export const writeAhead: readonly Command[] = [
  'begin',
  'keep',
  'hold',
  'unhold',
  'turnBack',
  'settle',
  'freeze',
  'thaw',
  'waive',
];

/** One move: in a state, on an event, if a guard holds. The first that fits counts; without one nothing moves. */
export interface Move {
  readonly from: readonly State[];
  readonly on: Event['type'];
  readonly when?: keyof typeof guards;
  readonly to: State | 'former' | 'same';
  readonly does?: readonly Command[];
}

/** Nothing of a release is under way. */
const resting: readonly State[] = ['Synced', 'Held', 'Blocked'];
const quiet: readonly State[] = [...resting, 'Degraded'];
/** A release is on its way forward. */
const forward: readonly State[] = ['Applying', 'Verifying', 'Baking', 'Paused'];
const back: readonly State[] = ['Failing', 'RollingBack', 'RollbackVerifying'];
const alive: readonly State[] = [...quiet, 'Planning', ...forward, 'Probation', 'Pruning', ...back];

/** The table of moves: the machine, and the source of the diagram in docs. */
export const moves: readonly Move[] = [
  { from: [...alive, 'Suspended'], on: 'delete', to: 'Deleting' },
  { from: alive, on: 'suspend', to: 'Suspended', does: ['freeze'] },
  { from: ['Suspended'], on: 'resume', to: 'former', does: ['thaw'] },

  { from: ['Synced', ...forward, 'Probation', 'Pruning'], on: 'tip', when: 'isTarget', to: 'same', does: ['rename'] },
  { from: ['Probation'], on: 'tip', when: 'isFree', to: 'Pruning', does: ['keep', 'arm'] },
  { from: ['RollbackVerifying'], on: 'tip', when: 'isFresh', to: 'Planning' },
  { from: [...quiet, ...forward, 'Pruning'], on: 'tip', to: 'Planning' },

  { from: ['Planning'], on: 'compared', when: 'isHeldAtRest', to: 'Held' },
  { from: ['Planning'], on: 'compared', when: 'isHeld', to: 'former' },
  { from: ['Planning'], on: 'compared', when: 'isGoodAlready', to: 'Synced', does: ['rename'] },
  { from: ['Planning'], on: 'compared', when: 'isGood', to: 'RollingBack', does: ['supersede', 'turnBack', 'arm'] },
  { from: ['Planning'], on: 'trouble', to: 'former' },
  { from: ['Planning'], on: 'rejected', when: 'isAtRest', to: 'Held', does: ['reject'] },
  { from: ['Planning'], on: 'rejected', to: 'former', does: ['reject'] },
  { from: ['Planning'], on: 'blocked', when: 'isAtRest', to: 'Blocked' },
  { from: ['Planning'], on: 'blocked', to: 'former' },
  { from: ['Planning'], on: 'planned', when: 'isFree', to: 'Applying', does: ['supersede', 'begin', 'arm'] },

  { from: ['Applying'], on: 'applied', to: 'Verifying' },
  { from: [...forward, 'Probation'], on: 'failed', to: 'Failing', does: ['hold', 'arm'] },
  { from: ['Verifying'], on: 'healthy', when: 'isLastWave', to: 'Baking', does: ['arm'] },
  { from: ['Verifying'], on: 'healthy', to: 'Applying', does: ['nextWave', 'arm'] },
  { from: ['Baking'], on: 'healthy', to: 'Probation', does: ['announce', 'arm'] },
  { from: ['Baking'], on: 'inconclusive', to: 'Paused', does: ['freeze'] },
  { from: ['Paused'], on: 'resume', to: 'Baking', does: ['thaw', 'remeasure'] },
  { from: ['Paused'], on: 'accept', to: 'Baking', does: ['thaw', 'waive'] },
  { from: ['Probation'], on: 'ended', to: 'Pruning', does: ['keep', 'arm'] },
  { from: ['Pruning'], on: 'pruned', when: 'isHeld', to: 'Held' },
  { from: ['Pruning'], on: 'pruned', to: 'Synced' },

  { from: ['Failing'], on: 'stopped', when: 'mayRollBack', to: 'RollingBack', does: ['turnBack', 'arm', 'alert'] },
  { from: ['Failing'], on: 'stopped', to: 'Degraded', does: ['alert'] },
  { from: ['RollingBack'], on: 'applied', to: 'RollbackVerifying', does: ['arm'] },
  { from: ['RollingBack', 'RollbackVerifying'], on: 'failed', to: 'Degraded', does: ['alert'] },
  { from: ['RollbackVerifying'], on: 'healthy', to: 'same', does: ['clean', 'arm'] },
  { from: ['RollbackVerifying'], on: 'cleaned', when: 'isCleanTarget', to: 'Synced', does: ['settle', 'rename'] },
  { from: ['RollbackVerifying'], on: 'cleaned', when: 'isCleaning', to: 'Held', does: ['settle'] },
  { from: ['Degraded'], on: 'healthy', when: 'isRestoring', to: 'RollbackVerifying', does: ['arm'] },
  { from: ['Degraded'], on: 'healthy', to: 'Held' },

  { from: ['Held', 'Degraded', 'Blocked'], on: 'retry', to: 'Planning', does: ['unhold'] },
  { from: ['Held', 'Degraded'], on: 'accept', to: 'Planning', does: ['unhold'] },
  { from: [...forward, 'Probation'], on: 'rollback', to: 'Failing', does: ['hold', 'arm'] },
  { from: [...quiet, 'Pruning'], on: 'rollback', to: 'RollingBack', does: ['hold', 'turnBack', 'arm', 'alert'] },
];

/** Two contents are the same when what went in or what came out is. */
export function isSame(a: Content | undefined, b: Content | undefined): boolean {
  return a !== undefined && b !== undefined && (a.input === b.input || a.render === b.render);
}

/** What keeps a content back, if anything. */
export function heldFor(standing: Standing, content: Content | undefined): Held | undefined {
  return standing.held.find((held) => isSame(held, content));
}

const isHeld = (standing: Standing): boolean => heldFor(standing, standing.tip) !== undefined;
const isTarget = (standing: Standing): boolean => isSame(standing.tip, standing.target) && !isHeld(standing);
/** Where a person wants another good one back, the tip is weighed against that when it is there. */
const isGood = ({ tip, good, aim }: Standing): boolean => aim === undefined && isSame(tip, good);
/** Whether nothing was written since good was verified. */
export const isUntouched = ({ target, good, bad }: Standing): boolean =>
  bad === undefined && target?.sequence === good?.sequence;

/** The condition of a move, in words and as a test. It looks at the standing after the event was taken note of. */
interface Guard {
  readonly says: string;
  holds(standing: Standing, event: Event): boolean;
}

/** The conditions of moves. */
export const guards = {
  isHeld: { says: 'the tip is held', holds: isHeld },
  isHeldAtRest: {
    says: 'the tip is held, and nothing is under way',
    holds: (standing) => isHeld(standing) && isAtRest(standing),
  },
  isTarget: { says: 'the tip has the content of the target', holds: isTarget },
  isCleaning: { says: 'good was found healthy', holds: ({ isCleaning }) => isCleaning },
  isCleanTarget: {
    says: 'good was found healthy, and the tip has its content',
    holds: (standing) => standing.isCleaning && isTarget(standing),
  },
  isFree: { says: 'it is not held', holds: (standing) => !isHeld(standing) },
  isFresh: {
    says: 'the tip is neither held nor the target',
    holds: (standing) => !isHeld(standing) && !isSame(standing.tip, standing.target),
  },
  isGood: { says: 'the tip has the content of good', holds: isGood },
  isGoodAlready: {
    says: 'the tip has the content of good, and nothing was written since',
    holds: (standing) => isGood(standing) && isUntouched(standing),
  },
  isAtRest: { says: 'nothing is under way', holds: isAtRest },
  isLastWave: { says: 'it was the last wave', holds: ({ wave, waves }) => wave + 1 >= waves },
  mayRollBack: { says: 'there is a way back, and spec.rollback or a person wants it', holds: mayRollBack },
  isRestoring: {
    says: 'good is being brought back',
    holds: ({ bad }) => bad !== undefined,
  },
} as const satisfies Record<string, Guard>;

function isAtRest({ former }: Standing): boolean {
  return former === undefined || resting.includes(former);
}

/** There must be something to go back to; a person's word is enough, otherwise spec.rollback says so. */
function mayRollBack({ target, good, aim, cause }: Standing, event: Event): boolean {
  if (aim !== undefined && cause?.reason === byHand) return true;
  if (event.type !== 'stopped') return false;
  const back = aim ?? good;
  return back === undefined ? event.clearsFirst : event.isAutomatic && back.sequence !== target?.sequence;
}

/** What each command does to the standing itself. */
const effects: Partial<Record<Command, (standing: Standing, event: Event) => Partial<Standing>>> = {
  begin: (_standing, event) =>
    event.type !== 'planned'
      ? {}
      : { target: event.release, bad: undefined, cause: undefined, accepted: undefined, ...firstWave(event.waves) },
  rename: renamed,
  keep: ({ target }) => ({ good: target, bad: undefined, aim: undefined, cause: undefined }),
  hold: holding,
  unhold: ({ held, tip }, event) => ({
    held: held.filter((one) => !isSame(one, tip)),
    accepted: event.type === 'accept' ? accepting(held, tip, event.by) : undefined,
  }),
  waive: ({ target, cause }, event) =>
    target === undefined || cause === undefined || event.type !== 'accept'
      ? {}
      : { target: { ...target, accepted: acceptance(target, event.by, cause) }, cause: undefined },
  turnBack: ({ target, good, aim, bad }) => ({ bad: bad ?? target, target: aim ?? good, ...firstWave(0) }),
  clean: () => ({ isCleaning: true }),
  alert: () => ({ isCleaning: false }),
  settle: ({ target }) => ({ good: target, bad: undefined, aim: undefined, isCleaning: false }),
  nextWave: ({ wave }) => ({ wave: wave + 1 }),
};

function firstWave(waves: number): Partial<Standing> {
  return { wave: 0, waves, isCleaning: false };
}

function renamed({ state, former, tip, target, good, cause }: Standing): Partial<Standing> {
  if (tip === undefined || target === undefined) return {};
  const { revision, author, subject } = tip;
  const name = <T extends Tip>(release: T): T => ({ ...release, revision, author, subject });
  return {
    target: name(target),
    good: good?.sequence === target.sequence ? name(good) : good,
    // What it is paused for does not go by another name.
    cause: [state, former].includes('Paused') ? cause : undefined,
  };
}

const mostHeld = 10;
/** Why what runs is taken back when nothing but a person says so. */
const byHand = 'RollbackRequested';

/** What runs is held: because it failed, or because a person wants it gone. */
function holding({ target, bad, held }: Standing, event: Event): Partial<Standing> {
  const cause: Cause | undefined =
    event.type === 'failed'
      ? event.cause
      : event.type === 'rollback'
        ? { reason: byHand, message: `${event.by} asked for a rollback` }
        : undefined;
  const running = bad ?? target;
  if (running === undefined || cause === undefined) return {};
  const { input, render, revision, author, subject } = running;
  if (event.type !== 'rollback')
    return { held: withHeld(held, { input, render, revision, author, subject, cause }), cause };
  // What a person wants back is held no longer, and never because of this.
  const others = held.filter((one) => !isSame(one, event.to));
  if (isSame(running, event.to)) return { held: others, cause, aim: event.to };
  return { held: withHeld(others, { input, render, revision, author, subject, cause }), cause, aim: event.to };
}

function withHeld(held: readonly Held[], one: Held): Held[] {
  return [one, ...held.filter((other) => !isSame(other, one))].slice(0, mostHeld);
}

/** The acceptance of a tip, and of nothing else: for the check that this content failed. */
function accepting(held: readonly Held[], tip: Tip | undefined, by: string): Acceptance | undefined {
  const known = held.find((one) => isSame(one, tip));
  return tip === undefined || known === undefined ? undefined : acceptance(tip, by, known.cause);
}

function acceptance({ input, render }: Content, by: string, { reason }: Cause): Acceptance {
  return { by, check: reason, input, render };
}

/** What a move leads to. */
export interface Outcome {
  readonly standing: Standing;
  readonly commands: readonly Command[];
}

/** Where a standing goes on an event, and what that asks for; undefined when the event moves nothing. */
export function next(standing: Standing, event: Event): Outcome | undefined {
  const noted = event.type === 'tip' ? { ...standing, tip: event.tip } : standing;
  const move = moves.find(
    ({ from, on, when }) =>
      on === event.type && from.includes(noted.state) && (when === undefined || guards[when].holds(noted, event)),
  );
  if (move === undefined) return undefined;
  const { does = [] } = move;
  let changed = noted;
  for (const command of does) changed = { ...changed, ...effects[command]?.(changed, event) };
  return { standing: { ...changed, ...place(noted, event, move) }, commands: does };
}

/** The state after a move, and the one to go back to. */
function place(before: Standing, event: Event, { to }: Move): Partial<Standing> {
  const isTold = event.type === 'rejected' || event.type === 'blocked' || event.type === 'inconclusive';
  const cause = isTold ? { cause: event.cause } : {};
  if (to === 'same') return {};
  if (to === 'former') return { state: before.former ?? 'Synced', former: undefined };
  const waits = to === 'Planning' || to === 'Suspended';
  const former = waits ? (before.state === 'Planning' ? before.former : before.state) : undefined;
  return { state: to, former, ...cause };
}
