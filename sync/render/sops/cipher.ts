import { createDecipheriv } from 'node:crypto';
import { Timestamp } from '../yaml-ordered.ts';
import { SopsError } from './trouble.ts';

/** What an encrypted text holds. */
export type Opened = string | number | bigint | boolean | Timestamp;

/** The same, and its bytes, which need not be text. */
export interface OpenedValue {
  readonly value: Opened;
  readonly bytes: Buffer;
}

const form = /^ENC\[AES256_GCM,data:([A-Za-z0-9+/=]*),iv:([A-Za-z0-9+/=]+),tag:([A-Za-z0-9+/=]+),type:([a-z]+)\]$/;

/** Whether a text is an encrypted one. */
export function isSealed(text: string): boolean {
  return text.startsWith('ENC[AES256_GCM,');
}

/**
 * Decrypts one value: AES-256-GCM, with where it stands as what else is authenticated.
 * @param place the keys that lead to it, each with a colon after it
 * @throws Error that quotes nothing
 */
export function openValue(text: string, key: Buffer, place: string): OpenedValue {
  const [, data, iv = '', tag = '', type = ''] = form.exec(text) ?? [];
  if (data === undefined) throw new SopsError('an encrypted value is broken');
  const bytes = openBytes(data, iv, tag, key, place);
  return { value: typed(bytes.toString('utf8'), type), bytes };
}

function openBytes(data: string, iv: string, tag: string, key: Buffer, place: string): Buffer {
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(iv, 'base64'), { authTagLength: 16 });
    decipher.setAAD(Buffer.from(place));
    decipher.setAuthTag(Buffer.from(tag, 'base64'));
    return Buffer.concat([decipher.update(Buffer.from(data, 'base64')), decipher.final()]);
  } catch {
    throw new SopsError(`the value at ${place.slice(0, -1)} was changed, moved, or encrypted by another key`);
  }
}

function typed(text: string, type: string): Opened {
  switch (type) {
    case 'str':
    case 'bytes':
      return text;
    case 'int':
      return integer(text);
    case 'float':
      return float(text);
    case 'bool':
      return text.toLowerCase() === 'true';
    case 'time':
      return new Timestamp(text);
    default:
      throw new SopsError(`a value is of the type ${type}, which nobody knows`);
  }
}

/** Nothing vouches for the type of a value, so what it holds may be anything, and must not be told. */
const mistyped = 'a value is of another type than it says';

function integer(text: string): number | bigint {
  if (!/^-?\d+$/.test(text)) throw new SopsError(mistyped);
  return Number.isSafeInteger(Number(text)) ? Number(text) : BigInt(text);
}

function float(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new SopsError(mistyped);
  return value;
}
