import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { leaseName } from '../../agent/leader.ts';
import type { Hint, Work } from '../../agent/queue/queue.ts';
import { createRedisQueue } from '../../agent/queue/redis.ts';
import { call } from '../e2e/support/api.ts';
import { lockstepBeside } from '../e2e/support/cli.ts';
import { until } from '../e2e/support/kube.ts';
import { configMap, useLockstep } from '../e2e/support/lockstep.ts';
import { hasRedis, type RedisServer, startRedis } from '../e2e/support/redis.ts';
import { queueContract } from '../unit/agent/queue-contract.ts';
import { silent } from '../unit/support/silent.ts';

const describeWithRedis = describe.skipIf(!hasRedis);
let redis: RedisServer;
let count = 0;

beforeAll(async () => {
  if (hasRedis) redis = await startRedis();
});
afterAll(() => redis?.close());

function make(
  work: Work,
  onError: (key: string, error: unknown) => void = () => undefined,
  limits?: Parameters<typeof createRedisQueue>[3],
) {
  count += 1;
  return createRedisQueue({ url: redis.url, name: `test-${count}`, log: silent }, work, onError, limits);
}

describeWithRedis('the queue on Redis', () => {
  describe('as every queue', () => {
    queueContract(make, 100);
  });

  it('runs what Redis lost before it began', async () => {
    const ran: string[] = [];
    const queue = make(async (key) => {
      ran.push(key);
      return undefined;
    });
    queue.add('warm');
    await until('it works', async () => ran.length === 1);
    await redis.kill();
    queue.add('while-it-was-gone', 'source');
    await redis.start();
    await until('it ran', async () => ran.includes('while-it-was-gone'), 10_000);
    await sleep(4_000);
    await queue.close();
    expect(ran).toEqual(['warm', 'while-it-was-gone']);
  });

  it('runs a key once at a time and loses none, whatever is flushed meanwhile', async () => {
    const runs = new Map<string, Hint[][]>();
    const running = new Set<string>();
    let doubled = false;
    const queue = make(async (key, hints) => {
      doubled ||= running.has(key);
      running.add(key);
      await sleep(30);
      runs.set(key, [...(runs.get(key) ?? []), [...hints]]);
      running.delete(key);
      return undefined;
    });
    for (let round = 0; round < 20; round += 1) {
      for (let key = 0; key < 12; key += 1) queue.add(`key-${key}`);
      await sleep(15);
      await redis.command('FLUSHALL');
    }
    for (let key = 0; key < 12; key += 1) queue.add(`key-${key}`, 'source');
    const isServed = (key: number): boolean =>
      runs.get(`key-${key}`)?.some((hints) => hints.includes('source')) === true;
    await until(
      'every key ran after it was added last',
      async () => Array.from({ length: 12 }, (_, key) => isServed(key)).every(Boolean),
      20_000,
    );
    await queue.close();
    expect(doubled).toBe(false);
  });

  it('is not kept from work by a run that an agent before it never ended', async () => {
    const connection = new Redis(redis.url, { maxRetriesPerRequest: null });
    const options = { connection, prefix: 'lockstep' };
    const name = `test-${count + 1}`;
    const before = new Queue(name, options);
    await before.add('turn', { key: 'a' }, { deduplication: { id: 'a', keepLastIfActive: true } });
    let begun = false;
    const work = (): Promise<never> => {
      begun = true;
      return new Promise(() => undefined);
    };
    const killed = new Worker(name, work, options);
    await until('it runs there', async () => begun);
    await Promise.race([killed.close(true), sleep(500)]);
    let runs = 0;
    const queue = make(async () => {
      runs += 1;
      return undefined;
    });
    queue.add('a');
    await until('it ran', async () => runs > 0, 2_000);
    await queue.close();
    await before.close();
    connection.disconnect();
  });

  it('is not kept from work by a mark without a job', async () => {
    let runs = 0;
    const queue = make(async () => {
      runs += 1;
      return undefined;
    });
    queue.add('b');
    await until('it works', async () => runs === 1);
    await redis.command('SET', `lockstep:test-${count}:de:a`, 'a-job-that-is-not-there');
    queue.add('a');
    await until('it ran', async () => runs === 2, 10_000);
    await queue.close();
  });

  it('holds keys and hints, and nothing else', async () => {
    let begun = false;
    const queue = make(
      async () => {
        begun = true;
        await sleep(200);
        return undefined;
      },
      undefined,
      { workers: 1, firstRetry: 1, longestRetry: 1 },
    );
    queue.add('a');
    queue.add('b', 'source');
    await until('one runs', async () => begun);
    const data: unknown[] = [];
    for (const key of (await redis.command('KEYS', `lockstep:test-${count}:*`)) as string[])
      if ((await redis.command('TYPE', key)) === 'hash') data.push(await redis.command('HGET', key, 'data'));
    expect(data.filter((text) => text !== null).map((text) => JSON.parse(String(text)))).toEqual(
      expect.arrayContaining([{ key: 'b', hints: ['source'] }]),
    );
    await queue.close();
  });
});

describeWithRedis('an agent whose queue is on Redis', () => {
  const flags: string[] = [];
  beforeAll(async () => {
    flags.push('--redis', redis.url);
  });
  const namespaces = ['redis-work', 'redis-lost'];
  const lockstep = useLockstep(namespaces, { flags });

  it('delivers, and says nothing of the password', async () => {
    const app = await lockstep.app('redis-work', { 'a.yaml': configMap('a', { v: '1' }) });
    await app.ready();
    app.push({ 'a.yaml': configMap('a', { v: '2' }) });
    await app.ready();
    expect(lockstep.agent.output()).not.toContain('redis-password');
  });

  it('ends when its API can not listen, and leaves nothing open', async () => {
    const taken = new URL(lockstep.agent.api).host;
    const place = mkdtempSync(join(tmpdir(), 'lockstep-taken-'));
    const flags = ['--kubeconfig', inject('kubeconfig'), '--data-dir', place, '--watch-namespaces', 'redis-taken'];
    const answer = await lockstepBeside([
      'agent',
      ...flags,
      '--redis',
      redis.url,
      '--listen',
      taken,
      '--probes-listen',
      '',
    ]);
    rmSync(place, { recursive: true });
    expect(answer.code).toBe(1);
    expect(answer.stdout + answer.stderr).toContain(`--listen ${taken}: `);
  });

  it('loses no sync when Redis is killed and flushed in mid-run, and makes none of what somebody writes into it', async () => {
    const app = await lockstep.app('redis-lost', { 'a.yaml': configMap('a', { v: '0' }) });
    await app.ready();
    for (let round = 1; round <= 3; round += 1) {
      app.push({ 'a.yaml': configMap('a', { v: String(round) }) });
      await (round === 2 ? redis.command('FLUSHALL') : redis.kill().then(() => redis.start()));
      await app.ready();
    }
    const history = await call(`${lockstep.agent.api}/api/v1/deliveries/redis-lost/app/history`);
    expect(history.body.items.map(({ verdict }: { verdict: string }) => verdict)).toEqual([
      'Good',
      'Good',
      'Good',
      'Good',
    ]);
    // R1: a forged job names what is not served, or brings what is not understood.
    const before = app.writes(0).length;
    const connection = new Redis(redis.url, { maxRetriesPerRequest: null });
    const forger = new Queue(leaseName(namespaces), { connection, prefix: 'lockstep' });
    await forger.add('turn', { key: 'no-such-uid', hints: ['source'], manifest: { kind: 'Pod' } });
    await forger.add('turn', { key: { a: 1 }, hints: 'x' });
    await forger.add('turn', 'text');
    await sleep(500);
    await forger.close();
    connection.disconnect();
    expect(app.writes(0)).toHaveLength(before);
    app.push({ 'a.yaml': configMap('a', { v: '9' }) });
    await app.ready();
  });
});
