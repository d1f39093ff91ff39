import { type Change, changeLine, compare } from '../../diff/compare.ts';
import { maskPair } from '../../diff/mask.ts';
import { withoutNoise } from '../../diff/normalize.ts';
import { jsonPatch } from '../../diff/patch.ts';
import { pathText, withoutPlaces } from '../../diff/places.ts';
import type { Ownership } from '../apply/fields.ts';
import type { SetDeletion } from '../children.ts';
import type { FieldConflict } from '../errors.ts';
import type { Hook } from '../hooks/phases.ts';
import { inPhases, type Wanted } from '../hooks/wanted.ts';
import { aloneOf, appliedWith, type Entry, isPending, isUnderWay, type ReleaseRecord } from '../release/record.ts';
import type { Desired } from '../render/check.ts';
import { stampNames } from '../stamp.ts';
import { type Action, type KubeObject, keyOf, type ObjectRef, refOf, titleOf } from '../types.ts';
import { arrange, isSamePlace, type Place } from './order.ts';
import { keepReason } from './prune.ts';

/** What will be done with one object, and why. Everything in it may be shown: Secrets are masked. */
export interface PlanItem {
  readonly key: string;
  readonly ref: ObjectRef;
  readonly action: Action;
  readonly wave: number;
  readonly reason: string;
  readonly changes: readonly Change[];
  /** The same as an RFC 6902 patch. */
  readonly patch: Readonly<ReturnType<typeof jsonPatch>>;
  /** It could not be tried yet: what it needs comes in the same release. */
  readonly deferred: boolean;
  /** What else a person should know: fields that are taken from others, or kept by them. */
  readonly warnings: readonly string[];
}

/** What a dry-run apply said about one object. */
export interface Probe {
  readonly live: KubeObject | undefined;
  readonly answer: KubeObject;
  /** Fields that would be taken from other managers. */
  readonly taken?: readonly FieldConflict[];
  readonly ownership?: Ownership | undefined;
  /** What else a person should know. */
  readonly notes?: readonly string[];
  /** Why the object stays as it is. */
  readonly leftAloneBy?: string;
  /** Fields that can't be changed, so that the object would be deleted and made again. */
  readonly replaces?: readonly string[] | undefined;
}

/**
 * The entries that a record gets when a revision becomes its target: wanted ones placed, missing ones marked.
 * @param skipped what Git asks to be left alone: it is forgotten, so nothing applies, heals, waits for or deletes it
 */
export function entriesFor(
  desired: readonly Desired[],
  record: ReleaseRecord,
  skipped: readonly ObjectRef[] = [],
): Map<string, Entry> {
  const isLeftAlone = leftAlone(skipped);
  const { wanted, idle } = inPhases(desired, record.goods.length === 0);
  const places = arrange(wanted);
  const entries = new Map<string, Entry>();
  wanted.forEach((one, index) => {
    const place = places[index] ?? { wave: 0, step: 0 };
    entries.set(one.key, one.hook === undefined ? entryFor(one, place, record) : hookEntry(one, one.hook, place));
  });
  const isRunning = isUnderWay(record);
  for (const entry of record.entries.values()) {
    if (entries.has(entry.key) || isLeftAlone(entry.ref)) continue;
    // A hook that does not run in this release is not done away with by it.
    if (entry.hook !== undefined && idle.has(entry.key)) entries.set(entry.key, entry);
    // What a running release was about to write may be there, although no answer said so.
    else if (entry.applied !== undefined || entry.removed || isRunning)
      entries.set(entry.key, { ...entry, removed: true });
  }
  return entries;
}

/** An object that is wanted in each release anew. */
function hookEntry({ key, manifest, hash }: Wanted, hook: Hook, place: Place): Entry {
  return { key, ref: refOf(manifest), ...place, manifest, hash, hook, removed: false, applied: undefined };
}

function entryFor({ key, manifest, hash, ignored }: Wanted, place: Place, record: ReleaseRecord): Entry {
  const before = record.entries.get(key);
  if (before !== undefined && isAsItIs(before, place, hash)) return before;
  const wanted = { key, ref: refOf(manifest), ...place, manifest, hash, ...aloneOf({ ignored }), removed: false };
  // What good itself has to prune may be gone already.
  const mayBeGone = before?.removed === true && record.goods[0]?.objects.has(key) !== true;
  // A rollback left it in another form, although good's was wanted.
  const isOther = before?.applied?.manifest !== undefined && before.applied.hash === hash;
  const doubt = mayBeGone || isOther ? { doubted: true } : {};
  return { ...wanted, applied: appliedForPlan(before, hash), ...historyOf(before, isUnderWay(record)), ...doubt };
}

/** Whether an entry is just what is wanted, and nothing is left to be done or told of it. */
function isAsItIs(entry: Entry, place: Place, hash: string): boolean {
  const { applied, doubted, attempted, inexact, removed, hook } = entry;
  const isApplied = applied?.hash === hash && applied.manifest === undefined && applied.spent !== 'JobFailed';
  const isPlain =
    doubted !== true && attempted === undefined && inexact === undefined && !removed && hook === undefined;
  return isApplied && isPlain && entry.hash === hash && isSamePlace(entry, place);
}

/** What happened to an object since good was verified goes on counting when a newer release takes over. */
function historyOf(
  before: Entry | undefined,
  isRunning: boolean,
): Pick<Entry, 'found' | 'taken' | 'origin' | 'isLeaving' | 'touched' | 'doubted'> {
  if (before === undefined) return {};
  const { found, taken, origin, touched } = before;
  const isLeaving = before.isLeaving === true || (!isRunning && before.removed);
  const isDoubted = before.doubted === true || (isRunning && isPending(before));
  return {
    ...(found === undefined ? {} : { found }),
    ...(taken === undefined ? {} : { taken }),
    ...(origin === undefined ? {} : { origin }),
    ...(isLeaving ? { isLeaving } : {}),
    ...(touched === undefined ? {} : { touched }),
    ...(isDoubted ? { doubted: true } : {}),
  };
}

/** Tells what is left alone. While the scope of a kind is not known, the namespace of an object is only a guess. */
export function leftAlone(skipped: readonly ObjectRef[]): (ref: ObjectRef) => boolean {
  const nameOf = ({ namespace: _any, ...ref }: ObjectRef): string => keyOf(ref);
  const spaces = new Map<string, (string | undefined)[]>();
  for (const ref of skipped) spaces.set(nameOf(ref), [...(spaces.get(nameOf(ref)) ?? []), ref.namespace]);
  return (ref) =>
    (spaces.get(nameOf(ref)) ?? []).some(
      (space) => space === ref.namespace || space === undefined || ref.namespace === undefined,
    );
}

/** A Job that failed and is gone is run again by a new release. */
function appliedForPlan(entry: Entry | undefined, hash: string): Entry['applied'] {
  return entry?.applied?.spent === 'JobFailed' ? undefined : appliedWith(entry, hash);
}

/** The entries that a plan must try by dry-run: nothing that did not change costs a request. */
export function changedEntries(entries: ReadonlyMap<string, Entry>): Entry[] {
  return [...entries.values()].filter(isPending);
}

const nothing = { changes: [], patch: [], deferred: false, warnings: [] } as const;

/** The plan of one object from what a dry-run said. */
export function planOf(entry: Entry, probe: Probe | 'deferred'): PlanItem {
  const base = { key: entry.key, ref: entry.ref, wave: entry.wave, ...nothing };
  if (probe === 'deferred')
    return { ...base, action: 'create', reason: 'what it needs comes in the same release', deferred: true };
  if (probe.live === undefined) {
    const reason = entry.hook === undefined ? 'is not in the cluster' : `runs as a hook in ${entry.hook.phase}`;
    return { ...base, action: 'create', reason };
  }
  return { ...base, ...changeOf(entry, probe, probe.live) };
}

/** They are told in one line: most of them are defaults. */
function doubts(paths: Ownership['doubtful']): string[] {
  const shown = paths.slice(0, 10).map(pathText).join(', ');
  const more = paths.length > 10 ? ` and ${paths.length - 10} more` : '';
  return paths.length === 0 ? [] : [`falls back to its default, as it is not in Git: ${shown}${more}`];
}

function changeOf(
  entry: Entry,
  { answer, taken = [], ownership, notes = [], replaces, leftAloneBy }: Probe,
  live: KubeObject,
) {
  if (leftAloneBy !== undefined) return { action: 'skip' as const, reason: leftAloneBy };
  const outcome = withoutPlaces(answer, ownership?.leaving ?? []);
  const [before, after] = maskPair(withoutNoise(live, stampNames), withoutNoise(outcome, stampNames));
  const changes = compare(before, after);
  const warnings = [
    ...taken.map(({ field, manager }) => `takes ${field} from ${manager}`),
    ...(ownership?.leaving ?? []).map((path) => `${pathText(path)} goes: it was declared before, and is not in Git`),
    ...doubts(ownership?.doubtful ?? []),
    ...(ownership?.kept ?? []),
    ...notes,
  ];
  const told = { changes, patch: jsonPatch(before, after), warnings };
  const lines = changes.map(changeLine).slice(0, 5).join('; ');
  if (replaces !== undefined)
    return {
      ...told,
      action: 'replace' as const,
      reason: `${replaces.join(', ')} can not be changed: deleted and made again`,
    };
  if (entry.applied === undefined)
    return { ...told, action: 'adopt' as const, reason: 'exists already and is taken over' };
  return { ...told, action: changes.length === 0 ? ('unchanged' as const) : ('update' as const), reason: lines };
}

/** What happens to the objects that left Git. */
export function planPrune(entries: ReadonlyMap<string, Entry>, prune: boolean, deletion?: SetDeletion): PlanItem[] {
  return [...entries.values()].flatMap((entry) => {
    if (!entry.removed) return [];
    const kept = prune ? keepReason(entry.manifest, deletion) : 'spec.sync.prune is false';
    const base = { key: entry.key, ref: entry.ref, wave: entry.wave, ...nothing };
    return [
      kept === undefined
        ? { ...base, action: 'prune' as const, reason: 'left Git' }
        : { ...base, action: 'skip' as const, reason: kept },
    ];
  });
}

/** What Lockstep lets go because Git asks for it. */
export function planLeftAlone(record: ReleaseRecord, skipped: readonly ObjectRef[]): PlanItem[] {
  if (skipped.length === 0) return [];
  const isLeftAlone = leftAlone(skipped);
  return [...record.entries.values()]
    .filter(({ ref, applied }) => applied !== undefined && isLeftAlone(ref))
    .map(({ key, ref, wave }) => {
      const reason = 'Git asks to leave it alone';
      return { key, ref, wave, action: 'skip', reason, ...nothing };
    });
}

/** One line a plan item: `update ConfigMap shop/settings: data.color: red → blue`. */
export function planLine(item: PlanItem): string {
  const told = [item.reason, ...item.warnings].filter((text) => text !== '');
  return `${item.action} ${titleOf(item.ref)}${told.length === 0 ? '' : `: ${told.join('; ')}`}`;
}
