import type { TSchema } from '@sinclair/typebox';
import { isObject, type Json, type JsonObject, parseJson, toJson } from '../../diff/json.ts';
import { type ProblemCode, problemCodes } from './problems.ts';
import type { Documented, Route } from './route.ts';
import { problemView } from './views/schemas.ts';

const cluster: readonly ProblemCode[] = ['ClusterRefused', 'ClusterUnavailable', 'Busy'];

/** What may happen to every request of a kind, before its route is asked. */
const everywhere: Readonly<Record<Route['access'], readonly ProblemCode[]>> = {
  api: ['BadRequest', 'Unauthenticated', 'HostNotAllowed', 'InternalError', ...cluster],
  hook: ['BadRequest', 'InternalError'],
  open: ['BadRequest', 'HostNotAllowed', 'InternalError'],
};
const everyWrite: readonly ProblemCode[] = ['OriginNotAllowed', 'UnsupportedMediaType', 'TooLarge'];

/** All problems that a route may answer with. */
function problemsOf({ access, method, problems }: Route): ProblemCode[] {
  const written = access === 'api' && method === 'POST' ? everyWrite : [];
  return [...new Set([...everywhere[access], ...written, ...problems])];
}

/** The OpenAPI 3.1 page of some routes. Its schemas are those that requests are checked by. */
export function openApi(routes: readonly Route[], version: string): JsonObject {
  const paths: Record<string, JsonObject> = {};
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operationOf(route) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Lockstep',
      version,
      description: 'What is delivered, what it came to, and what to do about it.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    paths,
    components: {
      schemas: { Problem: plain(problemView) },
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'Needed with --auth=kubernetes; audience `lockstep`.' },
      },
    },
  };
}

function operationOf(route: Route): JsonObject {
  const { id, summary, params, query, body, access } = route;
  const parameters = [...parametersOf(params, 'path'), ...parametersOf(query, 'query')];
  return {
    operationId: id,
    summary,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...bodyOf(route, body),
    responses: { ...successes(route), ...failures(route) },
    ...(access === 'api' ? { security: [{ token: [] }, {}] } : {}),
  };
}

function bodyOf({ access, method }: Route, body: TSchema | undefined): JsonObject {
  if (access === 'hook')
    return { requestBody: { required: true, content: { 'application/json': { schema: { type: 'object' } } } } };
  if (method !== 'POST' || body === undefined) return {};
  return { requestBody: { required: false, content: { 'application/json': { schema: plain(body) } } } };
}

function parametersOf(schema: TSchema | undefined, place: 'path' | 'query'): JsonObject[] {
  const properties: Record<string, TSchema> = schema?.['properties'] ?? {};
  const required: readonly string[] = schema?.['required'] ?? [];
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: place,
    required: required.includes(name),
    description: property.description ?? '',
    schema: plain(property),
  }));
}

function successes({ answers }: Route): JsonObject {
  return Object.fromEntries(Object.entries(answers).map(([status, answer]) => [status, successOf(answer)]));
}

function successOf({ description, schema, type = 'application/json' }: Documented): JsonObject {
  return { description, content: { [type]: { schema: plain(schema) } } };
}

function failures(route: Route): JsonObject {
  const byStatus = new Map<number, ProblemCode[]>();
  for (const code of problemsOf(route)) {
    const { status } = problemCodes[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  const content: Json = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } };
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [String(status), { description: codes.join(' or '), content }]),
  );
}

/** A schema as plain JSON. Names of schemas are ours: what they name stands in full. */
function plain(schema: TSchema): JsonObject {
  const copy = parseJson(toJson(schema));
  return isObject(copy) ? withoutIds(copy) : {};
}

function withoutIds(schema: JsonObject): JsonObject {
  const { $id: _id, ...rest } = schema;
  return Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, inside(value)]));
}

function inside(value: Json): Json {
  if (Array.isArray(value)) return value.map(inside);
  return isObject(value) ? withoutIds(value) : value;
}
