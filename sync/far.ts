import { type ApiError, isUnanswered, LockstepError } from './errors.ts';
import { shiftedBy } from './release/record.ts';
import type { Turn } from './session.ts';

/**
 * A turn in a cluster that does not answer: nothing is asked, judged or given up, and clocks stand still, so that nobody's
 * commit is blamed for it.
 * @param since when the cluster was heard last, in steady time
 */
export function standStill({ session }: Turn, { message }: ApiError, since: number): void {
  session.silentSince ??= since;
  // What was under way failed by the silence alone, and is tried again.
  session.healTrouble = undefined;
  session.applyTrouble = undefined;
  session.watchTrouble = { reason: 'ClusterUnavailable', message, stalled: false };
}

/** Milliseconds in which watches tell what happened meanwhile. */
const catchingUp = 3_000;

/**
 * The cluster answers again. Once it is watched again clocks go on where they were, and how long something has been wrong is
 * counted anew.
 * @returns whether that is so
 */
export function goOn({ delivery, session, world }: Turn): boolean {
  if (session.silentSince === undefined) return true;
  if (world.watcher.troubles(delivery.uid).some(({ error }) => isUnanswered(error))) return false;
  const lasted = world.clock.steady() - session.silentSince + catchingUp;
  session.silentSince = undefined;
  session.watchTrouble = undefined;
  session.record = { ...session.record, clocks: shiftedBy(session.record.clocks, lasted) };
  session.unsaved = true;
  session.signs.clear();
  return true;
}

/**
 * Makes sure that a login leads to the cluster where everything was applied: a name in another one is somebody else's.
 * @param cluster what tells clusters apart; undefined where the login may not see that
 * @throws LockstepError KubeconfigInvalid
 */
export function requireSameCluster({ session }: Turn, cluster: string | undefined): void {
  const known = session.record.cluster;
  if (cluster === undefined || cluster === known) return;
  if (known !== undefined)
    throw new LockstepError(
      'KubeconfigInvalid',
      'the kubeconfig leads to another cluster than the one that this Delivery was applied to: nothing is done there; make another Delivery for it',
    );
  session.record = { ...session.record, cluster };
  session.unsaved = true;
}
