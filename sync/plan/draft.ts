import { hashForPeople } from '../../diff/hash.ts';
import { canonicalJson, type Json } from '../../diff/json.ts';
import type { SetDeletion } from '../children.ts';
import { inOneLine } from '../errors.ts';
import { breathe } from '../parallel.ts';
import { type Entry, isUnderWay, type ReleaseRecord } from '../release/record.ts';
import type { Desired } from '../render/check.ts';
import type { ObjectRef } from '../types.ts';
import { missingNeeds } from './needs.ts';
import { changedEntries, entriesFor, type PlanItem, planLeftAlone, planPrune } from './plan.ts';
import { pruneRefusal } from './prune.ts';
import { type Refusal, type Trial, type Tried, tryEntries } from './try.ts';

/** What is to be planned: a revision as it was rendered and checked. */
export interface Draftable {
  /** The tree and the settings that it came from. */
  readonly input: string;
  readonly desired: readonly Desired[];
  readonly skipped: readonly ObjectRef[];
  /** What becomes of Deliveries that leave, where it is a set of them. */
  readonly deletion?: SetDeletion | undefined;
}

/** A plan as data: what releasing a revision would do, before anything is done. */
export interface Draft {
  readonly entries: Map<string, Entry>;
  /** In the order in which they would be done. What did not change costs nothing, and is not among them. */
  readonly items: readonly PlanItem[];
  /** All that stands against it. */
  readonly refusals: readonly Refusal[];
  /** Objects as they are before they are taken over. They hold Secrets, and are never shown. */
  readonly found: Tried['found'];
  /** What is taken from others. It holds Secrets, and is never shown. */
  readonly taken: Tried['taken'];
  /** Equal hashes are equal plans: the same content, and the same things done with the same objects. */
  readonly hash: string;
}

/**
 * Plans a revision: everything that would change is tried by a dry-run, and nothing is touched. All problems are found, not
 * the first.
 * @throws LockstepError AccountNotFound
 */
export async function draft(wanted: Draftable, record: ReleaseRecord, trial: Trial, prune: boolean): Promise<Draft> {
  const { desired, skipped, input } = wanted;
  const entries = entriesFor(desired, record, skipped);
  await breathe();
  const leftAlone = planLeftAlone(record, skipped);
  const tried = await tryEntries(changedEntries(entries), entries, trial);
  const items = [...tried.items, ...leftAlone, ...planPrune(entries, prune, wanted.deletion)].sort(inOrder);
  const hash = hashOf(input, items, entries);
  const guarded = [
    ...(record.confirmed === hash
      ? []
      : massPrune(desired.length + leftAlone.length, record, entries, { hash, ...wanted })),
    ...(prune ? missing(entries) : []),
  ];
  return {
    entries,
    items,
    refusals: [...guarded, ...tried.refusals],
    found: tried.found,
    taken: tried.taken,
    hash,
  };
}

/** Deletes come last, in reverse. */
function inOrder(a: PlanItem, b: PlanItem): number {
  const [left, right] = [a.action === 'prune', b.action === 'prune'];
  if (left !== right) return left ? 1 : -1;
  return (left ? b.wave - a.wave : a.wave - b.wave) || (a.key < b.key ? -1 : 1);
}

/** While a release is under way, what it has removed already counts too: only good says what there was. */
function massPrune(
  wanted: number,
  record: ReleaseRecord,
  entries: ReadonlyMap<string, Entry>,
  { hash, deletion }: { readonly hash: string; readonly deletion?: SetDeletion | undefined },
): Refusal[] {
  if (!entries.values().some(({ removed }) => removed)) return [];
  const applied = [...record.entries.values()].filter((entry) => entry.applied !== undefined);
  const good = isUnderWay(record) ? record.goods[0]?.objects : undefined;
  const before = good ?? new Set(applied.filter(({ removed }) => !removed).map(({ key }) => key));
  const leaving = [...entries.values()].filter(({ key, removed }) => removed && before.has(key)).length;
  // A set may make nothing at all, where what leaves it goes by itself.
  const mayBeEmpty = deletion !== undefined && deletion !== 'confirm';
  const refusal = pruneRefusal(wanted, good?.size ?? applied.length, leaving, mayBeEmpty);
  if (refusal === undefined) return [];
  const message = `${refusal.message} unless somebody confirms the plan ${hash}`;
  return [{ ...refusal, message, permanent: true }];
}

function missing(entries: ReadonlyMap<string, Entry>): Refusal[] {
  const needs = missingNeeds([...entries.values()]);
  return needs.length === 0 ? [] : [{ code: 'InvalidManifests', message: inOneLine(needs), permanent: true }];
}

/** The content is known by what it came from: so a hash is no oracle for the values of a Secret. */
function hashOf(input: string, items: readonly PlanItem[], entries: ReadonlyMap<string, Entry>): string {
  const lines = items
    .filter(({ action }) => action !== 'unchanged')
    .map(({ key, action, wave, deferred, patch }) => {
      const operations: unknown = patch;
      const step = entries.get(key)?.step ?? 0;
      return `${action} ${key} ${wave} ${step} ${deferred} ${canonicalJson(operations as Json)}`;
    });
  return hashForPeople([input, ...lines].join('\n'));
}
