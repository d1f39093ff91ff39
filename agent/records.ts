import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { toJson } from '../diff/json.ts';
import { isAbsent, isConflict, LockstepError } from '../sync/errors.ts';
import type { LoadedRecord, Records } from '../sync/ports.ts';
import { emptyRecord } from '../sync/release/record.ts';
import { writeRecord } from '../sync/release/stored.ts';
import type { Seals } from './record-key.ts';
import { epochIn, headName, readStored } from './record-reader.ts';
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

/** What is known of a stored record: its version in the API server, and the names of its other parts. */
interface Head {
  readonly version: string;
  readonly parts: readonly string[];
}

/**
 * Keeps records in Secrets of the agent's own namespace: compressed, sealed, in parts below the size limit of a Secret.
 * The head holds the first part, the seal over the whole, and the names of the other parts, which are written before it
 * and never changed: a record is always whole. Every write is on top of the version that was read, and carries the
 * writer's epoch: an agent whose time is over is refused.
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

  async function headData(uid: string, bytes: Buffer, parts: readonly string[]): Promise<Record<string, string>> {
    const own = String(epochOf(uid));
    return {
      first: bytes.subarray(0, partBytes).toString('base64'),
      parts: encode(JSON.stringify(parts)),
      epoch: encode(own),
      seal: encode(await seals.make([uid, own, bytes])),
    };
  }

  /** From here on, whoever led before can write no more. */
  async function take(uid: string, head: StoredSecret, bytes: Buffer, parts: readonly string[]): Promise<void> {
    const isOurs = epochIn(head) === epochOf(uid);
    const version = isOurs
      ? head.version
      : await secrets.put(uid, headName(uid), await headData(uid, bytes, parts), head.version);
    heads.set(uid, { version, parts });
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
        heads.set(uid, { version: head.version, parts: [] });
        return { record: emptyRecord(), problem: stored.problem };
      }
      await take(uid, head, stored.bytes, stored.parts);
      return { record: stored.record, problem: undefined };
    },
    save: async (uid, record) => {
      const bytes = await compress(toJson(writeRecord(record)));
      const before = heads.get(uid);
      const parts = partsOf(uid, bytes);
      for (const { name, bytes: part } of parts) {
        if (!before?.parts.includes(name))
          await secrets.put(uid, name, { part: part.toString('base64') }, undefined).catch(ignoreExisting);
      }
      const names = parts.map(({ name }) => name);
      const version = await putHead(uid, await headData(uid, bytes, names), before?.version);
      heads.set(uid, { version, parts: names });
      for (const name of before?.parts ?? []) if (!names.includes(name)) await secrets.remove(name);
    },
    remove: async (uid) => {
      for (const name of await secrets.namesOf(uid)) await secrets.remove(name);
      heads.delete(uid);
      epochs.delete(uid);
    },
  };
}

/** The parts after the first. A part's name is a fingerprint of its content: one that exists is the same. */
function partsOf(uid: string, bytes: Buffer): { name: string; bytes: Buffer }[] {
  const parts: { name: string; bytes: Buffer }[] = [];
  for (let at = partBytes; at < bytes.length; at += partBytes) {
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
