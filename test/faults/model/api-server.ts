import { applyPatch, type Operation } from 'fast-json-patch';
import { apiError } from '../../../agent/kube/errors.ts';
import type { KubeRequest, KubeResponse } from '../../../agent/kube/http.ts';
import {
  at,
  canonicalJson,
  isObject,
  type Json,
  type JsonObject,
  parseJson,
  textAt,
  toJson,
} from '../../../diff/json.ts';
import type { ApiResource, Kinds } from '../../../sync/ports.ts';
import { groupOf, type KubeObject, keyOf, refOf } from '../../../sync/types.ts';
import { applied, updated } from './ownership.ts';

/** The kinds that the model serves. */
const resources: readonly ApiResource[] = [
  { apiVersion: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true },
  { apiVersion: 'v1', kind: 'Secret', plural: 'secrets', namespaced: true },
  { apiVersion: 'v1', kind: 'Event', plural: 'events', namespaced: true },
  { apiVersion: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false },
  { apiVersion: 'apps/v1', kind: 'Deployment', plural: 'deployments', namespaced: true },
  {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    plural: 'horizontalpodautoscalers',
    namespaced: true,
  },
  { apiVersion: 'batch/v1', kind: 'Job', plural: 'jobs', namespaced: true },
  { apiVersion: 'lockstep.dev/v1alpha1', kind: 'Delivery', plural: 'deliveries', namespaced: true },
];

export const modelKinds: Kinds = {
  find: (apiVersion, kind) => resources.find((one) => one.apiVersion === apiVersion && one.kind === kind),
  findAny: (group, kind) => resources.find((one) => groupOf(one.apiVersion) === group && one.kind === kind),
  isGone: () => false,
  capabilities: async () => ({ version: 'v1.36.3', apis: [] }),
  refresh: async () => undefined,
};

/** A change of an object. */
export interface Change {
  readonly type: 'changed' | 'deleted';
  readonly object: KubeObject;
}

/** What an API server holds and does, as far as tests need it: server-side apply, preconditions, watches. */
export interface ApiServer {
  /** Answers a request. @throws ApiError */
  handle(request: KubeRequest): KubeResponse;
  readonly objects: ReadonlyMap<string, KubeObject>;
  /** Tells of each change, in order. */
  readonly listeners: Set<(change: Change) => void>;
  /** Writes the status of an object, as its controller does. */
  setStatus(key: string, status: JsonObject): void;
  /** Says why an object is refused by admission; undefined lets it pass. */
  admit: (object: KubeObject) => string | undefined;
  /** How long a deleted object stays, in milliseconds; it is removed by `finish`. */
  linger: (key: string) => number;
  after: (milliseconds: number, act: () => void) => void;
}

interface Place {
  readonly resource: ApiResource;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly isStatus: boolean;
}

export function createApiServer(): ApiServer {
  const objects = new Map<string, KubeObject>();
  const listeners = new Set<(change: Change) => void>();
  let version = 0;
  let uids = 0;
  const server: ApiServer = {
    handle,
    objects,
    listeners,
    setStatus: (key, status) => {
      const live = objects.get(key);
      if (live !== undefined && canonicalJson(live['status'] ?? {}) !== canonicalJson(status))
        store(key, { ...live, status });
    },
    admit: () => undefined,
    linger: () => 0,
    after: (_milliseconds, act) => act(),
  };

  function store(key: string, object: KubeObject): KubeObject {
    version += 1;
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
    objects.set(key, stored);
    for (const listener of listeners) listener({ type: 'changed', object: stored });
    return stored;
  }

  function remove(key: string): void {
    const live = objects.get(key);
    if (live === undefined) return;
    version += 1;
    objects.delete(key);
    const object = { ...live, metadata: { ...live.metadata, resourceVersion: String(version) } };
    for (const listener of listeners) listener({ type: 'deleted', object });
  }

  /** Writes an object unless nothing of it changed. Its generation counts changes of what is wanted. */
  function write(key: string, live: KubeObject | undefined, wanted: KubeObject, isTrial: boolean): KubeObject {
    const problem = server.admit(wanted);
    if (problem !== undefined) throw refusal(422, 'Invalid', problem);
    const object = defaulted(wanted);
    if (live !== undefined && canonicalJson(live) === canonicalJson(object)) return live;
    const uid = live?.metadata.uid ?? `uid-${uids + 1}`;
    const made = { ...object, metadata: { ...object.metadata, uid, generation: generationOf(live, object) } };
    if (isTrial) return made;
    if (live === undefined) uids += 1;
    const stored = store(key, made);
    finishIfDone(key, stored);
    return stored;
  }

  /** An object that is on its way out goes when nobody holds it any more. */
  function finishIfDone(key: string, { metadata }: KubeObject): void {
    const holders = metadata['finalizers'];
    const isHeld = Array.isArray(holders) && holders.length > 0;
    if (metadata['deletionTimestamp'] !== undefined && !isHeld) remove(key);
  }

  function handle(request: KubeRequest): KubeResponse {
    const place = placeOf(request.path);
    const key = keyAt(place);
    switch (request.method) {
      case 'GET':
        return place.name === undefined ? list(place, request) : { status: 200, body: required(key) };
      case 'POST':
        return create(place, request);
      case 'PUT':
        return replace(key, request);
      case 'DELETE':
        return destroy(key, request);
      default:
        return change(key, place, request);
    }
  }

  function required(key: string): KubeObject {
    const live = objects.get(key);
    if (live === undefined) throw refusal(404, 'NotFound', `${key} not found`);
    return live;
  }

  function list({ resource, namespace }: Place, { query = {} }: KubeRequest): KubeResponse {
    const items = [...objects.values()].filter(
      ({ apiVersion, kind, metadata }) =>
        apiVersion === resource.apiVersion &&
        kind === resource.kind &&
        (namespace === undefined || metadata.namespace === namespace),
    );
    const body: unknown = { items: items.filter((item) => isSelected(item, query['labelSelector'] ?? '')) };
    return { status: 200, body: body as Json };
  }

  function create(place: Place, { body, query = {} }: KubeRequest): KubeResponse {
    const object = objectIn(body);
    const { namespace = object.metadata.namespace } = place;
    const whole = { ...object, metadata: { ...object.metadata, ...(namespace === undefined ? {} : { namespace }) } };
    const key = keyOf(refOf(whole));
    if (objects.has(key)) throw refusal(409, 'AlreadyExists', `${key} already exists`);
    const made = updated(undefined, whole, query['fieldManager'] ?? 'unknown');
    return { status: 201, body: write(key, undefined, made, query['dryRun'] !== undefined) };
  }

  function replace(key: string, { body, query = {} }: KubeRequest): KubeResponse {
    const live = required(key);
    const object = objectIn(body);
    requireVersion(live, object.metadata.resourceVersion);
    const kept = { ...object, metadata: { ...live.metadata, ...object.metadata } };
    return { status: 200, body: write(key, live, updated(live, kept, query['fieldManager'] ?? 'unknown'), false) };
  }

  function destroy(key: string, { body }: KubeRequest): KubeResponse {
    const live = required(key);
    const asked = body === undefined ? {} : parseJson(body);
    const [uid, wanted] = [textAt(asked, 'preconditions', 'uid'), textAt(asked, 'preconditions', 'resourceVersion')];
    if (uid !== undefined && uid !== live.metadata.uid) throw refusal(409, 'Conflict', 'the UID is another');
    requireVersion(live, wanted);
    const holders = live.metadata['finalizers'];
    const milliseconds = server.linger(key);
    if (!(Array.isArray(holders) && holders.length > 0) && milliseconds === 0) {
      remove(key);
      return { status: 200, body: { kind: 'Status', status: 'Success' } };
    }
    if (live.metadata['deletionTimestamp'] !== undefined) return { status: 202, body: live };
    const going = store(key, {
      ...live,
      metadata: { ...live.metadata, deletionTimestamp: '2026-01-01T00:00:00Z', ...lingering(holders, milliseconds) },
    });
    if (milliseconds > 0) server.after(milliseconds, () => forgetHolder(key, live.metadata.uid));
    return { status: 202, body: going };
  }

  function forgetHolder(key: string, uid: string | undefined): void {
    const live = objects.get(key);
    if (live === undefined || live.metadata.uid !== uid) return;
    const holders = live.metadata['finalizers'];
    const rest = Array.isArray(holders) ? holders.filter((one) => one !== 'foregroundDeletion') : [];
    finishIfDone(key, store(key, { ...live, metadata: { ...live.metadata, finalizers: rest } }));
  }

  function change(key: string, place: Place, { body = '', query = {}, contentType = '' }: KubeRequest): KubeResponse {
    const manager = query['fieldManager'] ?? 'unknown';
    const isTrial = query['dryRun'] !== undefined;
    if (contentType.includes('apply-patch'))
      return place.isStatus ? applyStatus(key, objectIn(body)) : apply(key, objectIn(body), query);
    const live = required(key);
    const patched = contentType.includes('json-patch') ? jsonPatched(live, body) : merged(live, body);
    requireVersion(live, patched.metadata.resourceVersion);
    return { status: 200, body: write(key, live, updated(live, patched, manager), isTrial) };
  }

  function applyStatus(key: string, manifest: KubeObject): KubeResponse {
    const before = required(key);
    const status = manifest['status'] ?? {};
    if (canonicalJson(before['status'] ?? {}) === canonicalJson(status)) return { status: 200, body: before };
    return { status: 200, body: store(key, { ...before, status }) };
  }

  function apply(key: string, manifest: KubeObject, query: Readonly<Record<string, string>>): KubeResponse {
    const live = objects.get(key);
    const isTrial = query['dryRun'] !== undefined;
    requireUid(key, live, textAt(manifest, 'metadata', 'uid'));
    const outcome = applied(live, manifest, query['fieldManager'] ?? '', query['force'] === 'true');
    if ('clashes' in outcome) {
      const causes = outcome.clashes.map(({ field, manager }) => ({
        reason: 'FieldManagerConflict',
        message: `conflict with "${manager}"`,
        field: `.${field}`,
      }));
      throw refusal(409, 'Conflict', 'Apply failed with conflicts', causes);
    }
    return { status: live === undefined ? 201 : 200, body: write(key, live, outcome.object, isTrial) };
  }

  return server;
}

function lingering(holders: Json | undefined, milliseconds: number): JsonObject {
  if (milliseconds === 0) return {};
  return { finalizers: [...(Array.isArray(holders) ? holders : []), 'foregroundDeletion'] };
}

/** The API server fills in the count of a Deployment, which nobody owns then. */
function defaulted(object: KubeObject): KubeObject {
  if (object.kind !== 'Deployment' || at(object, 'spec', 'replicas') !== undefined) return object;
  return { ...object, spec: { replicas: 1, ...(object['spec'] as JsonObject) } };
}

function generationOf(live: KubeObject | undefined, object: KubeObject): number {
  const isNew = canonicalJson(live?.['spec'] ?? null) !== canonicalJson(object['spec'] ?? null);
  return Number(live?.metadata['generation'] ?? 0) + (isNew || live === undefined ? 1 : 0);
}

function requireUid(key: string, live: KubeObject | undefined, uid: string | undefined): void {
  if (uid === undefined || uid === live?.metadata.uid) return;
  if (live === undefined) throw refusal(409, 'Conflict', `${key} is gone`);
  throw refusal(422, 'Invalid', 'metadata.uid: Invalid value: field is immutable', [{ field: 'metadata.uid' }]);
}

function requireVersion(live: KubeObject, wanted: string | undefined): void {
  if (wanted !== undefined && wanted !== live.metadata.resourceVersion)
    throw refusal(409, 'Conflict', 'the object has been modified');
}

function jsonPatched(live: KubeObject, body: string): KubeObject {
  const operations = parseJson(body) as unknown as Operation[];
  try {
    const { newDocument } = applyPatch(structuredClone(live), operations, true);
    return newDocument;
  } catch (error) {
    throw refusal(422, 'Invalid', `the server rejected our request due to an error: ${(error as Error).name}`);
  }
}

function merged(live: KubeObject, body: string): KubeObject {
  return merge(live, parseJson(body)) as KubeObject;
}

/** RFC 7386. */
function merge(target: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const result: JsonObject = { ...(isObject(target) ? target : {}) };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = merge(result[key], value);
  }
  return result;
}

function objectIn(body: string | undefined): KubeObject {
  const object: unknown = parseJson(body ?? '{}');
  return object as KubeObject;
}

function placeOf(path: string): Place {
  const words = path.split('/').filter((word) => word !== '');
  const apiVersion = words[0] === 'api' ? words[1] : `${words[1]}/${words[2]}`;
  const rest = words.slice(words[0] === 'api' ? 2 : 3);
  const isNamespaced = rest[0] === 'namespaces' && rest.length > 2;
  const [plural = '', name, sub] = isNamespaced ? rest.slice(2) : rest;
  const resource = resources.find((one) => one.apiVersion === apiVersion && one.plural === plural);
  if (resource === undefined) throw refusal(404, 'NotFound', `the server could not find ${path}`);
  return { resource, namespace: isNamespaced ? rest[1] : undefined, name, isStatus: sub === 'status' };
}

function keyAt({ resource: { apiVersion, kind }, namespace, name = '' }: Place): string {
  return keyOf({ apiVersion, kind, name, ...(namespace === undefined ? {} : { namespace }) });
}

/** Whether a selector of one term fits: a label that is there, or has a value. */
export function isSelected({ metadata }: KubeObject, selector: string): boolean {
  if (selector === '') return true;
  const [name = '', value] = selector.split('=');
  const labels = isObject(metadata['labels']) ? metadata['labels'] : {};
  return value === undefined ? labels[name] !== undefined : labels[name] === value;
}

function refusal(code: number, reason: string, message: string, causes: readonly JsonObject[] = []) {
  const body = {
    kind: 'Status',
    apiVersion: 'v1',
    status: 'Failure',
    reason,
    message,
    code,
    details: { causes: [...causes] },
  };
  return apiError({ status: code, text: toJson(body) });
}
