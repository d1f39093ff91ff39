import { randomUUID } from 'node:crypto';
import { Type } from '@sinclair/typebox';
import { formatRequest } from '../../../sync/delivery/delivery.ts';
import { inParallel } from '../../../sync/parallel.ts';
import { statusIn } from '../../delivery-writer.ts';
import { writeRequest } from '../../kube/requests.ts';
import type { Served } from '../../registry.ts';
import type { Caller } from '../callers.ts';
import { Problem } from '../problems.ts';
import { deliveryParams, namespaceQuery, ok, page, paged, pageQuery, type Route, route } from '../route.ts';
import { viewDelivery } from '../views/delivery.ts';
import { deliveryView, pageOf, requestView } from '../views/schemas.ts';
import { type ApiWorld, onDelivery, readServed } from '../world.ts';

/** What can be asked for, and what it does. */
const actions = {
  approve: 'Approve one plan, where spec.sync.approval asks for that.',
  confirm: 'Let one plan delete what is protected, or more than half.',
  sync: 'Look at the repository and at all objects now.',
  rollback: 'Go back to the good release before, or to a recorded one.',
  retry: 'Release the held revision once more.',
  accept: 'Release the held revision, and let the check pass that it failed.',
  suspend: 'Stop at the next object; nothing is healed either.',
  resume: 'Go on.',
} as const;

/** Deliveries: which there are, how they are, and what is to be done about them. */
export function deliveryRoutes(world: ApiWorld): Route[] {
  return [list(world), read(world), ...Object.entries(actions).map(([verb, about]) => act(world, verb, about))];
}

function viewOf({ object }: Served) {
  return viewDelivery(object, statusIn(object));
}

function list(world: ApiWorld): Route {
  return route({
    method: 'GET',
    path: '/api/v1/deliveries',
    id: 'listDeliveries',
    summary: 'List the Deliveries that the caller may see, by namespace and name.',
    access: 'api',
    query: Type.Object({ ...pageQuery, ...namespaceQuery }),
    answers: { 200: { description: 'A page of Deliveries.', schema: pageOf(deliveryView) } },
    problems: [],
    handle: async ({ query, caller }) => {
      const { namespace } = query;
      const all = world.registry
        .all()
        .filter(({ object }) => namespace === undefined || object.metadata.namespace === namespace);
      const shown = await visibleOf(all, caller);
      const key = ({ object }: Served): string => `${object.metadata.namespace}/${object.metadata.name}`;
      const { items, next } = paged(shown, key, query);
      return page(items.map(viewOf), next);
    },
  });
}

/** Who may not list all is asked about namespace by namespace. */
async function visibleOf<T extends Pick<Served, 'object'>>(all: readonly T[], caller: Caller): Promise<T[]> {
  if (await caller.may(onDelivery('list'))) return [...all];
  const namespaces = [...new Set(all.map(({ object }) => object.metadata.namespace ?? ''))];
  const allowed = new Set<string>();
  await inParallel(namespaces, 8, async (namespace) => {
    if (await caller.may(onDelivery('list', namespace))) allowed.add(namespace);
  });
  return all.filter(({ object }) => allowed.has(object.metadata.namespace ?? ''));
}

function read(world: ApiWorld): Route {
  return route({
    method: 'GET',
    path: '/api/v1/deliveries/{namespace}/{name}',
    id: 'readDelivery',
    summary: 'Read one Delivery.',
    access: 'api',
    params: deliveryParams,
    answers: { 200: { description: 'The Delivery.', schema: deliveryView } },
    problems: ['NotFound'],
    handle: async ({ params, caller }) => ok(viewOf(await readServed(world, caller, params))),
  });
}

/** Every action is an annotation, so that it does not matter who hears of it, and a restart forgets none. */
function act(world: ApiWorld, verb: string, about: string): Route {
  const to = Type.String({ description: 'A release by its number, or a revision.', pattern: '^[0-9A-Za-z]{1,64}$' });
  const plan = Type.String({ description: 'Just this plan, by its hash, and no other.', pattern: '^[\\w-]{1,64}$' });
  const words = new Map([
    ['rollback', { to: Type.Optional(to) }],
    ['sync', { plan: Type.Optional(plan) }],
    ['confirm', { plan }],
    ['approve', { plan }],
  ]);
  const body = Type.Object(words.get(verb) ?? {}, { additionalProperties: false });
  return route({
    method: 'POST',
    path: `/api/v1/deliveries/{namespace}/{name}/${verb}`,
    id: `${verb}Delivery`,
    summary: about,
    access: 'api',
    params: deliveryParams,
    body,
    answers: { 202: { description: 'The request was written onto the Delivery.', schema: requestView } },
    problems: ['Forbidden', 'NotFound', 'RequestPending'],
    handle: async ({ params, body: given, caller }) => {
      await readServed(world, caller, params);
      const { namespace, name } = params;
      // Who may let things be deleted is who may approve plans.
      const right = verb === 'confirm' ? 'approve' : verb;
      if (!(await caller.may(onDelivery(right, namespace, name))))
        throw new Problem('Forbidden', `${caller.name} may not ${right} the Delivery ${namespace}/${name}`);
      const request = formatRequest(verb, randomUUID().slice(0, 8), caller.name, { ...given });
      const pending = await writeRequest(world.http, namespace, name, request);
      if (pending !== undefined)
        throw new Problem('RequestPending', `${pending} stands on the Delivery ${namespace}/${name} still`);
      return ok({ request }, 202);
    },
  });
}
