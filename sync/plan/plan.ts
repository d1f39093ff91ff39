import { type Change, changeLine, compare } from '../../diff/compare.ts';
import { maskPair } from '../../diff/mask.ts';
import { withoutNoise } from '../../diff/normalize.ts';
import { jsonPatch } from '../../diff/patch.ts';
import { type Entry, isPending, type ReleaseRecord } from '../release/record.ts';
import type { Desired } from '../render/check.ts';
import { stampNames } from '../stamp.ts';
import { type Action, type KubeObject, type ObjectRef, refOf, titleOf } from '../types.ts';
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
 * @param skipped keys that Git asks to be left alone: neither applied again nor pruned
 */
export function entriesFor(
  desired: readonly Desired[],
  record: ReleaseRecord,
  skipped: readonly string[] = [],
): Map<string, Entry> {
  const places = arrange(desired.map((wanted) => wanted.manifest));
  const entries = new Map<string, Entry>();
  desired.forEach(({ key, manifest, hash }, index) => {
    const place = places[index] ?? { wave: 0, step: 0 };
    const applied = withManifest(record.entries.get(key), hash);
    entries.set(key, { key, ref: refOf(manifest), ...place, manifest, hash, removed: false, applied });
  });
  for (const key of skipped) {
    const entry = record.entries.get(key);
    if (entry !== undefined) entries.set(key, { ...entry, ...asApplied(entry), removed: false });
  }
  for (const entry of record.entries.values()) {
    // What a running release was about to write may be there, although no answer said so.
    const mayExist = entry.applied !== undefined || entry.removed || record.phase === 'Releasing';
    if (!entries.has(entry.key) && mayExist) entries.set(entry.key, { ...entry, removed: true });
  }
  return entries;
}

/** What Git asks to be left alone stays as it was applied last. */
function asApplied(entry: Entry): Partial<Entry> {
  if (entry.applied === undefined) return {};
  const { manifest = entry.manifest, ...applied } = entry.applied;
  return { manifest, hash: applied.hash, applied };
}

/** While the wanted manifest is another than the applied one, both are kept: drift is healed to the applied one. */
function withManifest(entry: Entry | undefined, hash: string): Entry['applied'] {
  if (entry?.applied === undefined) return undefined;
  const { manifest, ...applied } = entry.applied;
  if (applied.hash === hash) return applied;
  return { ...applied, manifest: manifest ?? entry.manifest };
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
