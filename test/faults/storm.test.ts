import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, expect, it } from 'vitest';
import { at, textAt } from '../../diff/json.ts';
import { until } from '../e2e/support/kube.ts';
import { type App, configMap, describeOnOwnCluster } from '../e2e/support/lockstep.ts';
import { verdicts } from './verdicts.ts';
import { refuse, useFaultyWay } from './way.ts';

const { lockstep, way } = useFaultyWay(['storm-foreign', 'storm-own', 'storm-reject', 'storm-deny']);
beforeEach(() => {
  way.fault = () => undefined;
});

const settings = (color: string) => ({ 'settings.yaml': configMap('settings', { color }) });

/** Whether a real write of an app's objects is asked for; records of the agent and dry-runs are none. */
function isWrite({ method, url = '' }: IncomingMessage, app: App): boolean {
  const isReal = !url.includes('dryRun') && url.includes(`/namespaces/${app.namespace}/configmaps`);
  return isReal && method !== 'GET';
}

/** Writes 50 times a second until it is told to stop; answers how often. */
function storm(write: (count: number) => Promise<unknown>): () => Promise<number> {
  let isOver = false;
  let count = 0;
  const going = (async () => {
    while (!isOver) {
      count += 1;
      await Promise.all([write(count).catch(() => undefined), sleep(20)]);
    }
    return count;
  })();
  return () => {
    isOver = true;
    return going;
  };
}

/** Refuses every second write, from the first or the second one on; answers how many were asked for. */
function refuseEverySecond(app: App, rest: 0 | 1, status: number, message?: string): () => number {
  let asked = 0;
  way.fault = (incoming, outgoing) => {
    if (!isWrite(incoming, app)) return undefined;
    asked += 1;
    return asked % 2 === rest ? refuse(outgoing, status, message) : undefined;
  };
  return () => asked;
}

/** The names of what was written, in their order. */
function written(app: App, since: number): string[] {
  return app
    .writes(since)
    .map(({ name }) => name)
    .sort();
}

async function data(app: App): Promise<unknown> {
  return at(await app.get('v1', 'ConfigMap', 'settings'), 'data');
}

describeOnOwnCluster('while another writer changes an object 50 times a second', () => {
  it('what is none of ours stays theirs, releases go through, and nothing is written for it', async () => {
    const app = await lockstep.app('storm-foreign', settings('red'));
    await app.ready();
    const since = Date.now();
    const stop = storm((count) =>
      lockstep.kube.edit(app.ref('v1', 'ConfigMap', 'settings'), { data: { theirs: `${count}` } }, 'ticker'),
    );
    await sleep(2_000);
    expect(app.writes(since)).toEqual([]);
    app.push(settings('blue'));
    await app.ready(10_000);
    await sleep(1_000);
    const count = await stop();
    expect(count).toBeGreaterThan(60);
    // One release is one write, however often the object was changed meanwhile.
    expect(app.writes(since).map(({ verb }) => verb)).toEqual(['patch']);
    expect(await data(app)).toEqual({ color: 'blue', theirs: `${count}` });
  });

  it('what is ours is put right a bounded number of times, that is told, and it is right once that is over', async () => {
    const app = await lockstep.app('storm-own', settings('red'));
    await app.ready();
    const since = Date.now();
    const stop = storm((count) =>
      lockstep.kube.edit(app.ref('v1', 'ConfigMap', 'settings'), { data: { color: `no ${count}` } }),
    );
    expect(await app.refused('HealFailed', 30_000)).toContain('ConfigMap storm-own/settings');
    await sleep(3_000);
    expect(await stop()).toBeGreaterThan(100);
    // A few tries, of one or two writes each, and then a pause that grows.
    expect(app.writes(since).length).toBeLessThanOrEqual(12);
    await until(
      'it is ours again',
      async () => textAt(await app.get('v1', 'ConfigMap', 'settings'), 'data', 'color') === 'red',
      60_000,
    );
    await app.ready(30_000);
  });
});

describeOnOwnCluster('while every second write is rejected', () => {
  it('for want of a webhook, it is sent again, no release fails for it, and each object is written once', async () => {
    const app = await lockstep.app('storm-reject', settings('red'));
    await app.ready();
    const asked = refuseEverySecond(app, 1, 500);
    const since = Date.now();
    const files = Object.fromEntries(
      ['a', 'b', 'c', 'd'].map((name) => [`${name}.yaml`, configMap(name, { color: 'blue' })]),
    );
    app.push(files);
    await app.ready(60_000);
    expect(asked()).toBeLessThan(20);
    expect(written(app, since)).toEqual(['a', 'b', 'c', 'd']);
    expect(await verdicts(app)).toEqual(new Set(['Good']));
  });

  it('by a policy, that may change its mind, it is tried again a few times and goes through', async () => {
    const app = await lockstep.app('storm-deny', { ...settings('red'), 'other.yaml': configMap('other', { a: '1' }) });
    await app.ready();
    const asked = refuseEverySecond(
      app,
      0,
      403,
      'admission webhook "policy.example.com" denied the request: not today',
    );
    const since = Date.now();
    app.push({ ...settings('blue'), 'other.yaml': configMap('other', { a: '2' }) });
    await app.ready(60_000);
    expect(asked()).toBeLessThan(10);
    expect(written(app, since)).toEqual(['other', 'settings']);
    expect(await data(app)).toEqual({ color: 'blue' });
  });
});
