import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/**
 * Whether two texts are equal, in a time that tells nothing about where they differ: both are hashed first, so that
 * lengths are equal too.
 */
export function isSameText(given: string, expected: string): boolean {
  return timingSafeEqual(digest(given), digest(expected));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** The HMAC of some bytes as lower-case hex. */
export function hmacHex(algorithm: 'sha256' | 'sha512', secret: string, body: Uint8Array): string {
  return createHmac(algorithm, secret).update(body).digest('hex');
}

/** How far the clock of a sender may be from ours, in seconds. */
const window = 300;

/**
 * Whether a request is signed as https://www.standardwebhooks.com says: an HMAC over id, time and body, not older and not
 * younger than five minutes.
 * @param secret base64 after `whsec_`
 * @param now seconds
 */
export function isStandardWebhook(
  {
    id,
    timestamp,
    signature,
    body,
  }: { id?: string | undefined; timestamp?: string | undefined; signature?: string | undefined; body: Uint8Array },
  secret: string,
  now: number,
): boolean {
  if (id === undefined || timestamp === undefined || signature === undefined) return false;
  if (!/^\d{1,12}$/.test(timestamp) || Math.abs(now - Number(timestamp)) > window) return false;
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  const made = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64');
  // Several may be given while a key is replaced. All are looked at.
  return signature.split(' ').filter((one) => isSameText(one, `v1,${made}`)).length > 0;
}
