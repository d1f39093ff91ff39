import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { toJson } from '../diff/json.ts';
import { isAbsent, isConflict, LockstepError } from '../sync/errors.ts';
import { inSlices } from '../sync/parallel.ts';
import type { LoadedRecord, Records } from '../sync/ports.ts';
import { emptyRecord, type ReleaseRecord } from '../sync/release/record.ts';
import { writeRecord } from '../sync/release/stored.ts';
import type { Seals } from './record-key.ts';
import { type Base, digestOf, epochIn, headName, nameBase, noBase, readStored, sealed } from './record-reader.ts';
import type { RecordSecrets, StoredSecret } from './record-secrets.ts';

const compress = promisify(gzip);

/** A Secret may hold 1 MiB; base64 adds a third. */
const partBytes = 700 * 1024;

/** The leadership that an agent writes under. */
export interface Leader {
  /** Later leaders have higher numbers. */
  readonly epoch: number;
  /** Throws unless this agent leads right now; asked before a number is taken that is above its own. */
  prove(): Promise<void>;
  /** A record says that somebody else leads. */
  resign(why: string): void;
}

/** A delta of this many bytes is no reason to write a base. */
const smallDelta = 48 * 1024;
/** Nor are this many objects. */
const mostObjects = 250;

/** What is known of a stored record: its version in the API server, and what it is told against. */
interface Head {
  readonly version: string | undefined;
  readonly base: Base;
}

/**
 * Keeps records in Secrets of the agent's own namespace, compressed and sealed. The head holds what has become of a base
 * since that was written, so that a save costs what has changed, whatever the size of the record; small records need no
 * base. The base stands in Secrets of its own, in parts below the size limit of one, written before a head names them and
 * never changed: a record is always whole. Every write is on top of the version that was read, and carries the writer's
 * epoch: an agent whose time is over is refused.
 */
export function createRecords(secrets: RecordSecrets, seals: Seals, leader: Leader): Records {
  const heads = new Map<string, Head>();
  /** The epoch under which a record was taken: above all earlier ones, also where the lease had to begin anew. */
  const epochs = new Map<string, number>();
  const epochOf = (uid: string): number => epochs.get(uid) ?? leader.epoch;

  /** Writes a head. A refusal may only mean that the answer to an earlier write of our own was lost. */
  async function putHead(uid: string, data: Record<string, string>, version: string | undefined): Promise<string> {
    const name = headName(uid);
    try {
      return await secrets.put(uid, name, data, version);
    } catch (error) {
      if (!isConflict(error) && !isAbsent(error)) throw error;
      const there = await secrets.get(name);
      if (there !== undefined && there.data['seal'] === data['seal']) return there.version;
      refuseLater(uid, there);
      return secrets.put(uid, name, data, there?.version);
    }
  }

  function refuseLater(uid: string, there: StoredSecret | undefined): void {
    if (epochIn(there) <= epochOf(uid)) return;
    heads.delete(uid);
    const why = `the record of ${uid} belongs to a later leader: this agent must stop`;
    leader.resign(why);
    throw new LockstepError('Fenced', why);
  }

  async function headData(uid: string, base: Base, delta: Buffer): Promise<Record<string, string>> {
    const own = String(epochOf(uid));
    const named = nameBase(base);
    return {
      base: encode(named),
      delta: delta.toString('base64'),
      epoch: encode(own),
      seal: encode(await seals.make(sealed(uid, own, named, delta))),
    };
  }

  /** From here on, whoever led before can write no more. */
  async function take(uid: string, head: StoredSecret, base: Base, delta: Buffer): Promise<void> {
    const isOurs = epochIn(head) === epochOf(uid);
    const version = isOurs
      ? head.version
      : await secrets.put(uid, headName(uid), await headData(uid, base, delta), head.version);
    heads.set(uid, { version, base });
  }

  /** Writes a whole record that later ones are told against. */
  async function writeBase(uid: string, record: ReleaseRecord): Promise<Base> {
    // What the record holds is never changed, but its map of entries is.
    const snapshot = { ...record, entries: new Map(record.entries) };
    const bytes = await compress(await jsonInSlices(writeRecord(snapshot).stored));
    if (bytes.length <= smallDelta) return noBase();
    const parts = partsOf(uid, bytes);
    for (const { name, bytes: part } of parts)
      await secrets.put(uid, name, { part: part.toString('base64') }, undefined).catch(ignoreExisting);
    const names = parts.map(({ name }) => name);
    return { parts: names, digest: digestOf(bytes), size: bytes.length, record: snapshot };
  }

  return {
    load: async (uid): Promise<LoadedRecord> => {
      const stored = await readStored(secrets, seals, uid);
      if (stored === undefined) return { record: emptyRecord(), problem: undefined };
      const { head } = stored;
      // Either the lease had to begin anew, or somebody else leads by now.
      const above = epochIn(head) + (heads.has(uid) ? 0 : 1);
      if (above > epochOf(uid)) await leader.prove();
      epochs.set(uid, Math.max(leader.epoch, above));
      if ('problem' in stored) {
        // What is begun anew is written over it.
        heads.set(uid, { version: head.version, base: noBase() });
        return { record: emptyRecord(), problem: stored.problem };
      }
      await take(uid, head, stored.base, stored.delta);
      return { record: stored.record, problem: undefined };
    },
    save: async (uid, record) => {
      const before = heads.get(uid) ?? { version: undefined, base: noBase() };
      let { base } = before;
      let delta = await deltaIfNear(base, record);
      if (delta === undefined) {
        base = await writeBase(uid, record);
        delta = await compress(toJson(writeRecord(record, base.record).stored));
      }
      const version = await putHead(uid, await headData(uid, base, delta), before.version);
      heads.set(uid, { version, base });
      for (const name of before.base.parts) if (!base.parts.includes(name)) await secrets.remove(name);
    },
    remove: async (uid) => {
      for (const name of await secrets.namesOf(uid)) await secrets.remove(name);
      heads.delete(uid);
      epochs.delete(uid);
    },
  };
}

/** The JSON text of a record that may hold thousands of objects. */
async function jsonInSlices(stored: object): Promise<string> {
  const fields: string[] = [];
  for (const [name, value] of Object.entries(stored)) {
    if (value === undefined) continue;
    fields.push(`${toJson(name)}:${Array.isArray(value) ? await listInSlices(value) : toJson(value)}`);
  }
  return `{${fields.join(',')}}`;
}

async function listInSlices(items: readonly unknown[]): Promise<string> {
  const texts: string[] = [];
  await inSlices(items, 250, (slice) => void texts.push(toJson(slice).slice(1, -1)));
  return `[${texts.join(',')}]`;
}

/** What became of a base; undefined when that is so much that the record should get a base of its own. */
async function deltaIfNear({ size, record: base }: Base, record: ReleaseRecord): Promise<Buffer | undefined> {
  const delta = writeRecord(record, base);
  const isWide = delta.size > mostObjects && delta.size > record.entries.size / 4;
  if (isWide || record.entries.size < base.entries.size / 2) return undefined;
  const bytes = await compress(toJson(delta.stored));
  return bytes.length > Math.min(partBytes / 2, Math.max(smallDelta, size / 4)) ? undefined : bytes;
}

/** A part's name is a fingerprint of its content: one that exists is the same. */
function partsOf(uid: string, bytes: Buffer): { name: string; bytes: Buffer }[] {
  const parts: { name: string; bytes: Buffer }[] = [];
  for (let at = 0; at < bytes.length; at += partBytes) {
    const part = bytes.subarray(at, at + partBytes);
    const fingerprint = createHash('sha256').update(part).digest('hex').slice(0, 16);
    parts.push({ name: `${headName(uid)}-${fingerprint}`, bytes: part });
  }
  return parts;
}

function encode(plain: string): string {
  return Buffer.from(plain).toString('base64');
}

function ignoreExisting(error: unknown): string {
  if (isConflict(error)) return '';
  throw error;
}
