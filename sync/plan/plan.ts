import { type Change, changeLine, compare } from '../../diff/compare.ts';
import { maskPair } from '../../diff/mask.ts';
import { withoutNoise } from '../../diff/normalize.ts';
import { jsonPatch } from '../../diff/patch.ts';
import { appliedWith, type Entry, isPending, isUnderWay, type ReleaseRecord } from '../release/record.ts';
import type { Desired } from '../render/check.ts';
import { stampNames } from '../stamp.ts';
import { type Action, type KubeObject, keyOf, type ObjectRef, refOf, titleOf } from '../types.ts';
import { arrange } from './order.ts';
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
  readonly patch: ReturnType<typeof jsonPatch>;
  /** It could not be tried yet: what it needs comes in the same release. */
  readonly deferred: boolean;
}

/** What a dry-run apply said about one object. */
export interface Probe {
  readonly live: KubeObject | undefined;
  readonly answer: KubeObject;
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
  const places = arrange(desired.map((wanted) => wanted.manifest));
  const isRunning = isUnderWay(record);
  const good = record.goods[0]?.objects;
  const entries = new Map<string, Entry>();
  desired.forEach(({ key, manifest, hash }, index) => {
    const place = places[index] ?? { wave: 0, step: 0 };
    const before = record.entries.get(key);
    if (before !== undefined && isAsItIs(before, place, hash)) {
      entries.set(key, before);
      return;
    }
    const wanted = { key, ref: refOf(manifest), ...place, manifest, hash, removed: false };
    // What good itself has to prune may be gone already.
    const mayBeGone = before?.removed === true && good?.has(key) !== true;
    // A rollback left it in another form, although good's was wanted.
    const isOther = before?.applied?.manifest !== undefined && before.applied.hash === hash;
    const doubt = mayBeGone || isOther ? { doubted: true } : {};
    entries.set(key, { ...wanted, applied: appliedForPlan(before, hash), ...historyOf(before, isRunning), ...doubt });
  });
  for (const entry of record.entries.values()) {
    // What a running release was about to write may be there, although no answer said so.
    const mayExist = entry.applied !== undefined || entry.removed || isRunning;
    const isLeaving = !entries.has(entry.key) && !isLeftAlone(entry.ref);
    if (isLeaving && mayExist) entries.set(entry.key, { ...entry, removed: true });
  }
  return entries;
}

/** Whether an entry is just what is wanted, and nothing is left to be done or told of it. */
function isAsItIs(entry: Entry, { wave, step }: Pick<Entry, 'wave' | 'step'>, hash: string): boolean {
  const { applied, doubted, attempted, inexact, removed } = entry;
  const isApplied = applied?.hash === hash && applied.manifest === undefined && applied.spent !== 'JobFailed';
  const isPlain = doubted !== true && attempted === undefined && inexact === undefined && !removed;
  return isApplied && isPlain && entry.hash === hash && entry.wave === wave && entry.step === step;
}

/** What happened to an object since good was verified goes on counting when a newer release takes over. */
function historyOf(before: Entry | undefined, isRunning: boolean): Pick<Entry, 'origin' | 'touched' | 'doubted'> {
  if (before === undefined) return {};
  const { origin, touched } = before;
  const isDoubted = before.doubted === true || (isRunning && isPending(before));
  return {
    ...(origin === undefined ? {} : { origin }),
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

/** The plan of one object from what a dry-run said. */
export function planOf(entry: Entry, probe: Probe | 'deferred'): PlanItem {
  const base = { key: entry.key, ref: entry.ref, wave: entry.wave };
  if (probe === 'deferred')
    return {
      ...base,
      action: 'create',
      reason: 'what it needs comes in the same release',
      changes: [],
      patch: [],
      deferred: true,
    };
  if (probe.live === undefined)
    return { ...base, action: 'create', reason: 'is not in the cluster', changes: [], patch: [], deferred: false };
  const [before, after] = maskPair(withoutNoise(probe.live, stampNames), withoutNoise(probe.answer, stampNames));
  const changes = compare(before, after);
  const adopted = entry.applied === undefined;
  const action = adopted ? 'adopt' : changes.length === 0 ? 'unchanged' : 'update';
  const reason = adopted ? 'exists already and is taken over' : changes.map(changeLine).slice(0, 5).join('; ');
  return { ...base, action, reason, changes, patch: jsonPatch(before, after), deferred: false };
}

/** What happens to the objects that left Git. */
export function planPrune(entries: ReadonlyMap<string, Entry>, prune: boolean): PlanItem[] {
  return [...entries.values()].flatMap((entry) => {
    if (!entry.removed) return [];
    const kept = prune ? keepReason(entry.manifest) : 'spec.sync.prune is false';
    const base = { key: entry.key, ref: entry.ref, wave: entry.wave, changes: [], patch: [], deferred: false };
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
      return { key, ref, wave, action: 'skip', reason, changes: [], patch: [], deferred: false };
    });
}

/** Whether an object can't be tried before an earlier object of the same release is there. */
export function isDeferred(entry: Entry, entries: ReadonlyMap<string, Entry>, isServed: boolean): boolean {
  if (!isServed) return [...entries.values()].some((other) => definesKind(other, entry) && !other.removed);
  const { namespace } = entry.ref;
  const home = namespace === undefined ? undefined : entries.get(`/Namespace//${namespace}`);
  return home !== undefined && !home.removed && home.applied === undefined;
}

function definesKind(definition: Entry, user: Entry): boolean {
  if (definition.ref.kind !== 'CustomResourceDefinition') return false;
  const spec = definition.manifest['spec'];
  const text = JSON.stringify(spec ?? {});
  return (
    text.includes(JSON.stringify(user.ref.kind)) && text.includes(JSON.stringify(user.ref.apiVersion.split('/')[0]))
  );
}

/** One line a plan item: `update ConfigMap shop/settings: data.color: red → blue`. */
export function planLine(item: PlanItem): string {
  return `${item.action} ${titleOf(item.ref)}${item.reason === '' ? '' : `: ${item.reason}`}`;
}
