import type { JsonObject } from '../../../diff/json.ts';
import type { HookRequest } from '../../../webhooks/notice.ts';
import type { HookAnswer, HookResult } from '../../../webhooks/receive.ts';
import type { Feed } from '../feed.ts';
import { openApi } from '../openapi.ts';
import { ok, type Route } from '../route.ts';
import { anyObject } from '../views/schemas.ts';
import type { ApiWorld } from '../world.ts';
import { deliveryRoutes } from './deliveries.ts';
import { detailRoutes } from './details.ts';
import { eventRoutes } from './events.ts';
import { hookRoutes } from './hooks.ts';
import { logRoutes } from './logs.ts';

/** The version that the OpenAPI page names. */
const version = 'v1';

/** Every route of the API and the receivers, and the page that tells of them. */
export function apiRoutes(
  world: ApiWorld,
  feed: Feed,
  receive: (provider: string, request: HookRequest) => HookAnswer,
  note: (provider: string, result: HookResult) => void,
): Route[] {
  const routes = [
    ...deliveryRoutes(world),
    ...detailRoutes(world),
    ...logRoutes(world),
    ...eventRoutes(world, feed),
    ...hookRoutes(receive, note),
  ];
  return [...routes, pageRoute(routes)];
}

/** The OpenAPI page without an agent behind it. */
export function documentedApi(): JsonObject {
  const nothing = {} as ApiWorld;
  const routes = apiRoutes(
    nothing,
    {} as Feed,
    () => ({ result: 'unknown', syncs: [] }),
    () => undefined,
  );
  return openApi(routes, version);
}

function pageRoute(routes: readonly Route[]): Route {
  const self: Route = {
    method: 'GET',
    path: '/openapi.json',
    id: 'readOpenApi',
    summary: 'Read this page.',
    access: 'open',
    answers: { 200: { description: 'OpenAPI 3.1.', schema: anyObject } },
    problems: [],
    handle: async () => ok(page),
  };
  const page = openApi([...routes, self], version);
  return self;
}
