import { nameOf } from '../delivery/delivery.ts';
import type { Turn } from '../session.ts';
import { titleOf } from '../types.ts';
import { irreversibleHook } from './record.ts';
import { type Cause, type Event, nameRelease, type Standing } from './standing.ts';
import type { Outcome } from './state.ts';

/** Tells people what they must know of a move: that a release is live, that it failed, that they are needed. */
export function tellMove(turn: Turn, before: Standing, { standing, commands }: Outcome, event: Event): void {
  const { session, world } = turn;
  const { target, good, cause } = standing;
  if (commands.includes('announce')) {
    const counts = Object.entries(session.record.actions).filter(([action]) => action !== 'unchanged');
    const summary =
      counts.length === 0 ? 'nothing to change' : counts.map(([action, count]) => `${count} ${action}`).join(', ');
    world.event('Normal', 'Synced', `${nameRelease(target)} is live: ${summary}`);
  }
  if (commands.includes('hold')) {
    const what = event.type === 'rollback' ? 'is taken back' : 'failed';
    world.event('Warning', 'ReleaseFailed', `${nameRelease(target)} ${what}: ${cause?.message ?? ''}`);
  }
  if (commands.includes('alert')) tellAlert(turn, standing, event.type === 'failed' ? event.cause : standing.cause);
  if (commands.includes('settle') && cause !== undefined) {
    world.event('Normal', 'RolledBack', `${nameRelease(before.bad)} was rolled back to ${nameRelease(good)}`);
    for (const left of session.record.leftBehind) world.event('Warning', 'LeftBehind', left);
  }
}

function tellAlert(
  { delivery, session, world }: Turn,
  { state, target, bad, good }: Standing,
  cause: Cause | undefined,
): void {
  if (state === 'RollingBack') {
    const to = target === undefined ? 'what it created is deleted' : `going back to ${nameRelease(target)}`;
    world.event('Warning', 'RollingBack', `${nameRelease(bad)}: ${to}`);
    return;
  }
  if (state !== 'Degraded') return;
  const once = bad === undefined ? irreversibleHook(session.record) : undefined;
  if (once !== undefined)
    world.event(
      'Warning',
      'Irreversible',
      `${titleOf(once)} has run and is irreversible: nothing is rolled back by itself; request rollback, or push a fix`,
    );
  const message =
    bad !== undefined && target?.sequence === good?.sequence
      ? `${nameRelease(target)} could not be brought back whole: ${cause?.message ?? ''}`
      : `${nameRelease(target)} failed, and is left as it is: ${cause?.message ?? ''}`;
  world.event('Warning', bad === undefined ? 'ReleaseFailed' : 'RollbackFailed', message);
  world.log.error({ delivery: nameOf(delivery), problem: message }, 'a person is needed');
}
