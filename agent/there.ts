import { ApiError } from '../sync/errors.ts';
import { goOn, requireSameCluster, standStill } from '../sync/far.ts';
import { troubleOf } from '../sync/find.ts';
import { isDriven } from '../sync/release/record.ts';
import type { Turn } from '../sync/session.ts';
import type { Site } from './sites.ts';

/** Whether the cluster of the target answers, and is the one that it was. */
export async function isThere(turn: Turn, far: Site['far']): Promise<boolean> {
  if (far === undefined) return true;
  // While a release is waited for, that nothing comes may have two reasons.
  if (isDriven(turn.session.record)) await far.makeSure();
  const silence = far.silence();
  if (silence !== undefined) standStill(turn, silence.error, silence.since);
  else {
    try {
      requireSameCluster(turn, await far.identity());
      return goOn(turn);
    } catch (error) {
      if (error instanceof ApiError) standStill(turn, error, turn.world.clock.steady());
      else turn.session.watchTrouble = troubleOf(error);
    }
  }
  return false;
}
