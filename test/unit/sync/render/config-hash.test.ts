import { describe, expect, it } from 'vitest';
import { hashValue } from '../../../../diff/hash.ts';
import { at, type JsonObject, textAt } from '../../../../diff/json.ts';
import type { Desired } from '../../../../sync/render/check.ts';
import { withConfigHashes } from '../../../../sync/render/config-hash.ts';
import { withIgnored } from '../../../../sync/render/ignored.ts';
import { type KubeObject, keyOf, refOf } from '../../../../sync/types.ts';

const desired = (manifest: KubeObject): Desired => ({
  key: keyOf(refOf(manifest)),
  manifest,
  hash: hashValue(manifest),
});
const config = (kind: 'ConfigMap' | 'Secret', name: string, data: JsonObject, metadata: JsonObject = {}): Desired =>
  desired({ apiVersion: 'v1', kind, metadata: { name, namespace: 'shop', ...metadata }, data });

/** A workload whose pods refer to something. */
function workload(pod: JsonObject, kind = 'Deployment'): Desired {
  const apiVersion = kind === 'Job' ? 'batch/v1' : 'apps/v1';
  const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'main' }], ...pod } };
  return desired({ apiVersion, kind, metadata: { name: 'web', namespace: 'shop' }, spec: { template } });
}

const fingerprint = async (text: string) => `f(${text})`;
const env = (from: JsonObject): JsonObject => ({ containers: [{ name: 'main', envFrom: [from] }] });
const hashOf = (one: Desired | undefined): string | undefined =>
  textAt(one?.manifest, 'spec', 'template', 'metadata', 'annotations', 'lockstep.dev/config-hash');

describe('the fingerprint of configuration', () => {
  it.each([
    ['envFrom', env({ configMapRef: { name: 'c' } }), '/ConfigMap/shop/c'],
    ['an optional one', env({ secretRef: { name: 's', optional: true } }), '/Secret/shop/s'],
    [
      'a variable',
      { containers: [{ name: 'main', env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 's', key: 'a' } } }] }] },
      '/Secret/shop/s',
    ],
    ['a volume', { volumes: [{ name: 'v', configMap: { name: 'c' } }] }, '/ConfigMap/shop/c'],
    [
      'a projected volume',
      { volumes: [{ name: 'v', projected: { sources: [{ secret: { name: 's' } }] } }] },
      '/Secret/shop/s',
    ],
  ])('is of what pods refer to by %s', async (_how, pod, key) => {
    const all = [config('ConfigMap', 'c', { a: '1' }), config('Secret', 's', { a: 'MQ==' }), workload(pod)];
    const [, , web] = await withConfigHashes(all, 'uid', fingerprint);
    const value = key.includes('Secret') ? '"MQ=="' : '"1"';
    expect(hashOf(web)).toBe(`f(uid\n${key} [{"a":${value}},null,null])`);
    expect(web?.hash).toBe(hashValue(web?.manifest ?? null));
    // What else stands on pods stays.
    expect(at(web?.manifest, 'spec', 'template', 'metadata', 'labels')).toEqual({ app: 'web' });
  });

  it('changes with content alone, and keeps unchanged objects the very same', async () => {
    const web = workload(env({ configMapRef: { name: 'c' } }));
    const by = async (data: JsonObject, metadata: JsonObject = {}) =>
      (await withConfigHashes([config('ConfigMap', 'c', data, metadata), web], 'uid', fingerprint))[1];
    const first = await by({ a: '1' });
    expect((await by({ a: '1' }, { labels: { team: 'red' } }))?.manifest).toBe(first?.manifest);
    expect(hashOf(await by({ a: '2' }))).not.toBe(hashOf(first));
    expect(hashOf(await by({ a: '1' }))).toBe(hashOf(first));
  });

  it.each(['StatefulSet', 'DaemonSet'])('is on a %s too', async (kind) => {
    const all = [config('ConfigMap', 'c', { a: '1' }), workload(env({ configMapRef: { name: 'c' } }), kind)];
    expect(hashOf((await withConfigHashes(all, 'uid', fingerprint))[1])).toContain('/ConfigMap/shop/c');
  });

  it('goes with what is left alone, which may change while the content does not', async () => {
    const web = workload(env({ configMapRef: { name: 'c' } }));
    const rule = { group: undefined, kind: 'Deployment', namespace: undefined, name: undefined, managers: [] };
    const by = async (pointers: string[]) => {
      const all = await withConfigHashes([config('ConfigMap', 'c', { a: '1' }), web], 'uid', fingerprint);
      const rules = pointers.length === 0 ? [] : [{ ...rule, pointers }];
      return withIgnored({ desired: all, skipped: [], problems: [], isServed: true, isGuess: false }, rules).desired[1];
    };
    const plain = await by([]);
    const scaled = await by(['/spec/replicas']);
    expect(scaled?.ignored).toEqual({ pointers: ['/spec/replicas'], managers: [] });
    expect(scaled?.hash).not.toBe(plain?.hash);
    expect((await by([]))?.ignored).toBeUndefined();
  });

  it('is not of what a hook brings, and is another one in another Delivery', async () => {
    const web = workload(env({ configMapRef: { name: 'c' } }));
    const hook = config('ConfigMap', 'c', { a: '1' }, { annotations: { 'helm.sh/hook': 'test' } });
    expect(hashOf((await withConfigHashes([hook, web], 'uid', fingerprint))[1])).toBeUndefined();
    const of = async (uid: string) =>
      hashOf((await withConfigHashes([config('ConfigMap', 'c', { a: '1' }), web], uid, fingerprint))[1]);
    expect(await of('one')).not.toBe(await of('other'));
  });

  it('is on nothing that refers to nothing of this revision, and on no Job', async () => {
    const other = workload(env({ configMapRef: { name: 'elsewhere' } }));
    const job = workload(env({ configMapRef: { name: 'c' } }), 'Job');
    const all = [config('ConfigMap', 'c', { a: '1' }), other, job];
    expect(await withConfigHashes(all, 'uid', fingerprint)).toEqual(all);
  });
});
