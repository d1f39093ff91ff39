import type { Entry } from '../sync/release/record.ts';
import { fieldManager } from '../sync/stamp.ts';
import { noRules, type RuleSet } from './own-rules.ts';
import { isSuspect, question, type Tracked } from './tracked.ts';

/** A Delivery and the objects of it that are followed. */
export interface Followed {
  readonly uid: string;
  readonly manager: string;
  /** As whom its objects are watched. */
  identity: string;
  /** The rules that people wrote for the kinds of its objects. */
  rules: RuleSet;
  objects: Map<string, Tracked>;
  /** The keys of those that a read or an apply must look at: every turn asks, and hardly any object changes in between. */
  suspects: Set<string>;
}

export function newFollowed(uid: string, identity: string): Followed {
  return { uid, manager: fieldManager(uid), identity, objects: new Map(), suspects: new Set(), rules: noRules };
}

/** Notes whether an object, now that something was learned of it, is suspect. */
export function note({ suspects }: Followed, tracked: Tracked): void {
  if (isSuspect(tracked)) suspects.add(tracked.key);
  else suspects.delete(tracked.key);
}

/** A watch lost sight of an object. */
export function miss(delivery: Followed, tracked: Tracked): void {
  question(tracked);
  note(delivery, tracked);
}

/** A list told all there is of a watch: what is not among it is not seen any more. */
export function missAllBut(delivery: Followed, watch: string, present: ReadonlySet<string>): void {
  for (const tracked of delivery.objects.values()) {
    const isMissed = tracked.watch === watch && tracked.uid !== undefined && !present.has(tracked.uid);
    if (isMissed) miss(delivery, tracked);
  }
}

/** Whether exactly these entries are followed. */
export function isFollowed({ objects }: Followed, entries: ReadonlyMap<string, Entry>): boolean {
  return objects.size === entries.size && entries.values().every((entry) => objects.get(entry.key)?.entry === entry);
}
