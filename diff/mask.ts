import { at, isObject, type Json, type JsonObject } from './json.ts';

const masked = '***';

/** Whether an object's values must never be shown: decided by the kind that was received, not by what was asked for. */
function isSecret(object: JsonObject): boolean {
  return object['kind'] === 'Secret' && object['apiVersion'] === 'v1';
}

/**
 * An object as it may be shown: a Secret keeps its keys and loses its values, wherever they stand. The marker has one
 * length for all, so that it tells nothing about a value.
 */
export function maskObject(object: JsonObject): JsonObject {
  if (!isSecret(object)) return object;
  const shown: JsonObject = { ...object };
  for (const field of ['data', 'stringData']) {
    const values = object[field];
    if (isObject(values)) shown[field] = maskValues(values);
    else if (values !== undefined && values !== null) shown[field] = masked;
  }
  const metadata = object['metadata'];
  if (isObject(metadata) && isObject(metadata['annotations'])) {
    shown['metadata'] = { ...metadata, annotations: maskAnnotations(metadata['annotations']) };
  }
  return shown;
}

/**
 * Two states of a Secret as they may be shown side by side: keys whose value differs stay different.
 */
export function maskPair(before: JsonObject, after: JsonObject): [JsonObject, JsonObject] {
  if (!isSecret(before) && !isSecret(after)) return [before, after];
  const [shownBefore, shownAfter] = [maskObject(before), maskObject(after)];
  for (const path of [['data'], ['metadata', 'annotations']]) {
    const [old, now, shown] = [before, after, shownAfter].map((object) => at(object, ...path));
    if (!isObject(old) || !isObject(now) || !isObject(shown)) continue;
    for (const key of Object.keys(now))
      if (Object.hasOwn(old, key) && old[key] !== now[key] && shown[key] === masked) shown[key] = `${masked} (changed)`;
  }
  return [shownBefore, shownAfter];
}

function maskValues(values: JsonObject): JsonObject {
  return Object.fromEntries(Object.keys(values).map((key): [string, Json] => [key, masked]));
}

/**
 * Tools keep copies of a Secret's values in its annotations, kubectl one of the whole object: on a Secret only those are
 * shown that say how it is handled.
 */
function maskAnnotations(annotations: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(annotations).map(([name, value]) => [name, handling.test(name) ? value : masked]),
  );
}

/** Annotations of the tools that order, prune and hook. */
const handling =
  /^(lockstep\.dev|argocd\.argoproj\.io|(kustomize|helm)\.toolkit\.fluxcd\.io|(meta\.)?helm\.sh|config\.kubernetes\.io)\//;
