import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { isObject, type JsonObject, parseJson } from '../diff/json.ts';
import { messageOf } from '../sync/errors.ts';
import { emptyRecord, type ReleaseRecord } from '../sync/release/record.ts';
import { readRecord } from '../sync/release/stored.ts';
import type { Seals } from './record-key.ts';
import type { RecordSecrets, StoredSecret } from './record-secrets.ts';

const expand = promisify(gunzip);

/** A whole record that later ones are told against: in Secrets of its own, which are never changed. */
export interface Base {
  /** Their names, and the fingerprint of what they hold together. */
  readonly parts: readonly string[];
  readonly digest: string;
  /** How many bytes that is. */
  readonly size: number;
  readonly record: ReleaseRecord;
}

/** Nothing was written yet that is worth to be told against. */
export function noBase(): Base {
  return { parts: [], digest: '', size: 0, record: emptyRecord() };
}

/** A record as it is stored; or why it can't be used. */
export type StoredRecord =
  | {
      readonly head: StoredSecret;
      readonly base: Base;
      /** What has become of the base, compressed. */
      readonly delta: Buffer;
      readonly record: ReleaseRecord;
    }
  | { readonly head: StoredSecret; readonly problem: string };

/** What a seal stands for: whose record it is, who wrote it, and all of its content. */
export function sealed(uid: string, epoch: string, base: string, delta: Buffer): (string | Buffer)[] {
  return [uid, epoch, base, delta];
}

/** How the head names its base. */
export function nameBase({ parts, digest }: Base): string {
  return JSON.stringify({ parts, digest });
}

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
    const [named, delta] = [text(head.data['base']), decode(head.data['delta'])];
    const isSealed = await seals.fits(text(head.data['seal']), sealed(uid, text(head.data['epoch']), named, delta));
    if (!isSealed) throw new Unsealed('its seal does not fit: it was changed, or the key is another');
    const base = await readBase(secrets, named);
    return { head, base, delta, record: readRecord(await expanded(delta), base.record) };
  } catch (error) {
    // What is whole, but of another version, or can't be checked right now, is not written over.
    if (!(error instanceof Unsealed)) throw error;
    return { head, problem: `the Secret ${headName(uid)} can't be used: ${messageOf(error)}` };
  }
}

/** What nobody of ours has written. */
class Unsealed extends Error {}

async function readBase(secrets: RecordSecrets, named: string): Promise<Base> {
  const { parts, digest }: Pick<Base, 'parts' | 'digest'> = JSON.parse(named);
  if (parts.length === 0) return noBase();
  const bytes: Buffer[] = [];
  for (const name of parts) bytes.push(decode((await secrets.get(name))?.data['part']));
  const whole = Buffer.concat(bytes);
  if (digestOf(whole) !== digest) throw new Unsealed('its base was changed, or is not there any more');
  return { parts, digest, size: whole.length, record: readRecord(await expanded(whole)) };
}

/** A fingerprint that nobody can make other bytes for. */
export function digestOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

async function expanded(bytes: Buffer): Promise<JsonObject> {
  const stored = parseJson((await expand(bytes)).toString());
  if (!isObject(stored)) throw new Error('it holds no record');
  return stored;
}

function decode(base64: string | undefined): Buffer {
  return Buffer.from(base64 ?? '', 'base64');
}

function text(base64: string | undefined): string {
  return decode(base64).toString();
}
