import { Type } from '@sinclair/typebox';
import { targetOf } from '../../../sync/delivery/target.ts';
import type { KubeObject } from '../../../sync/types.ts';
import type { KubeHttp } from '../../kube/http.ts';
import type { Action } from '../../kube/may.ts';
import { lastFailure, liveTails, logOf, tailOf } from '../../tails.ts';
import { Problem } from '../problems.ts';
import { deliveryParams, ok, type Route, route } from '../route.ts';
import { logView } from '../views/schemas.ts';
import { type ApiWorld, knownOf, mayUseLogin, readServed } from '../world.ts';

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
        const mayLogIn = mayUseLogin(caller, served);
        const may = (log: Action): Promise<boolean> => mayLogIn ?? caller.may(log);
        const mayRead = ({ metadata: { namespace, name } }: KubeObject): Promise<boolean> =>
          may({ verb: 'get', resource: 'pods', subresource: 'log', namespace, name });
        // The account of the Delivery reads: what it may not see is not told by this either.
        const { http, impersonate, allowed } = world.siteOf(targetOf(known.delivery));
        await allowed();
        const live = await liveTails(actingAs(http, impersonate), served.object, String(tail), mayRead);
        const last = lastFailure(served.object, known.session.record.logTail);
        const recorded = last !== undefined && (await may(logOf(last))) ? [tailOf(last)] : [];
        return ok({ items: [...live, ...recorded] });
      },
    }),
  ];
}

/** The API server as somebody else sees it. */
function actingAs(http: KubeHttp, impersonate: string | undefined): KubeHttp {
  if (impersonate === undefined) return http;
  return {
    ...http,
    request: (request) => http.request({ ...request, impersonate }),
    text: (request) => http.text({ ...request, impersonate }),
  };
}
