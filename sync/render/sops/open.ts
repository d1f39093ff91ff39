import { createHash } from 'node:crypto';
import { toJson } from '../../../diff/json.ts';
import { printYaml } from '../yaml.ts';
import { type Ordered, Pairs, Timestamp } from '../yaml-ordered.ts';
import { isSealed, type Opened, openValue } from './cipher.ts';
import type { OpenedFile } from './port.ts';
import { plainOf, type Sealed } from './sealed.ts';

/** A code over encrypted values alone begins with this, so that it is never that over all: the SHA-256 of `sops`. */
const onlyEncrypted = createHash('sha256').update('sops').digest();

/**
 * Decrypts every value, and compares the code of all of them.
 * @param key of its values, 32 bytes
 * @throws Error that quotes nothing
 */
export function openSealed(sealed: Sealed, key: Buffer): OpenedFile {
  const { documents, isMacOnlyOfEncrypted, mac, lastModified } = sealed;
  const hash = createHash('sha512');
  const secrets: string[] = [];
  if (isMacOnlyOfEncrypted) hash.update(onlyEncrypted);

  const leaf = (value: Exclude<Ordered, Pairs | readonly Ordered[] | null>, place: string): Ordered => {
    const isEncrypted = typeof value === 'string' && isSealed(value);
    const opened: Opened = isEncrypted ? openValue(value, key, place) : value;
    if (isEncrypted || !isMacOnlyOfEncrypted) hash.update(bytesOf(opened));
    if (isEncrypted) secrets.push(bytesOf(opened));
    return opened;
  };
  const walk = (value: Ordered, place: string): Ordered => {
    if (value === null) return null;
    if (value instanceof Pairs) {
      const opened = new Pairs();
      for (const [name, inner] of value.pairs) opened.pairs.push([name, walk(inner, `${place}${name}:`)]);
      return opened;
    }
    if (typeof value === 'object' && !(value instanceof Timestamp)) return value.map((inner) => walk(inner, place));
    return leaf(value, place);
  };

  const opened = documents.map((document) => walk(document, '') as Pairs);
  requireMac(hash.digest('hex').toUpperCase(), mac, lastModified, key);
  return { text: written(sealed, opened), secrets };
}

function requireMac(found: string, mac: string, lastModified: string, key: Buffer): void {
  if (mac === '') throw new Error('its MAC is missing');
  // It is bound to the time at which it was made, without a colon behind it.
  if (openValue(mac, key, lastModified) !== found)
    throw new Error('its MAC does not fit: something in it was changed after it was encrypted');
}

/** What is hashed of a value, as SOPS writes it. */
function bytesOf(value: Opened): string {
  if (value instanceof Timestamp) return value.text;
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  return typeof value === 'number' ? decimal(value) : String(value);
}

/** A number without an exponent. */
function decimal(value: number): string {
  const [, sign = '', whole = '', fraction = '', exponent] =
    /^(-?)(\d+)(?:\.(\d+))?(?:e([-+]\d+))?$/.exec(String(value)) ?? [];
  if (exponent === undefined) return String(value);
  const digits = `${whole}${fraction}`;
  const point = whole.length + Number(exponent);
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  return `${sign}${digits.padEnd(point, '0')}`;
}

function written({ format }: Sealed, documents: readonly Pairs[]): string {
  if (format === 'dotenv')
    return (documents[0]?.pairs ?? []).map(([key, value]) => `${key}=${lineOf(value)}\n`).join('');
  if (format === 'json') return toJson(plainOf(documents[0] ?? new Pairs()));
  if (format === 'yaml') return documents.map((document) => printYaml(plainOf(document))).join('---\n');
  const data = documents[0]?.pairs.find(([key]) => key === 'data')?.[1];
  if (typeof data !== 'string') throw new Error('it holds no data');
  return data;
}

function lineOf(value: Ordered): string {
  return typeof value === 'string' ? value.replaceAll('\n', '\\n') : String(plainOf(value));
}
