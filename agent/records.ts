import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { isObject, parseJson, toJson } from '../diff/json.ts';
import { isAbsent, LockstepError, messageOf } from '../sync/errors.ts';
import type { LoadedRecord, Records } from '../sync/ports.ts';
import { emptyRecord, type ReleaseRecord } from '../sync/release/record.ts';
import { readRecord, writeRecord } from '../sync/release/stored.ts';
import type { Seals } from './record-key.ts';
import { isConflict, type RecordSecrets, type StoredSecret } from './record-secrets.ts';

const compress = promisify(gzip);
const expand = promisify(gunzip);

/** A Secret may hold 1 MiB; base64 adds a third. */
const partBytes = 700 * 1024;

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
 * @param epoch the number of the leadership that this agent acts under; later leaders have higher ones
 */
export function createRecords(secrets: RecordSecrets, seals: Seals, epoch: () => number): Records {
  const heads = new Map<string, Head>();

  async function readWhole(uid: string, head: StoredSecret, parts: readonly string[]): Promise<Buffer> {
    const bytes = [decode(head.data['first'])];
    for (const name of parts) bytes.push(decode((await secrets.get(name))?.data['part']));
    const whole = Buffer.concat(bytes);
    const isSealed = await seals.fits(text(head.data['seal']), [uid, text(head.data['epoch']), whole]);
    if (!isSealed) throw new Error('its seal does not fit: it was changed, or the key is another');
    return whole;
  }

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
    if (epochIn(there) <= epoch()) return;
    heads.delete(uid);
    throw new LockstepError('Fenced', `the record of ${uid} belongs to a later leader: this agent must stop`);
  }

  async function headData(uid: string, bytes: Buffer, parts: readonly string[]): Promise<Record<string, string>> {
    const own = String(epoch());
    return {
      first: bytes.subarray(0, partBytes).toString('base64'),
      parts: encode(JSON.stringify(parts)),
      epoch: encode(own),
      seal: encode(await seals.make([uid, own, bytes])),
    };
  }

  /** From here on, whoever led before can write no more. */
  async function take(uid: string, head: StoredSecret, bytes: Buffer, parts: readonly string[]): Promise<void> {
    const isOurs = epochIn(head) === epoch();
    const version = isOurs
      ? head.version
      : await secrets.put(uid, headName(uid), await headData(uid, bytes, parts), head.version);
    heads.set(uid, { version, parts });
  }

  return {
    load: async (uid): Promise<LoadedRecord> => {
      const head = await secrets.get(headName(uid));
      if (head === undefined) return { record: emptyRecord(), problem: undefined };
      refuseLater(uid, head);
      // Whatever is there is written over by its version, also when it can't be read.
      heads.set(uid, { version: head.version, parts: [] });
      let record: ReleaseRecord;
      let bytes: Buffer;
      let parts: string[];
      try {
        parts = JSON.parse(text(head.data['parts']) || '[]');
        bytes = await readWhole(uid, head, parts);
        const stored = parseJson((await expand(bytes)).toString());
        if (!isObject(stored)) throw new Error('it holds no record');
        record = readRecord(stored);
      } catch (error) {
        if (error instanceof LockstepError || isRequestError(error)) throw error;
        return { record: emptyRecord(), problem: `the Secret ${headName(uid)} can't be used: ${messageOf(error)}` };
      }
      await take(uid, head, bytes, parts);
      return { record, problem: undefined };
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
    },
  };
}

function headName(uid: string): string {
  return `lockstep-${uid}`;
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

function epochIn(head: StoredSecret | undefined): number {
  return Number(text(head?.data['epoch']) || 0);
}

function encode(plain: string): string {
  return Buffer.from(plain).toString('base64');
}

function decode(base64: string | undefined): Buffer {
  return Buffer.from(base64 ?? '', 'base64');
}

function text(base64: string | undefined): string {
  return decode(base64).toString();
}

function ignoreExisting(error: unknown): string {
  if (isConflict(error)) return '';
  throw error;
}

function isRequestError(error: unknown): boolean {
  return error instanceof Error && error.name === 'ApiError';
}
