import { at, isObject, type Json, type JsonObject, objectsAt } from './json.ts';
import { withPlaces } from './places.ts';

/** Metadata that the API server or a controller writes, never Git. */
const serverMetadata = [
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'generation',
  'managedFields',
  'resourceVersion',
  'selfLink',
  'uid',
];

/**
 * A manifest in the form in which it is sent: without what the server assigns and without status; a Secret's
 * `stringData` folded into `data` (sent as it is, it would never be seen again in the live object); nulls taken out of
 * built-in kinds (they would be stored as empty values); an aggregated ClusterRole without rules (they are computed).
 */
export function normalizeManifest(object: JsonObject): JsonObject {
  const { status: _status, ...rest } = object;
  const clean: JsonObject = rest;
  const metadata = isObject(object['metadata']) ? { ...object['metadata'] } : {};
  for (const field of serverMetadata) delete metadata[field];
  clean['metadata'] = metadata;
  dropPlaceholder(clean);
  foldStringData(clean);
  if (clean['kind'] === 'ClusterRole' && isObject(clean['aggregationRule'])) delete clean['rules'];
  return isBuiltIn(object['apiVersion']) ? (withoutNulls(clean) as JsonObject) : clean;
}

/** Groups without a domain of their own, and those that Kubernetes keeps for itself. */
export function isBuiltIn(apiVersion: Json | undefined): boolean {
  if (typeof apiVersion !== 'string') return false;
  const slash = apiVersion.indexOf('/');
  const group = slash < 0 ? '' : apiVersion.slice(0, slash);
  return (
    !group.includes('.') ||
    /^[a-z]+(\.(authorization|authentication|admissionregistration|apiserver|flowcontrol))?\.k8s\.io$/.test(group)
  );
}

/** A certificate that is to be injected may stand in Git as something that is none, which the API server refuses. */
function dropPlaceholder(clean: JsonObject): void {
  const config = at(clean, 'spec', 'conversion', 'webhook', 'clientConfig');
  if (clean['kind'] !== 'CustomResourceDefinition' || !isObject(config) || typeof config['caBundle'] !== 'string')
    return;
  if (Buffer.from(config['caBundle'], 'base64').includes('BEGIN CERTIFICATE')) return;
  const { caBundle: _none, ...rest } = config;
  Object.assign(clean, withPlaces(clean, [{ path: ['spec', 'conversion', 'webhook', 'clientConfig'], value: rest }]));
}

/** Only text is folded; what is left in `stringData` is a mistake that the check reports. */
function foldStringData(secret: JsonObject): void {
  if (secret['kind'] !== 'Secret' || secret['apiVersion'] !== 'v1' || !isObject(secret['stringData'])) return;
  const data: JsonObject = isObject(secret['data']) ? { ...secret['data'] } : {};
  const rest: JsonObject = {};
  for (const [key, value] of Object.entries(secret['stringData'])) {
    if (typeof value === 'string') data[key] = Buffer.from(value).toString('base64');
    else if (value !== null) rest[key] = value;
  }
  delete secret['stringData'];
  if (Object.keys(rest).length > 0) secret['stringData'] = rest;
  if (Object.keys(data).length > 0) secret['data'] = data;
}

function withoutNulls(value: Json): Json {
  if (Array.isArray(value)) return value.filter((item) => item !== null).map(withoutNulls);
  if (!isObject(value)) return value;
  const clean: JsonObject = {};
  for (const [key, item] of Object.entries(value)) if (item !== null) clean[key] = withoutNulls(item);
  return clean;
}

const noiseAnnotations = ['kubectl.kubernetes.io/last-applied-configuration', 'deployment.kubernetes.io/revision'];

/** An object as people compare it: without status, server metadata, our stamp and other tools' copies of it. */
export function withoutNoise(object: JsonObject, stamp: readonly string[] = []): JsonObject {
  const { status: _status, ...clean } = object;
  const metadata = isObject(object['metadata']) ? { ...object['metadata'] } : {};
  for (const field of serverMetadata) delete metadata[field];
  dropKeys(metadata, 'annotations', [...noiseAnnotations, ...stamp]);
  dropKeys(metadata, 'labels', stamp);
  return { ...clean, metadata };
}

function dropKeys(metadata: JsonObject, field: string, names: readonly string[]): void {
  const map = metadata[field];
  if (!isObject(map)) return;
  const kept = Object.fromEntries(Object.entries(map).filter(([name]) => !names.includes(name)));
  if (Object.keys(kept).length === 0) delete metadata[field];
  else metadata[field] = kept;
}

/** Whether nobody but we and Kubernetes itself has put a hand on an object. */
export function isOursAlone(object: JsonObject, own: string): boolean {
  return otherManagers(object, own).every((name) => name.startsWith('kube-'));
}

/** The names of the managers that own fields of an object, without our own. */
export function otherManagers(object: JsonObject, own: string): string[] {
  const names = objectsAt(object, 'metadata', 'managedFields').map((entry) => String(entry['manager'] ?? ''));
  return [...new Set(names)].filter((name) => name !== '' && name !== own);
}
