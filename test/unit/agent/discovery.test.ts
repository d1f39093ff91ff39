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
  const state = { isServed: false };
  const bodies: Readonly<Record<string, () => Json>> = {
    '/version': () => ({ gitVersion: 'v1.36.3' }),
    '/api': () => ({ items: [] }),
    '/apis': () => ({ items: state.isServed ? [things] : [] }),
  };
  const request = async ({ path }: { path: string }) => {
    asked.push(path);
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
