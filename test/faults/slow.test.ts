import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, expect, it } from 'vitest';
import { numberAt } from '../../diff/json.ts';
import { type App, configMap, describeOnOwnCluster } from '../e2e/support/lockstep.ts';
import { verdicts } from './verdicts.ts';
import { refuse, useFaultyWay } from './way.ts';

const { lockstep, way } = useFaultyWay(['slow-write', 'slow-answer', 'slow-readonly']);
beforeEach(() => {
  way.fault = () => undefined;
});

/** A Job that runs before each release, and an object. */
function files(color: string): Record<string, string> {
  const hook = '{argocd.argoproj.io/hook: PreSync}';
  const pod = '{spec: {restartPolicy: Never, containers: [{name: main, image: "migrate:1"}]}}';
  const job = `apiVersion: batch/v1\nkind: Job\nmetadata: {name: migrate, annotations: ${hook}}\nspec: {template: ${pod}}\n`;
  return { 'a.yaml': configMap('a', { color }), 'b.yaml': configMap('b', { color }), 'migrate.yaml': job };
}

/** Whether something is to be stored, other than that an agent leads. */
function isStored({ method, url = '' }: IncomingMessage): boolean {
  return method !== 'GET' && !url.includes('dryRun') && !url.includes('/leases');
}

/** How often Jobs were made, and objects changed, since a time. */
function done(app: App, since: number) {
  const all = app.writes(since);
  return {
    jobs: all.filter(({ resource, status }) => resource === 'jobs' && status === 201).length,
    maps: all
      .filter(({ resource }) => resource === 'configmaps')
      .map(({ name }) => name)
      .sort(),
  };
}

describeOnOwnCluster('while the API server stores things slowly', () => {
  it('everything is done once, only later', async () => {
    const app = await lockstep.app('slow-write', files('red'));
    await app.ready(30_000);
    way.fault = async (incoming) => {
      if (isStored(incoming)) await sleep(1_500);
      return undefined;
    };
    const since = Date.now();
    app.push(files('blue'));
    await app.ready(90_000);
    expect(done(app, since)).toEqual({ jobs: 1, maps: ['a', 'b'] });
    expect(await verdicts(app)).toEqual(new Set(['Good']));
  });

  it('and answers later than it is waited for: what was done is seen, and not done twice', async () => {
    const app = await lockstep.app('slow-answer', files('red'));
    await app.ready(30_000);
    let slow = 0;
    way.fault = (incoming, outgoing) => {
      // What was asked for is done; only the answer takes longer than the agent waits.
      if (!isStored(incoming) || !incoming.url?.includes('/namespaces/slow-answer/') || slow >= 6) return undefined;
      slow += 1;
      const { end, write, writeHead } = outgoing;
      const later = (after: number, say: () => unknown): void =>
        void setTimeout(() => outgoing.destroyed || say(), after);
      Object.assign(outgoing, {
        flushHeaders: () => undefined,
        writeHead: (...args: unknown[]) => later(2_500, () => Reflect.apply(writeHead, outgoing, args)),
        write: (...args: unknown[]) => later(2_600, () => Reflect.apply(write, outgoing, args)) ?? true,
        end: () => later(2_700, () => Reflect.apply(end, outgoing, [])),
      });
      return undefined;
    };
    const since = Date.now();
    app.push(files('blue'));
    await app.ready(120_000);
    expect(slow).toBeGreaterThan(2);
    const { jobs, maps } = done(app, since);
    expect(jobs).toBe(1);
    expect(new Set(maps)).toEqual(new Set(['a', 'b']));
    const uids = (await Promise.all(['a', 'b'].map((name) => app.get('v1', 'ConfigMap', name)))).map(
      (object) => object?.metadata.uid,
    );
    expect(uids).not.toContain(undefined);
    expect(numberAt(await app.get('batch/v1', 'Job', 'migrate'), 'status', 'succeeded')).toBe(1);
    expect(await verdicts(app)).toEqual(new Set(['Good']));
  });

  it('or not at all, because its own disk is full: nothing fails for it, and it goes on afterwards', async () => {
    const app = await lockstep.app('slow-readonly', files('red'));
    await app.ready(30_000);
    const message = 'etcdserver: mvcc: database space exceeded';
    way.fault = (incoming, outgoing) => (isStored(incoming) ? refuse(outgoing, 500, message) : undefined);
    const since = Date.now();
    app.push(files('blue'));
    await sleep(6_000);
    expect(lockstep.agent.output()).toContain('the release record can not be stored');
    expect(app.writes(since)).toEqual([]);
    way.fault = () => undefined;
    await app.ready(90_000);
    expect(done(app, since)).toEqual({ jobs: 1, maps: ['a', 'b'] });
    expect(await verdicts(app)).toEqual(new Set(['Good']));
  });
});
