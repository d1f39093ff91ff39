import fastJsonPatch, { type Operation } from 'fast-json-patch';
import type { JsonObject } from './json.ts';

/** An RFC 6902 patch that leads from one object to the other. Both must be masked already if anyone will see it. */
export function jsonPatch(before: JsonObject, after: JsonObject): Operation[] {
  return fastJsonPatch.compare(before, after);
}
