import type { DeliveryStatus } from '../sync/delivery/status-schema.ts';
import { isDriven } from '../sync/release/record.ts';
import type { Session } from '../sync/session.ts';
import { isRenamed } from '../sync/status.ts';

/** Progress that goes well is told at most this often, in milliseconds: most releases end before. */
export const progressQuiet = 1_000;

/** A commit that changes nothing of a Delivery is told of so much later, in milliseconds: first come those that it changes. */
const renamedQuiet = 500;

/** For how many milliseconds a release under way that goes well need not be told of: it was a moment ago. */
export function quietInRelease(session: Session, now: number): number {
  if (!goesWell(session)) return 0;
  const quiet = session.releaseAt + progressQuiet - now;
  if (quiet <= 0) session.releaseAt = now;
  return quiet;
}

function goesWell({ record, applyTrouble, planTrouble, sourceTrouble, healTrouble }: Session): boolean {
  return (
    isDriven(record) &&
    [applyTrouble, planTrouble, sourceTrouble, healTrouble].every((trouble) => trouble === undefined)
  );
}

/**
 * For how many milliseconds a status need not be written yet that only has another commit's name: of hundreds of Deliveries of
 * one repository, a push changes one.
 * @param told what the Delivery carries
 */
export function quietWhenRenamed(session: Session, told: DeliveryStatus, status: DeliveryStatus, now: number): number {
  if (!isRenamed(told, status)) {
    session.renamedAt = undefined;
    return 0;
  }
  session.renamedAt ??= now;
  const waited = now - session.renamedAt;
  // A clock that was set back does not make it later.
  if (waited >= 0 && waited < renamedQuiet) return renamedQuiet - waited;
  session.renamedAt = undefined;
  return 0;
}
