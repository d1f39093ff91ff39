import { isObject, type Json, type JsonObject, objectsAt } from '../../diff/json.ts';
import { isKubeObject, type KubeObject, type ObjectRef } from '../types.ts';

/** What the API server answered to the last apply of an object, folded. */
export interface Applied {
  readonly uid: string;
  /** The fingerprint of the manifest that was applied. */
  readonly hash: string;
  /** The fingerprint of what we own in the live object; see diff/owned. */
  readonly owned: string;
  /** The number of the release that last changed the object. */
  readonly sequence: number;
  /** How a Job ended that its time to live has taken away since: it is not made again. */
  readonly spent?: 'Complete' | 'JobFailed';
  /** The manifest that was applied, while it is not yet the one that is wanted. */
  readonly manifest?: KubeObject;
}

/** One object of a Delivery. */
export interface Entry {
  readonly key: string;
  readonly ref: ObjectRef;
  readonly wave: number;
  readonly step: number;
  /** What the object shall be. */
  readonly manifest: KubeObject;
  readonly hash: string;
  /** It left Git and waits to be pruned. */
  readonly removed: boolean;
  readonly applied: Applied | undefined;
}

/** The revision of a release. */
export interface Target {
  readonly revision: string;
  readonly author: string;
  readonly subject: string;
  /** The tree and settings that the manifests came from. */
  readonly input: string;
  readonly startedAt: number;
}

/** A release that ended. */
export interface Ended {
  readonly sequence: number;
  readonly revision: string;
  readonly author: string;
  readonly subject: string;
  readonly verdict: 'Good' | 'Superseded';
  readonly time: string;
}

/** What is known of a Delivery's releases: all that must survive a restart. */
export interface ReleaseRecord {
  readonly version: 1;
  readonly sequence: number;
  readonly phase: 'Released' | 'Releasing';
  readonly target: Target | undefined;
  /** The last release that was verified. */
  readonly good: { readonly sequence: number; readonly revision: string } | undefined;
  /** Changed in place while a release runs: copying it for each object would cost the square of their number. */
  readonly entries: Map<string, Entry>;
  readonly history: readonly Ended[];
  /** How many objects the last plan treated how. */
  readonly actions: Readonly<Record<string, number>>;
}

/** The record of a Delivery that was never released. */
export function emptyRecord(): ReleaseRecord {
  return {
    version: 1,
    sequence: 0,
    phase: 'Released',
    target: undefined,
    good: undefined,
    entries: new Map(),
    history: [],
    actions: {},
  };
}

/** Whether the object in the cluster is not yet what it shall be, as far as the record knows. */
export function isPending(entry: Entry): boolean {
  return !entry.removed && entry.applied?.hash !== entry.hash;
}

/** The manifest that drift is healed to: what was last applied, even when a later wave will change it. */
export function healingManifest(entry: Entry): KubeObject {
  return entry.applied?.manifest ?? entry.manifest;
}

/** The waves that still have wanted objects, in order. */
export function wavesOf(record: ReleaseRecord): number[] {
  const waves = new Set<number>();
  for (const entry of record.entries.values()) if (!entry.removed) waves.add(entry.wave);
  return [...waves].sort((a, b) => a - b);
}

/** The record as it is stored. */
export function writeRecord(record: ReleaseRecord): JsonObject {
  const { entries, ...rest } = record;
  const plain: unknown = { ...rest, entries: [...entries.values()] };
  return plain as JsonObject;
}

/** A stored record. One that can't be understood is as none: nothing is ever deleted because of it. */
export function readRecord(stored: JsonObject | undefined): ReleaseRecord {
  if (stored?.['version'] !== 1) return emptyRecord();
  const entries = new Map<string, Entry>();
  for (const item of objectsAt(stored, 'entries')) {
    const entry = readEntry(item);
    if (entry !== undefined) entries.set(entry.key, entry);
  }
  const plain: Json = { ...stored };
  return { ...emptyRecord(), ...(plain as object), entries } as ReleaseRecord;
}

function readEntry(item: JsonObject): Entry | undefined {
  if (typeof item['key'] !== 'string' || !isKubeObject(item['manifest']) || !isObject(item['ref'])) return undefined;
  const plain: unknown = { applied: undefined, ...item };
  return plain as Entry;
}
