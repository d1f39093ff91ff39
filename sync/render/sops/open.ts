import { createHash } from 'node:crypto';
import { toJson } from '../../../diff/json.ts';
import { type Ordered, Pairs, Timestamp } from '../yaml-ordered.ts';
import { printYaml } from '../yaml-print.ts';
import { isSealed, type Opened, openValue } from './cipher.ts';
import type { OpenedFile } from './port.ts';
import { plainOf, type Sealed } from './sealed.ts';
import { SopsError } from './trouble.ts';

/** A code over encrypted values alone begins with this, so that it is never that over all: the SHA-256 of `sops`. */
const onlyEncrypted = createHash('sha256').update('sops').digest();

/**
 * Decrypts every value, and compares the code of all of them.
 * @param key of its values, 32 bytes
 * @throws SopsError
 */
export function openSealed(sealed: Sealed, key: Buffer): OpenedFile {
  const { documents, isMacOnlyOfEncrypted, mac, lastModified } = sealed;
  const hash = createHash('sha512');
  const secrets: string[] = [];
  let whole: Buffer = Buffer.alloc(0);
  if (isMacOnlyOfEncrypted) hash.update(onlyEncrypted);

  const leaf = (value: Exclude<Ordered, Pairs | readonly Ordered[] | null>, place: string): Ordered => {
    if (typeof value !== 'string' || !isSealed(value)) {
      if (!isMacOnlyOfEncrypted) hash.update(textOf(value));
      return value;
    }
    const opened = openValue(value, key, place);
    hash.update(typeof opened.value === 'string' ? opened.bytes : textOf(opened.value));
    secrets.push(textOf(opened.value));
    if (place === 'data:') whole = opened.bytes;
    return opened.value;
  };
  const walk = (value: Ordered, place: string): Ordered => {
    if (value === null) return null;
    if (value instanceof Pairs) {
      const opened = new Pairs();
      for (const [name, inner] of value.pairs) opened.add(name, walk(inner, `${place}${name}:`));
      return opened;
    }
    if (typeof value === 'object' && !(value instanceof Timestamp)) return value.map((inner) => walk(inner, place));
    return leaf(value, place);
  };

  const opened = documents.map((document) => walk(document, '') as Pairs);
  requireMac(hash.digest('hex').toUpperCase(), mac, lastModified, key);
  return { bytes: sealed.format === 'binary' ? whole : Buffer.from(written(sealed, opened)), secrets };
}

function requireMac(found: string, mac: string, lastModified: string, key: Buffer): void {
  if (mac === '') throw new SopsError('its MAC is missing');
  // It is bound to the time at which it was made, without a colon behind it.
  if (openValue(mac, key, lastModified).value !== found)
    throw new SopsError('its MAC does not fit: something in it was changed after it was encrypted');
}

/** What is hashed of a value, as SOPS writes it. */
function textOf(value: Opened): string {
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
  return documents.map((document) => printYaml(plainOf(document))).join('---\n');
}

function lineOf(value: Ordered): string {
  return typeof value === 'string' ? value.replaceAll('\n', '\\n') : String(plainOf(value));
}
