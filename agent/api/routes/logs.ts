import { Type } from '@sinclair/typebox';
import { identityOf } from '../../../sync/delivery/delivery.ts';
import type { KubeObject } from '../../../sync/types.ts';
import type { KubeHttp } from '../../kube/http.ts';
import { lastFailure, liveTails, logOf, tailOf } from '../../tails.ts';
import { Problem } from '../problems.ts';
import { deliveryParams, ok, type Route, route } from '../route.ts';
import { logView } from '../views/schemas.ts';
import { type ApiWorld, knownOf, readServed } from '../world.ts';

/** What containers wrote last: for callers whom the API server knows, and who may read that log. */
export function logRoutes(world: ApiWorld): Route[] {
  return [
    route({
      method: 'GET',
      path: '/api/v1/deliveries/{namespace}/{name}/logs',
      id: 'readLogs',
      summary: 'Read the last lines of containers that are not well, and of the one that failed the last release.',
      access: 'api',
      params: deliveryParams,
      query: Type.Object({
        tail: Type.Optional(
          Type.Integer({ description: 'The most lines of each container.', minimum: 1, maximum: 1000, default: 20 }),
        ),
      }),
      answers: {
        200: {
          description: 'The logs that the caller may read.',
          schema: Type.Object({ items: Type.Array(logView) }),
        },
      },
      problems: ['Forbidden', 'NotFound'],
      handle: async ({ params, query: { tail = 20 }, caller }) => {
        const served = await readServed(world, caller, params);
        if (!caller.isKnown) throw new Problem('Forbidden', 'logs are read with --auth=kubernetes only');
        const known = knownOf(served);
        if (known === undefined) return ok({ items: [] });
        const mayRead = ({ metadata: { namespace, name } }: KubeObject): Promise<boolean> =>
          caller.may({ verb: 'get', resource: 'pods', subresource: 'log', namespace, name });
        // The account of the Delivery reads: what it may not see is not told by this either.
        const identity = identityOf(known.delivery);
        await world.requireAccount(identity);
        const as = actingAs(world.http, identity);
        const live = await liveTails(as, served.object, String(tail), mayRead);
        const last = lastFailure(served.object, known.session.record.logTail);
        const recorded = last !== undefined && (await caller.may(logOf(last))) ? [tailOf(last)] : [];
        return ok({ items: [...live, ...recorded] });
      },
    }),
  ];
}

/** The API server as somebody else sees it. */
function actingAs(http: KubeHttp, impersonate: string): KubeHttp {
  return {
    ...http,
    request: (request) => http.request({ ...request, impersonate }),
    text: (request) => http.text({ ...request, impersonate }),
  };
}
