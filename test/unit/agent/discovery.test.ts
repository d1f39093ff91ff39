import { afterEach, expect, it, vi } from 'vitest';
import { discoverKinds, lateKinds } from '../../../agent/kube/discovery.ts';
import type { KubeHttp } from '../../../agent/kube/http.ts';
import type { Json } from '../../../diff/json.ts';

afterEach(() => {
  vi.useRealTimers();
});

/** An API server whose one group may come to be served; and what it was asked. */
function server() {
  const asked: string[] = [];
  const state = { isServed: false, isStale: false, isAway: false };
  const bodies: Readonly<Record<string, () => Json>> = {
    '/version': () => ({ gitVersion: 'v1.36.3' }),
    '/api': () => ({ items: [] }),
    '/apis': () => ({ items: state.isStale ? [silent] : state.isServed ? [things] : [] }),
  };
  const request = async ({ path }: { path: string }) => {
    asked.push(path);
    if (state.isAway) throw new Error('nobody is there');
    return { body: bodies[path]?.() ?? {} };
  };
  return { asked, state, http: { request } as unknown as KubeHttp };
}

const things = {
  metadata: { name: 'example.com' },
  versions: [
    {
      version: 'v1',
      resources: [{ resource: 'things', responseKind: { kind: 'Thing' }, scope: 'Namespaced', verbs: ['list'] }],
    },
  ],
};

/** As an aggregated API is told of whose own server does not answer. */
const silent = { metadata: { name: 'example.com' }, versions: [{ version: 'v1', freshness: 'Stale', resources: [] }] };

it('what charts are told of a cluster is asked for before the first of them, and half a minute later again', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  const { asked, state, http } = server();
  const kinds = lateKinds(http);
  expect(asked).toEqual([]);
  expect(await kinds.capabilities()).toEqual({ version: 'v1.36.3', apis: [] });
  state.isServed = true;
  vi.advanceTimersByTime(29_000);
  await kinds.capabilities();
  expect(asked).toHaveLength(3);
  vi.advanceTimersByTime(2_000);
  const [one, two] = await Promise.all([kinds.capabilities(), kinds.capabilities()]);
  expect(one).toEqual({ version: 'v1.36.3', apis: ['example.com/v1', 'example.com/v1/Thing'] });
  expect(two).toEqual(one);
  expect(asked).toHaveLength(6);
});

it('what was found by the way counts for charts as well', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  const { asked, http } = server();
  const kinds = await discoverKinds(http);
  vi.advanceTimersByTime(40_000);
  await kinds.refresh();
  await kinds.capabilities();
  expect(asked).toHaveLength(6);
});

it('what does not answer is as it was: the whole cluster, or the server of one group', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  const { state, http } = server();
  state.isServed = true;
  const kinds = await discoverKinds(http);
  const known = await kinds.capabilities();
  for (const fault of ['isStale', 'isAway'] as const) {
    state[fault] = true;
    vi.advanceTimersByTime(31_000);
    expect(await kinds.capabilities()).toEqual(known);
    expect(kinds.find('example.com/v1', 'Thing')?.plural).toBe('things');
    expect(kinds.isGone('example.com', 'Thing')).toBe(false);
  }
});
