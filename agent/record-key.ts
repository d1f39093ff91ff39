import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { textAt, toJson } from '../diff/json.ts';
import { isAbsent, isConflict } from '../sync/errors.ts';
import type { KubeHttp } from './kube/http.ts';

/** Seals what is stored, so that nobody who can write a Secret can make a record of their own. */
export interface Seals {
  /** @param parts what the seal stands for, in order */
  make(parts: readonly (string | Buffer)[]): Promise<string>;
  fits(seal: string, parts: readonly (string | Buffer)[]): Promise<boolean>;
  /** A fingerprint of a text, for objects that others may read. */
  fingerprint(text: string): Promise<string>;
}

const keyName = 'lockstep-record-key';
const keyBytes = 32;

/**
 * Seals by HMAC-SHA256 with a key that is made once and kept in a Secret of the agent's own namespace.
 * @param mayMake whether the key is made where there is none
 */
export function createSeals(http: KubeHttp, namespace: string, mayMake = true): Seals {
  let key: Buffer | undefined;
  const collection = `/api/v1/namespaces/${encodeURIComponent(namespace)}/secrets`;

  async function keyOnce(): Promise<Buffer> {
    key ??= await readKey(http, collection);
    if (key === undefined && !mayMake) throw new Error(`there is no Secret ${namespace}/${keyName} yet`);
    key ??= await makeKey(http, collection);
    return key;
  }

  function seal(bytes: Buffer, parts: readonly (string | Buffer)[]): Buffer {
    const hmac = createHmac('sha256', bytes);
    // Each part is led by its length, so that no text can move from one part to the next.
    for (const part of parts) hmac.update(`${Buffer.byteLength(part)}:`).update(part);
    return hmac.digest();
  }

  return {
    make: async (parts) => seal(await keyOnce(), parts).toString('base64'),
    fingerprint: async (text) =>
      seal(await keyOnce(), ['configuration', text])
        .toString('hex')
        .slice(0, 16),
    fits: async (claimed, parts) => {
      key ??= await readKey(http, collection);
      if (key === undefined) return false;
      const [given, made] = [Buffer.from(claimed, 'base64'), seal(key, parts)];
      return given.length === made.length && timingSafeEqual(given, made);
    },
  };
}

async function makeKey(http: KubeHttp, collection: string): Promise<Buffer> {
  const key = randomBytes(keyBytes).toString('base64');
  const body = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: keyName },
    type: 'lockstep.dev/key',
    data: { key },
  };
  try {
    await http.request({ method: 'POST', path: collection, body: toJson(body), contentType: 'application/json' });
  } catch (error) {
    // Another agent was quicker: its key counts.
    if (!isConflict(error)) throw error;
  }
  const made = await readKey(http, collection);
  if (made === undefined) throw new Error(`the Secret ${keyName} vanished as soon as it was made`);
  return made;
}

async function readKey(http: KubeHttp, collection: string): Promise<Buffer | undefined> {
  try {
    const { body } = await http.request({ method: 'GET', path: `${collection}/${keyName}` });
    const key = Buffer.from(textAt(body, 'data', 'key') ?? '', 'base64');
    if (key.length !== keyBytes)
      throw new Error(
        `the Secret ${keyName} holds no key of ${keyBytes} bytes; restore it, or delete it to begin anew`,
      );
    return key;
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}
