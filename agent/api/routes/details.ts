import { Type } from '@sinclair/typebox';
import { foreignIn } from '../../../diff/declared.ts';
import { messageOf } from '../../../sync/errors.ts';
import { inParallel } from '../../../sync/parallel.ts';
import { type Entry, healingManifest, type ReleaseRecord } from '../../../sync/release/record.ts';
import { isCalled } from '../../../sync/release/standing.ts';
import { fieldManager } from '../../../sync/stamp.ts';
import type { Served } from '../../registry.ts';
import { Problem } from '../problems.ts';
import { tellRelease } from '../releases.ts';
import { deliveryParams, ok, page, paged, pageQuery, type Route, route } from '../route.ts';
import { hiddenDifference, pendingOf, viewDrift, viewRelease } from '../views/differences.ts';
import { viewEnded } from '../views/history.ts';
import { hiddenResource, referenceOf, viewResource } from '../views/resources.ts';
import { type DiffView, diffView, historyView, pageOf, releaseView, resourceView } from '../views/schemas.ts';
import { type ApiWorld, knownOf, mayGetOf, readServed } from '../world.ts';
import { childrenOf } from './children.ts';

/** Questions about rights, or reads of objects, that are under way at once for one request. */
const parallel = 8;

/** What is known of the objects and releases of one Delivery. Each object is shown to who may get it. */
export function detailRoutes(world: ApiWorld): Route[] {
  return [resources(world), differences(world), history(world), release(world)];
}

const here = '/api/v1/deliveries/{namespace}/{name}';
const whichPage = Type.Object(pageQuery);

function entriesOf(served: Served): Entry[] {
  return [...(knownOf(served)?.session.record.entries.values() ?? [])];
}

function resources(world: ApiWorld): Route {
  return route({
    method: 'GET',
    path: `${here}/resources`,
    id: 'listResources',
    summary:
      'List the objects of a Delivery: what was done with each, how it is, since when, and, with tree=true, what it has made, down to pods.',
    access: 'api',
    params: deliveryParams,
    query: Type.Object({
      ...pageQuery,
      tree: Type.Optional(
        Type.Boolean({
          description: 'Whether what objects have made is told, which the API server is asked for.',
          default: false,
        }),
      ),
    }),
    answers: { 200: { description: 'A page of objects.', schema: pageOf(resourceView) } },
    problems: ['NotFound'],
    handle: async ({ params, query, caller }) => {
      const served = await readServed(world, caller, params);
      const uid = served.object.metadata.uid ?? '';
      const record = recordOf(served);
      const drifted = new Set(world.suspects(uid));
      const may = mayGetOf(world, caller, served);
      const { items, next } = paged(entriesOf(served), ({ key }) => key, query);
      const visible = await inParallel(items, parallel, ({ ref }) => may(ref));
      const seen = items.filter((_entry, index) => visible[index]);
      const made = query.tree !== true ? undefined : await childrenOf(world, served.target(), seen, may);
      const shown = items.map((entry, index) => {
        if (record === undefined || visible[index] !== true) return hiddenResource(entry);
        const { health, since } = world.live(uid, entry.key) ?? {};
        return viewResource(record, entry, {
          health,
          since,
          isDrifted: drifted.has(entry.key),
          made: made?.get(entry.key),
        });
      });
      return page(shown, next);
    },
  });
}

function differences(world: ApiWorld): Route {
  return route({
    method: 'GET',
    path: `${here}/diff`,
    id: 'readDiff',
    summary: 'Tell in which objects the tip of Git, the target and the live state differ. Secrets are masked.',
    access: 'api',
    params: deliveryParams,
    query: whichPage,
    answers: {
      200: {
        description: 'A page of objects that differ; none when all is as it should be.',
        schema: pageOf(diffView),
      },
    },
    problems: ['NotFound'],
    handle: async ({ params, query, caller }) => {
      const served = await readServed(world, caller, params);
      const known = knownOf(served);
      if (known === undefined) return page([], undefined);
      const { found, tip, record } = known.session;
      const isRead = found !== undefined && found.tip.revision === tip;
      const pending = new Map((isRead ? pendingOf(record.entries, found.desired) : []).map((item) => [item.key, item]));
      const drifted = new Set(world.suspects(known.delivery.uid));
      const keys = [...new Set([...pending.keys(), ...drifted])];
      const { items, next } = paged(keys, (key) => key, query);
      const may = mayGetOf(world, caller, served);
      const shown = await inParallel(items, parallel, async (key) => {
        const entry = record.entries.get(key);
        const ref = pending.get(key)?.ref ?? entry?.ref;
        if (ref === undefined) return undefined;
        if (!(await may(ref))) return hiddenDifference(ref);
        const drift = drifted.has(key) && entry !== undefined ? await driftOf(world, known, entry) : {};
        return { ...referenceOf(ref), isHidden: false, ...viewRelease(pending.get(key)), ...drift };
      });
      return page(
        shown.filter((item) => item !== undefined),
        next,
      );
    },
  });
}

/** What nobody has looked at yet is asked of the API server; nothing else costs a request. */
async function driftOf(
  world: ApiWorld,
  { delivery, session }: NonNullable<ReturnType<typeof knownOf>>,
  entry: Entry,
): Promise<Pick<DiffView, 'drift' | 'foreign' | 'problem'>> {
  try {
    const { before, after } = await world.tryToHeal(delivery, session, entry);
    const foreign = before === undefined ? [] : foreignIn(before, healingManifest(entry), fieldManager(delivery.uid));
    return { drift: viewDrift(entry, before, after), ...(foreign.length === 0 ? {} : { foreign }) };
  } catch (error) {
    return { problem: messageOf(error) };
  }
}

function history(world: ApiWorld): Route {
  return route({
    method: 'GET',
    path: `${here}/history`,
    id: 'listHistory',
    summary: 'List the releases that ended, newest first.',
    access: 'api',
    params: deliveryParams,
    query: whichPage,
    answers: { 200: { description: 'A page of releases.', schema: pageOf(historyView) } },
    problems: ['NotFound'],
    handle: async ({ params, query, caller }) => {
      const lines = recordOf(await readServed(world, caller, params))?.history ?? [];
      // Newest first: later releases have smaller keys.
      const { items, next } = paged(lines, ({ sequence }) => String(1e15 - sequence), query);
      return page(items.map(viewEnded), next);
    },
  });
}

function recordOf(served: Served): ReleaseRecord | undefined {
  return served.session?.record;
}

function release(world: ApiWorld): Route {
  return route({
    method: 'GET',
    path: `${here}/history/{release}`,
    id: 'readRelease',
    summary: 'Read all that is recorded of one release.',
    access: 'api',
    params: Type.Object({
      ...deliveryParams.properties,
      release: Type.String({ description: 'Its number, or a revision.', pattern: '^[0-9A-Za-z]{1,64}$' }),
    }),
    query: whichPage,
    answers: { 200: { description: 'The release.', schema: releaseView } },
    problems: ['NotFound'],
    handle: async ({ params, query, caller }) => {
      const served = await readServed(world, caller, params);
      const record = recordOf(served);
      const line = record?.history.find((ended) => isCalled(ended, params.release));
      if (record === undefined || line === undefined)
        throw new Problem('NotFound', `release ${params.release} is not recorded`);
      return ok(await tellRelease(record, line, mayGetOf(world, caller, served), query));
    },
  });
}
