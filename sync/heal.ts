import { changeLine, compare } from '../diff/compare.ts';
import { maskPair } from '../diff/mask.ts';
import { otherManagers, withoutNoise } from '../diff/normalize.ts';
import { type Delivery, identityOf } from './delivery/delivery.ts';
import { inParallel } from './parallel.ts';
import { refusalOf } from './plan/try.ts';
import { applyEntry } from './release/advance.ts';
import { parallelRequests, requireAccount } from './release/begin.ts';
import { type Entry, healingManifest } from './release/record.ts';
import type { Session, World } from './session.ts';
import { fieldManager, stampNames } from './stamp.ts';
import { type KubeObject, titleOf } from './types.ts';

/** A drift that returns this often in this time is not fought any longer, but named. */
const patience = { times: 5, within: 60_000 };

/**
 * Undoes drift: every object that a watch found to differ from what we applied, or lost sight of, is read and applied
 * again as it was applied last.
 * @returns the milliseconds after which to look again at what was backed off, or undefined
 */
export async function healDrift(delivery: Delivery, session: Session, world: World): Promise<number | undefined> {
  if (!delivery.selfHeal) return undefined;
  const suspects = world.watcher.suspects(delivery.uid).flatMap((key) => {
    const entry = session.record.entries.get(key);
    return entry?.applied === undefined || entry.removed ? [] : [entry];
  });
  const due = suspects.filter((entry) => mayHeal(entry, session, world));
  if (due.length > 0) await requireAccount(delivery, world);
  await inParallel(due, parallelRequests, (entry) => heal(delivery, session, world, entry));
  return suspects.length > 0 ? 5_000 : undefined;
}

function mayHeal(entry: Entry, session: Session, world: World): boolean {
  const now = world.clock.now();
  const recent = (session.heals.get(entry.key) ?? []).filter((time) => now - time < patience.within);
  session.heals.set(entry.key, recent);
  return recent.length < patience.times;
}

async function heal(delivery: Delivery, session: Session, world: World, entry: Entry): Promise<void> {
  try {
    const before = await world.cluster(identityOf(delivery)).get(entry.ref);
    const result = await applyEntry(
      delivery,
      session,
      world,
      entry,
      healingManifest(entry),
      entry.applied?.sequence ?? session.record.sequence,
    );
    const what = explain(delivery, before, result.object);
    if (what === undefined) return;
    const recent = [...(session.heals.get(entry.key) ?? []), world.clock.now()];
    session.heals.set(entry.key, recent);
    const last = recent.length >= patience.times ? ' (it keeps coming back and is now left for a minute)' : '';
    world.event('Normal', 'DriftHealed', `${titleOf(entry.ref)}: ${what}${last}`);
    world.log.info({ delivery: `${delivery.namespace}/${delivery.name}`, object: entry.key, what }, 'drift healed');
  } catch (error) {
    const { message } = refusalOf(entry, error);
    session.heals.set(entry.key, [...(session.heals.get(entry.key) ?? []), world.clock.now()]);
    session.applyTrouble = { reason: 'HealFailed', message, stalled: false };
    world.log.warn(
      { delivery: `${delivery.namespace}/${delivery.name}`, object: entry.key, problem: message },
      'drift can not be healed',
    );
  }
}

/** What was done, in words; undefined when the live object turned out to be as it should be. */
function explain(delivery: Delivery, before: KubeObject | undefined, after: KubeObject): string | undefined {
  if (before === undefined || before.metadata.uid !== after.metadata.uid) return 'was deleted, is made again';
  if (before.metadata.resourceVersion === after.metadata.resourceVersion) return undefined;
  const [shownBefore, shownAfter] = maskPair(withoutNoise(before, stampNames), withoutNoise(after, stampNames));
  const changes = compare(shownBefore, shownAfter);
  if (changes.length === 0) return 'ownership or the stamp was changed, is taken back';
  const others = otherManagers(before, fieldManager(delivery.uid)).filter((name) => !name.startsWith('kube-'));
  const who = others.length > 0 ? ` (changed by ${others.join(' or ')})` : '';
  return `${changes.slice(0, 5).map(changeLine).join('; ')}${who}`;
}
