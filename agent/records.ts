import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { isObject, parseJson, textAt, toJson } from '../diff/json.ts';
import { ApiError, isAbsent } from '../sync/errors.ts';
import type { Log, Records } from '../sync/ports.ts';
import { emptyRecord, readRecord, writeRecord } from '../sync/release/record.ts';
import type { KubeHttp } from './kube/http.ts';

const compress = promisify(gzip);
const expand = promisify(gunzip);

/** A Secret may hold 1 MiB; base64 adds a third. */
const partBytes = 700 * 1024;
const ownerLabel = 'lockstep.dev/record';

/**
 * Keeps records in Secrets of the agent's own namespace: compressed, in parts below the size limit of a Secret. The head
 * holds the first part and the names of the others, which are written before it and never changed, so a record is
 * always whole. The head is written on top of the version that was read last;
 * after a refusal it is read again and the last writer wins: until there are leases, one agent alone writes.
 */
export function createRecords(http: KubeHttp, namespace: string, log: Log): Records {
  const collection = `/api/v1/namespaces/${encodeURIComponent(namespace)}/secrets`;
  const heads = new Map<string, { version: string; parts: readonly string[] }>();

  async function getSecret(name: string): Promise<{ version: string; data: Record<string, string> } | undefined> {
    try {
      const { body } = await http.request({ method: 'GET', path: `${collection}/${name}` });
      const data = isObject(body) && isObject(body['data']) ? body['data'] : {};
      return { version: textAt(body, 'metadata', 'resourceVersion') ?? '', data: data as Record<string, string> };
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
  }

  async function putSecret(
    uid: string,
    name: string,
    data: Record<string, string>,
    version: string | undefined,
  ): Promise<string> {
    const metadata = {
      name,
      namespace,
      labels: { [ownerLabel]: uid },
      ...(version === undefined ? {} : { resourceVersion: version }),
    };
    const body = toJson({ apiVersion: 'v1', kind: 'Secret', metadata, type: 'lockstep.dev/record', data });
    const target =
      version === undefined
        ? { method: 'POST' as const, path: collection }
        : { method: 'PUT' as const, path: `${collection}/${name}` };
    const answer = await http.request({
      ...target,
      body,
      contentType: 'application/json',
      ref: { apiVersion: 'v1', kind: 'Secret', name },
    });
    return textAt(answer.body, 'metadata', 'resourceVersion') ?? '';
  }

  /**
   * Writes the head. A refusal of its version may mean that an earlier write of our own went through and only its answer
   * was lost: then it is read, and written once more on top of what is there.
   */
  async function putHead(uid: string, data: Record<string, string>, version: string | undefined): Promise<string> {
    try {
      return await putSecret(uid, headName(uid), data, version);
    } catch (error) {
      if (!isConflict(error) && !isAbsent(error)) throw error;
      const there = await getSecret(headName(uid));
      if (there?.data['first'] === data['first'] && there?.data['parts'] === data['parts']) return there?.version ?? '';
      return putSecret(uid, headName(uid), data, there?.version);
    }
  }

  async function remove(name: string): Promise<void> {
    try {
      await http.request({ method: 'DELETE', path: `${collection}/${name}` });
    } catch (error) {
      if (!isAbsent(error)) throw error;
    }
  }

  async function loadParts(uid: string): Promise<Buffer | undefined> {
    const head = await getSecret(headName(uid));
    if (head === undefined) return undefined;
    const names: readonly string[] = JSON.parse(decode(head.data['parts']).toString() || '[]');
    heads.set(uid, { version: head.version, parts: names });
    const parts = [decode(head.data['first'])];
    for (const name of names) parts.push(decode((await getSecret(name))?.data['part']));
    return Buffer.concat(parts);
  }

  return {
    load: async (uid) => {
      const bytes = await loadParts(uid);
      if (bytes === undefined) return emptyRecord();
      try {
        const stored = parseJson((await expand(bytes)).toString());
        return readRecord(isObject(stored) ? stored : undefined);
      } catch {
        log.error(
          { delivery: uid, secret: headName(uid) },
          'the release record is broken and counts as none; nothing is deleted because of it',
        );
        return emptyRecord();
      }
    },
    save: async (uid, record) => {
      const bytes = await compress(toJson(writeRecord(record)));
      const parts: { name: string; bytes: Buffer }[] = [];
      for (let at = partBytes; at < bytes.length; at += partBytes) {
        const part = bytes.subarray(at, at + partBytes);
        parts.push({
          name: `${headName(uid)}-${createHash('sha256').update(part).digest('hex').slice(0, 16)}`,
          bytes: part,
        });
      }
      const before = heads.get(uid);
      for (const part of parts) {
        if (!before?.parts.includes(part.name))
          await putSecret(uid, part.name, { part: part.bytes.toString('base64') }, undefined).catch(ignoreExisting);
      }
      const names = parts.map((part) => part.name);
      const data = {
        first: bytes.subarray(0, partBytes).toString('base64'),
        parts: Buffer.from(JSON.stringify(names)).toString('base64'),
      };
      const version = await putHead(uid, data, before?.version);
      heads.set(uid, { version, parts: names });
      for (const name of before?.parts ?? []) if (!names.includes(name)) await remove(name);
    },
    remove: async (uid) => {
      const parts = heads.get(uid)?.parts ?? [];
      await remove(headName(uid));
      for (const name of parts) await remove(name);
      heads.delete(uid);
    },
  };
}

function headName(uid: string): string {
  return `lockstep-${uid}`;
}

function decode(base64: string | undefined): Buffer {
  return Buffer.from(base64 ?? '', 'base64');
}

function isConflict(error: unknown): boolean {
  return error instanceof ApiError && error.status === 409;
}

/** A part's name is a fingerprint of its content: one that exists is the same. */
function ignoreExisting(error: unknown): string {
  if (isConflict(error)) return '';
  throw error;
}
