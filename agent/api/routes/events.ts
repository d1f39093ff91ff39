import { Type } from '@sinclair/typebox';
import type { Feed } from '../feed.ts';
import { deliveryParams, namespaceQuery, type Route, route } from '../route.ts';
import { type ApiWorld, readServed } from '../world.ts';

const answers = {
  200: {
    description:
      'Events `changed` and `deleted`, each with a Delivery as its data. The header Last-Event-ID brings what was missed since.',
    schema: Type.String({ description: 'A stream of server-sent events.' }),
    type: 'text/event-stream',
  },
};

/** How Deliveries change, as server-sent events. */
export function eventRoutes(world: ApiWorld, feed: Feed): Route[] {
  return [
    route({
      method: 'GET',
      path: '/api/v1/events',
      id: 'followDeliveries',
      summary: 'Follow all Deliveries that the caller may see.',
      access: 'api',
      query: Type.Object(namespaceQuery),
      answers,
      problems: ['Busy'],
      handle: async ({ query: { namespace }, caller, header }) => {
        const after = header('last-event-id');
        return { stream: feed.admit({ caller, namespace, after }) };
      },
    }),
    route({
      method: 'GET',
      path: '/api/v1/deliveries/{namespace}/{name}/events',
      id: 'followDelivery',
      summary: 'Follow one Delivery.',
      access: 'api',
      params: deliveryParams,
      answers,
      problems: ['NotFound', 'Busy'],
      handle: async ({ params, caller, header }) => {
        await readServed(world, caller, params);
        const after = header('last-event-id');
        return { stream: feed.admit({ caller, ...params, after }) };
      },
    }),
  ];
}
