import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { fenced, type KubeHttp, type KubeRequest } from '../../../agent/kube/http.ts';
import { lead } from '../../../agent/leader.ts';
import type { Json } from '../../../diff/json.ts';
import { ApiError, LockstepError } from '../../../sync/errors.ts';
import { silent } from '../support/silent.ts';

const times = { duration: 400, renew: 60, retry: 20 };

/** An API server that holds one lease. */
function makeServer() {
  const server = {
    lease: undefined as { version: number; spec: Record<string, Json> } | undefined,
    isDown: false,
    requests: 0,
  };
  const fail = (status: number, kind: ApiError['class']): never => {
    throw new ApiError('no', { status, reason: '', class: kind });
  };
  const shown = (): Json =>
    server.lease === undefined
      ? fail(404, 'absent')
      : { metadata: { resourceVersion: String(server.lease.version) }, spec: server.lease.spec };
  const http = {
    request: async ({ method, body }: KubeRequest) => {
      server.requests += 1;
      if (server.isDown) fail(0, 'transient');
      if (method === 'GET') return { status: 200, body: shown() };
      const sent = JSON.parse(body ?? '{}');
      const version = sent.metadata.resourceVersion;
      if (method === 'POST' && server.lease !== undefined) fail(409, 'conflict');
      if (method === 'PUT' && server.lease === undefined) fail(404, 'absent');
      if (method === 'PUT' && version !== String(server.lease?.version)) fail(409, 'conflict');
      server.lease = { version: (server.lease?.version ?? 0) + 1, spec: sent.spec };
      return { status: 200, body: shown() };
    },
  } as unknown as KubeHttp;
  const begin = (stop = new AbortController()) => lead(http, 'lockstep-system', 'lease', silent, stop.signal, times);
  /** Somebody on another machine takes the lease. */
  const take = (): void => {
    const { version = 0, spec = {} } = server.lease ?? {};
    const leaseTransitions = Number(spec['leaseTransitions'] ?? 0) + 1;
    server.lease = { version: version + 1, spec: { ...spec, holderIdentity: 'elsewhere/1/1/x', leaseTransitions } };
  };
  return { server, http, begin, take };
}

describe('a leadership', () => {
  it('tells for how long the API server was not there before it', async () => {
    const { begin, server } = makeServer();
    const first = await begin();
    expect(first.outage).toBe(0);
    await first.release();
    server.isDown = true;
    const second = begin();
    await sleep(200);
    server.isDown = false;
    // Who led before has noticed after as long as a lease.
    expect((await second).outage).toBeGreaterThan(200 + times.duration - 60);
    expect((await second).outage).toBeLessThan(400 + times.duration);
  });

  it('tells nothing of what another agent has led through meanwhile', async () => {
    const { begin, server, take } = makeServer();
    take();
    const standby = begin();
    await sleep(60);
    server.isDown = true;
    await sleep(200);
    server.isDown = false;
    for (let renewals = 0; renewals < 6; renewals += 1) {
      await sleep(times.retry * 2);
      if (server.lease !== undefined) server.lease = { ...server.lease, version: server.lease.version + 1 };
    }
    if (server.lease !== undefined)
      server.lease = { version: server.lease.version + 1, spec: { ...server.lease.spec, holderIdentity: '' } };
    const leadership = await standby;
    expect(leadership.outage).toBe(0);
    await leadership.release();
  });

  it('lasts as long as it is renewed, and has a number above all before it', async () => {
    const { begin, server } = makeServer();
    const first = await begin();
    expect(first.epoch).toBe(1);
    await sleep(600);
    expect(first.left()).toBeGreaterThan(0);
    await first.prove();
    await first.release();
    expect(server.lease?.spec['holderIdentity']).toBe('');
    const second = await begin();
    expect(second.epoch).toBe(2);
    await second.release();
  });

  it.each<[string, (made: ReturnType<typeof makeServer>) => void]>([
    ['another agent takes the lease', ({ take }) => take()],
    ['the lease is deleted', ({ server }) => (server.lease = undefined)],
    ['the API server is away for too long', ({ server }) => (server.isDown = true)],
  ])('is over when %s: nothing is left of it, at once', async (_name, happen) => {
    const made = makeServer();
    const leadership = await made.begin();
    happen(made);
    await leadership.lost;
    expect(leadership.left()).toBeLessThanOrEqual(0);
  });

  it('can be proven many times at once', async () => {
    const leadership = await makeServer().begin();
    await Promise.all(Array.from({ length: 8 }, () => leadership.prove()));
    expect(leadership.left()).toBeGreaterThan(0);
    await leadership.release();
  });

  it('can not be proven when another agent has it', async () => {
    const { begin, take } = makeServer();
    const leadership = await begin();
    take();
    await expect(leadership.prove()).rejects.toThrow(LockstepError);
    expect(leadership.left()).toBe(0);
  });

  it('is waited for while another agent keeps renewing', async () => {
    const { begin, server, take } = makeServer();
    await (await begin()).release();
    take();
    const renewing = setInterval(() => {
      if (server.lease !== undefined) server.lease.version += 1;
    }, 50);
    const stop = new AbortController();
    const waiting = begin(stop).catch((error: Error) => error.message);
    await sleep(900);
    expect(server.lease?.spec['holderIdentity']).toBe('elsewhere/1/1/x');
    clearInterval(renewing);
    const taken = await waiting;
    if (typeof taken === 'string') throw new Error(taken);
    expect(taken.epoch).toBe(3);
    await taken.release();
  });
});

describe('the fence', () => {
  it('tells each write, and no read, how long it may take', async () => {
    const seen: [string, number | undefined][] = [];
    const http = {
      request: async ({ method, left }: KubeRequest) => {
        seen.push([method, left?.()]);
        return { status: 200, body: {} };
      },
    } as unknown as KubeHttp;
    const safe = fenced(http, () => 42);
    for (const method of ['GET', 'PUT', 'POST', 'PATCH', 'DELETE'] as const) await safe.request({ method, path: '/' });
    expect(seen).toEqual([
      ['GET', undefined],
      ['PUT', 42],
      ['POST', 42],
      ['PATCH', 42],
      ['DELETE', 42],
    ]);
  });
});
