import { maskObject } from '../diff/mask.ts';
import type { Target } from '../sync/delivery/target.ts';
import type { Watches, WatchTarget } from '../sync/ports.ts';
import type { Entry } from '../sync/release/record.ts';
import { deliveryLabel, shortUid } from '../sync/stamp.ts';
import { isNewer, type KubeObject, keyOf, label, refOf } from '../sync/types.ts';
import { type Followed, isFollowed, miss, missAllBut, newFollowed, note } from './followed.ts';
import { noRules, type OwnRule, type RuleSet, ruleFor } from './own-rules.ts';
import { type Judge, ruling } from './ruling.ts';
import { type HealthContext, progressing } from './scale.ts';
import { shareWatches } from './shared-watches.ts';
import {
  fold,
  isWorthALook,
  type JobEnd,
  type Live,
  see,
  seeLast,
  settle,
  type Tracked,
  take,
  track,
  unruled,
} from './tracked.ts';

/** Follows the objects of all Deliveries by watches and folds each into a few words. It never polls. */
export interface Watcher {
  /**
   * Tells which objects a Delivery has, and which rules of people count for them; opens the watches that it needs and closes
   * those that nobody needs.
   */
  follow(uid: string, identity: Target, entries: ReadonlyMap<string, Entry>, rules?: RuleSet): void;
  /** Takes the API server's answer to an apply as the newest state, and what we own in it as the reference for drift. */
  learn(uid: string, key: string, answer: KubeObject): Live;
  /** The live state of an object of a followed Delivery. */
  live(uid: string, key: string): Live | undefined;
  /** The objects that a read or an apply must look at: they differ from the reference, or a watch lost them. */
  suspects(uid: string): string[];
  /** Whether every watch of the Delivery has told all there is, or why it can't. */
  isComplete(uid: string): boolean;
  /** Watches that can't be opened, and why: what they would tell stays unseen. */
  troubles(uid: string): { kind: string; error: Error }[];
  /** How a Job was seen to end. */
  jobEnd(uid: string, key: string): JobEnd | undefined;
  /** Takes an object that is gone for one that is done. */
  settle(uid: string, key: string, end: JobEnd): void;
  /** Says that what is known of an object may not be so any more. */
  question(uid: string, key: string): void;
  forget(uid: string): void;
  /** Closes every watch. */
  close(): void;
}

/**
 * @param context what health rules may need beside an object of a target, now
 * @param notify called with a Delivery's uid when something about its objects changed that it should look at
 * @param judge asks the rules that people wrote
 */
export function createWatcher(
  watches: Watches,
  context: (target: Target) => HealthContext,
  notify: (uid: string) => void,
  judge: Judge,
): Watcher {
  const followed = new Map<string, Followed>();
  const byShortUid = new Map<string, Followed>();
  const shared = shareWatches(watches, {
    notify,
    onObject: (users, type, object) => {
      const delivery = byShortUid.get(label(object, deliveryLabel) ?? '');
      const tracked = delivery?.objects.get(keyOf(refOf(object)));
      if (delivery === undefined || tracked === undefined) onStranger(users, object);
      else if (tracked.isSettled) return;
      else if (type === 'deleted') onDeleted(delivery, tracked, object);
      else onChanged(delivery, tracked, object);
    },
    onSynced: (uid, watch, present) => {
      const delivery = followed.get(uid);
      if (delivery !== undefined) missAllBut(delivery, watch, present);
    },
  });

  /** An object of ours whose label somebody changed looks like a stranger's: only its uid tells. */
  function onStranger(users: ReadonlySet<string>, object: KubeObject): void {
    const key = keyOf(refOf(object));
    for (const uid of users) {
      const delivery = followed.get(uid);
      const tracked = delivery?.objects.get(key);
      if (delivery === undefined || tracked?.uid === undefined || tracked.uid !== object.metadata.uid) continue;
      miss(delivery, tracked);
      notify(uid);
    }
  }

  /**
   * What rules may need; the rule that somebody wrote for the kind among it.
   * @param isNewest whether the state is the newest that is known: others are asked about nothing
   */
  function contextFor(delivery: Followed, tracked: Tracked, isNewest = true): HealthContext {
    const { rules, identity } = delivery;
    const plain = context(identity);
    const rule = ruleFor(rules, tracked.entry.ref);
    if (rule === undefined) return plain;
    return { ...plain, ruled: (object) => ruledBy(rule, delivery, tracked, object, isNewest) };
  }

  function ruledBy(rule: OwnRule, delivery: Followed, tracked: Tracked, object: KubeObject, isNewest: boolean) {
    if (rule.problem !== undefined)
      return progressing('InvalidRule', `the rule for its kind is wrong: ${rule.problem}`);
    const { now } = context(delivery.identity);
    if (!isNewest) return ruling(tracked, object, now, undefined);
    const answered = (): void => {
      const before = tracked.live;
      // What was seen since has been asked about itself.
      if (before?.state !== 'present' || before.version !== object.metadata.resourceVersion) return;
      see(tracked, object, delivery.manager, contextFor(delivery, tracked));
      note(delivery, tracked);
      if (isWorthALook(before, tracked)) notify(delivery.uid);
    };
    const question = { owner: delivery.uid, key: tracked.key, rule, object: maskObject(object) };
    return ruling(tracked, object, now, (answer) => judge(question, answer), answered);
  }

  function onDeleted(delivery: Followed, tracked: Tracked, object: KubeObject): void {
    if (object.metadata.uid !== tracked.uid && object.metadata.uid !== tracked.live?.uid) return;
    seeLast(tracked, object, contextFor(delivery, tracked));
    miss(delivery, tracked);
    notify(delivery.uid);
  }

  function onChanged(delivery: Followed, tracked: Tracked, object: KubeObject): void {
    const before = tracked.live;
    const isKnown = before?.state === 'present' && !isNewer(object.metadata.resourceVersion, before.version);
    if (isKnown && !tracked.isDoubted) return;
    see(tracked, object, delivery.manager, contextFor(delivery, tracked));
    note(delivery, tracked);
    if (isWorthALook(before, tracked)) notify(delivery.uid);
  }

  /** Other rules hold for these. Whole objects are not kept, so that they have to be told again. */
  function judgeAgain(objects: readonly Tracked[]): void {
    for (const tracked of objects) Object.assign(tracked, unruled, { isDoubted: true });
    for (const name of new Set(objects.map(({ watch }) => watch))) shared.tellAgain(name);
  }

  return {
    follow: (uid, identity, entries, rules = noRules) => {
      const before = followed.get(uid);
      const isSameRules = (before?.rules ?? rules).id === rules.id;
      // Between releases nothing changes, and every turn asks.
      if (before?.identity === identity && isSameRules && isFollowed(before, entries)) return;
      const delivery = before ?? newFollowed(uid, identity);
      followed.set(uid, delivery);
      byShortUid.set(shortUid(uid), delivery);
      const used = new Set<string>();
      const objects = new Map<string, Tracked>();
      for (const entry of entries.values()) {
        const known = delivery.objects.get(entry.key);
        // Most are the ones that they were in the turn before.
        const isSame = known?.entry === entry && identity === delivery.identity;
        const tracked = isSame ? known : track(entry, shared.need(uid, targetOf(identity, entry)), known);
        used.add(tracked.watch);
        objects.set(entry.key, tracked);
      }
      const others = isSameRules
        ? []
        : [...objects.values()].filter((one) => isRuledOtherwise(one, delivery.rules, rules));
      Object.assign(delivery, { identity, rules, objects, suspects: new Set() });
      judgeAgain(others);
      for (const tracked of objects.values()) note(delivery, tracked);
      shared.keepOnly(uid, used);
    },
    learn: (uid, key, answer) => {
      const delivery = followed.get(uid);
      const tracked = delivery?.objects.get(key);
      if (delivery === undefined || tracked === undefined) throw new Error(`${key} is not followed`);
      const known = tracked.live;
      // An event may have told of a newer state before the answer came.
      const isSameObject = known?.state === 'present' && known.uid === (answer.metadata.uid ?? '');
      const isOld = isSameObject && isNewer(known.version, answer.metadata.resourceVersion ?? '');
      const live = fold(tracked, answer, delivery.manager, contextFor(delivery, tracked, !isOld));
      tracked.isSettled = false;
      tracked.uid = live.uid;
      tracked.reference = live.owned;
      if (!isOld) take(tracked, answer, live);
      note(delivery, tracked);
      return live;
    },
    live: (uid, key) => {
      const delivery = followed.get(uid);
      const tracked = delivery?.objects.get(key);
      if (delivery !== undefined && tracked?.settling !== undefined) {
        see(tracked, tracked.settling, delivery.manager, contextFor(delivery, tracked));
        note(delivery, tracked);
      }
      return tracked?.live;
    },
    suspects: (uid) => [...(followed.get(uid)?.suspects ?? [])],
    isComplete: shared.isComplete,
    troubles: shared.troubles,
    jobEnd: (uid, key) => followed.get(uid)?.objects.get(key)?.ended,
    settle: (uid, key, end) => {
      const delivery = followed.get(uid);
      const tracked = delivery?.objects.get(key);
      if (delivery === undefined || tracked === undefined) return;
      settle(tracked, end);
      note(delivery, tracked);
    },
    question: (uid, key) => {
      const delivery = followed.get(uid);
      const tracked = delivery?.objects.get(key);
      if (delivery === undefined || tracked === undefined) return;
      miss(delivery, tracked);
      notify(uid);
    },
    forget: (uid) => {
      shared.keepOnly(uid, new Set());
      followed.delete(uid);
      byShortUid.delete(shortUid(uid));
    },
    close: shared.close,
  };
}

function isRuledOtherwise({ entry: { ref } }: Tracked, before: RuleSet, after: RuleSet): boolean {
  return JSON.stringify(ruleFor(before, ref)) !== JSON.stringify(ruleFor(after, ref));
}

function targetOf(identity: string, entry: Entry): WatchTarget {
  const { apiVersion, kind, namespace } = entry.ref;
  return namespace === undefined ? { identity, apiVersion, kind } : { identity, apiVersion, kind, namespace };
}
