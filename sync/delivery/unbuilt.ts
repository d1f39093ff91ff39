import { at, canonicalJson, type Json, type JsonObject } from '../../diff/json.ts';

/**
 * Fields that stand in the schema but that this version does not act on. Any value but the default is refused, so that
 * nobody believes in something that is not there.
 */
const defaults: Readonly<Record<string, Json | undefined>> = {
  'render.decryption': undefined,
};

/** The fields of a spec that differ from the default of something not built yet. */
export function unbuiltFields(spec: JsonObject): string[] {
  return Object.entries(defaults).flatMap(([path, fallback]) => {
    const value = at(spec, ...path.split('.'));
    if (value === undefined || (fallback !== undefined && canonicalJson(value) === canonicalJson(fallback))) return [];
    return [`spec.${path}`];
  });
}
