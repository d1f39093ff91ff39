import { type Delivery, identityOf } from './delivery/delivery.ts';
import { findRevision } from './find.ts';
import { healDrift } from './heal.ts';
import { advance } from './release/advance.ts';
import { beginRelease } from './release/begin.ts';
import type { Session, World } from './session.ts';

const quickest = 1_000;

/**
 * One turn of the loop for one Delivery: find what Git says, begin a release when it is new, heal drift, and drive the
 * release as far as it goes. A turn never waits for health; it returns, and an event or the timer brings the next one.
 * @returns the milliseconds after which to come back when no event does
 */
export async function reconcile(delivery: Delivery, session: Session, world: World): Promise<number> {
  world.watcher.follow(delivery.uid, identityOf(delivery), session.record.entries);
  takeRequest(delivery, session, world);
  if (delivery.suspended) return delivery.interval;
  await findRevision(delivery, session, world);
  const again = await healDrift(delivery, session, world);
  await beginRelease(delivery, session, world);
  await advance(delivery, session, world);
  noteProgress(session, world);
  noteWatches(delivery, session, world);
  return Math.max(quickest, Math.min(again ?? Number.POSITIVE_INFINITY, nextTurn(session, world)));
}

/** A new generation or a `sync` request asks for everything to be looked at now. */
function takeRequest(delivery: Delivery, session: Session, world: World): void {
  const { request } = delivery;
  const isNew = request !== undefined && request.text !== delivery.acknowledged && request.text !== session.handled;
  if (isNew) session.handled = request.text;
  if (isNew && request.verb !== 'sync') {
    world.event(
      'Warning',
      'RequestUnknown',
      `this version knows no request ${JSON.stringify(request.verb)}; it knows sync`,
    );
  }
  if (!isNew && session.generation === delivery.generation) return;
  session.generation = delivery.generation;
  session.pollAt = 0;
  if (session.planTrouble !== undefined) session.planTrouble = { ...session.planTrouble, retryAt: 0 };
}

/** The deadline of a wave starts again whenever what is waited for changes. */
function noteProgress(session: Session, world: World): void {
  const progress = session.waiting.join('; ');
  if (progress === session.progress) return;
  session.progress = progress;
  session.progressAt = world.clock.now();
}

function noteWatches(delivery: Delivery, session: Session, world: World): void {
  const troubles = world.watcher.troubles(delivery.uid);
  const message = troubles.join('; ');
  session.watchTrouble = troubles.length === 0 ? undefined : { reason: 'Forbidden', message, stalled: false };
}

function nextTurn(session: Session, world: World): number {
  const now = world.clock.now();
  const times = [session.pollAt - now];
  if (session.planTrouble !== undefined) times.push(session.planTrouble.retryAt - now);
  if (session.applyTrouble !== undefined) times.push(5_000);
  if (session.waiting.length > 0) times.push(5_000);
  return Math.min(...times);
}
