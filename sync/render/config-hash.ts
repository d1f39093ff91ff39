import { hashValue } from '../../diff/hash.ts';
import { at, canonicalJson, isObject, type JsonObject } from '../../diff/json.ts';
import { rollsOut } from '../../health/rollout.ts';
import { isHook } from '../hooks/phases.ts';
import { keyOfReference, referencesOf } from '../plan/references.ts';
import type { KubeObject } from '../types.ts';
import type { Desired } from './check.ts';

/** A fingerprint that only who has a key can make: so that it tells nobody what a Secret holds. */
export type Fingerprint = (text: string) => Promise<string>;

const hashAnnotation = 'lockstep.dev/config-hash';

/** What came out for an object whose configuration was the same: unchanged objects stay the very same. */
interface Made {
  readonly content: string;
  readonly manifest: KubeObject;
  readonly hash: string;
}
const known = new WeakMap<KubeObject, Made>();

/**
 * Lets pods restart when their configuration changes: each pod template carries a fingerprint of the ConfigMaps and Secrets
 * of the same revision that it refers to. What is not in Git is not followed.
 * @param desired before it is known what is left alone of each: that is told with the fingerprint of the whole
 * @param uid the Delivery's: no other one makes the same fingerprints
 */
export async function withConfigHashes(
  desired: readonly Desired[],
  uid: string,
  fingerprint: Fingerprint,
): Promise<Desired[]> {
  const contents = new Map(desired.filter(isConfig).map(({ key, manifest }) => [key, contentOf(manifest)]));
  return Promise.all(desired.map((one) => withHash(one, contents, uid, fingerprint)));
}

/** A hook comes and goes, or never runs: no pod is restarted for it. */
function isConfig({ manifest }: Desired): boolean {
  const { apiVersion, kind } = manifest;
  return apiVersion === 'v1' && (kind === 'ConfigMap' || kind === 'Secret') && !isHook(manifest);
}

function contentOf(manifest: KubeObject): string {
  return canonicalJson([manifest['data'] ?? null, manifest['binaryData'] ?? null, manifest['stringData'] ?? null]);
}

async function withHash(
  one: Desired,
  contents: ReadonlyMap<string, string>,
  uid: string,
  fingerprint: Fingerprint,
): Promise<Desired> {
  const { manifest } = one;
  // A Job runs once: nothing in it is ever restarted.
  if (!rollsOut(manifest) || manifest.kind === 'Job' || !isObject(at(manifest, 'spec', 'template'))) return one;
  const keys = [...new Set(referencesOf(manifest).map(keyOfReference))].sort();
  const found = keys.flatMap((key) => (contents.has(key) ? [`${key} ${contents.get(key)}`] : []));
  if (found.length === 0) return one;
  // Whoever may deploy can't find out by trying what another Delivery's Secret holds.
  const content = [uid, ...found].join('\n');
  const before = known.get(manifest);
  if (before?.content === content) return { ...one, manifest: before.manifest, hash: before.hash };
  const hashed = annotated(manifest, await fingerprint(content));
  const made: Made = { content, manifest: hashed, hash: hashValue(hashed) };
  known.set(manifest, made);
  return { ...one, manifest: made.manifest, hash: made.hash };
}

function annotated(manifest: KubeObject, hash: string): KubeObject {
  const spec = manifest['spec'] as JsonObject;
  const template = spec['template'] as JsonObject;
  const metadata = isObject(template['metadata']) ? template['metadata'] : {};
  const annotations = isObject(metadata['annotations']) ? metadata['annotations'] : {};
  const marked = { ...metadata, annotations: { ...annotations, [hashAnnotation]: hash } };
  return { ...manifest, spec: { ...spec, template: { ...template, metadata: marked } } };
}
