import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { textAt } from '../../diff/json.ts';
import { makeNamespace } from '../e2e/support/furnish.ts';
import { gone, until } from '../e2e/support/kube.ts';
import { type App, configMap, describeOnOwnCluster } from '../e2e/support/lockstep.ts';
import { refuse, useFaultyWay } from './way.ts';

const { lockstep, way } = useFaultyWay(['moment-write', 'moment-stop', 'moment-plan', 'moment-end']);

const isRecord = ({ method, url }: IncomingMessage): boolean =>
  (method === 'PUT' || method === 'POST') && /\/secrets(\/lockstep-|$)/.test(url ?? '');
const isApply = ({ method, url }: IncomingMessage): boolean =>
  method === 'PATCH' && /\/configmaps\//.test(url ?? '') && !url?.includes('dryRun');
const color = async (app: App, name: string) => textAt(await app.get('v1', 'ConfigMap', name), 'data', 'color');

describeOnOwnCluster('an agent that ends', () => {
  it('between a write and its record goes on from what was written, and takes nothing back', async () => {
    const second = '  annotations: {lockstep.dev/wave: "1"}\n';
    const files = (of: string): Record<string, string> => ({
      'a.yaml': configMap('first', { color: of }),
      'b.yaml': configMap('second', { color: of }, second),
    });
    const app = await lockstep.app('moment-write', files('blue'));
    await app.ready();
    let records = 0;
    // The record of the new release is stored before anything is written; what comes after it never arrives.
    way.fault = (incoming) => {
      if (isRecord(incoming)) records += 1;
      if (isRecord(incoming) && records > 1) return true;
      return isApply(incoming) && incoming.url?.includes('/second') ? true : undefined;
    };
    app.push(files('green'));
    await until('the first is written', async () => (await color(app, 'first')) === 'green');
    await sleep(300);
    expect(await color(app, 'second')).toBe('blue');
    const seen: (string | undefined)[] = [];
    const since = Date.now();
    await lockstep.restart('SIGKILL', async () => {
      way.fault = () => undefined;
    });
    await until('the release is finished', async () => {
      seen.push(await color(app, 'first'));
      return (await color(app, 'second')) === 'green';
    });
    await app.ready();
    expect(new Set(seen)).toEqual(new Set(['green']));
    expect((await app.events()).filter((event) => event.reason === 'DriftHealed')).toEqual([]);
    expect(app.writes(since).filter((entry) => entry.verb === 'delete')).toEqual([]);
  });

  it('politely in the middle of a turn finishes what it does and exits with 0', async () => {
    const app = await lockstep.app('moment-stop', { 'a.yaml': configMap('a', { color: 'blue' }) });
    await app.ready();
    let held = 0;
    way.fault = (incoming) => {
      if (!isApply(incoming) || held > 0) return undefined;
      held += 1;
      return true;
    };
    app.push({ 'a.yaml': configMap('a', { color: 'green' }) });
    await until('a turn waits for an answer', async () => held === 1);
    const started = performance.now();
    expect(await lockstep.agent.stop('SIGTERM')).toBe(0);
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(lockstep.agent.output()).toContain('"the agent stops"');
    expect(lockstep.agent.output()).not.toContain('an error was not handled');
    way.fault = () => undefined;
    await lockstep.restart();
    await app.ready(30_000);
    expect(await color(app, 'a')).toBe('green');
  });
});

describeOnOwnCluster('an agent that is asked to end while it plans', () => {
  it('opens no watch that keeps it from ending', async () => {
    const app = await lockstep.app('moment-plan', { 'a.yaml': configMap('a', { color: 'blue' }) });
    await app.ready();
    let held = 0;
    way.fault = ({ method, url = '' }) => {
      if (method !== 'PATCH' || !url.includes('/services/') || !url.includes('dryRun') || held > 0) return undefined;
      held += 1;
      return true;
    };
    // Its kind is not watched yet: it is from the moment when the release begins.
    app.push({
      'b.yaml': 'apiVersion: v1\nkind: Service\nmetadata: {name: b}\nspec: {ports: [{port: 80}], selector: {app: b}}\n',
    });
    await until('a turn waits for an answer', async () => held === 1);
    const started = performance.now();
    expect(await lockstep.agent.stop('SIGTERM')).toBe(0);
    expect(performance.now() - started).toBeLessThan(8_000);
    way.fault = () => undefined;
    await lockstep.restart();
    await app.ready(30_000);
  });
});

describeOnOwnCluster('a namespace that ends', () => {
  it('leaves nothing behind because of a refusal that passes', async () => {
    await makeNamespace(lockstep.kube, 'moment-far', 'none');
    const far = (name: string, wave: number): string =>
      configMap(name, { a: '1' }, `  namespace: moment-far\n  annotations: {lockstep.dev/wave: "${wave}"}\n`);
    const app = await lockstep.app('moment-end', { 'a.yaml': far('low', 0), 'b.yaml': far('high', 1) });
    await app.ready();
    let refused = 0;
    way.fault = (incoming, outgoing) => {
      if (incoming.method !== 'DELETE' || !incoming.url?.includes('/configmaps/') || refused > 0) return undefined;
      refused += 1;
      return refuse(outgoing, 500);
    };
    const namespace = { apiVersion: 'v1', kind: 'Namespace', name: 'moment-end' };
    await lockstep.kube.delete(namespace);
    await gone(lockstep.kube, namespace, 60_000);
    expect(refused).toBe(1);
    const home = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'moment-far' };
    expect(await lockstep.kube.get({ ...home, name: 'high' })).toBeUndefined();
    expect(await lockstep.kube.get({ ...home, name: 'low' })).toBeUndefined();
  });
});
