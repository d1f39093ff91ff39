import { createHash } from 'node:crypto';
import { canonicalJson, type Json } from './json.ts';

/** A short, stable fingerprint of text: 128 bits of SHA-256 in base64url. */
export function hashText(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 22);
}

/** A fingerprint of a value that may stand in the name of an object: ten lower-case hexadecimal digits. */
export function hashForName(value: Json): string {
  return hexOf(canonicalJson(value)).slice(0, 10);
}

/** A fingerprint of text that people type: twelve hexadecimal digits, so that it never looks like a flag. */
export function hashForPeople(text: string): string {
  return hexOf(text).slice(0, 12);
}

function hexOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** A fingerprint of a value that does not depend on the order of keys. */
export function hashValue(value: Json): string {
  return hashText(canonicalJson(value));
}
