import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { isObject, parseJson } from '../diff/json.ts';
import { messageOf } from '../sync/errors.ts';
import type { ReleaseRecord } from '../sync/release/record.ts';
import { readRecord } from '../sync/release/stored.ts';
import type { Seals } from './record-key.ts';
import type { RecordSecrets, StoredSecret } from './record-secrets.ts';

const expand = promisify(gunzip);

/** A record as it is stored; or why it can't be used. */
export type StoredRecord =
  | {
      readonly head: StoredSecret;
      readonly bytes: Buffer;
      /** The names of the Secrets that hold the rest. */
      readonly parts: readonly string[];
      readonly record: ReleaseRecord;
    }
  | { readonly head: StoredSecret; readonly problem: string };

/** The Secret that a record begins in. */
export function headName(uid: string): string {
  return `lockstep-${uid}`;
}

/** The number of the leadership under which a record was written last; 0 where there is none. */
export function epochIn(head: StoredSecret | undefined): number {
  return Number(text(head?.data['epoch']) || 0);
}

/** Reads the record of a Delivery without changing anything. @throws ApiError */
export async function readStored(secrets: RecordSecrets, seals: Seals, uid: string): Promise<StoredRecord | undefined> {
  for (let tries = 1; ; tries += 1) {
    const head = await secrets.get(headName(uid));
    if (head === undefined) return undefined;
    const stored = await readWhole(secrets, seals, uid, head);
    if (!('problem' in stored) || tries === mostTries) return stored;
    // While it was being read, somebody may have written another one.
    if ((await secrets.get(headName(uid)))?.version === head.version) return stored;
  }
}

const mostTries = 3;

async function readWhole(secrets: RecordSecrets, seals: Seals, uid: string, head: StoredSecret): Promise<StoredRecord> {
  try {
    const parts = partsIn(head);
    const bytes = [decode(head.data['first'])];
    for (const name of parts) bytes.push(decode((await secrets.get(name))?.data['part']));
    const whole = Buffer.concat(bytes);
    const isSealed = await seals.fits(text(head.data['seal']), [uid, text(head.data['epoch']), whole]);
    if (!isSealed) throw new Unsealed('its seal does not fit: it was changed, or the key is another');
    const stored = parseJson((await expand(whole)).toString());
    if (!isObject(stored)) throw new Error('it holds no record');
    return { head, bytes: whole, parts, record: readRecord(stored) };
  } catch (error) {
    // What is whole, but of another version, or can't be checked right now, is not written over.
    if (!(error instanceof Unsealed)) throw error;
    return { head, problem: `the Secret ${headName(uid)} can't be used: ${messageOf(error)}` };
  }
}

/** What nobody of ours has written. */
class Unsealed extends Error {}

function partsIn(head: StoredSecret): string[] {
  try {
    return JSON.parse(text(head.data['parts']) || '[]');
  } catch {
    throw new Unsealed('it was changed: its parts have no names');
  }
}

function decode(base64: string | undefined): Buffer {
  return Buffer.from(base64 ?? '', 'base64');
}

function text(base64: string | undefined): string {
  return decode(base64).toString();
}
