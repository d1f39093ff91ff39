import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, inject, it } from 'vitest';
import { at, textAt } from '../../diff/json.ts';
import { until } from '../e2e/support/kube.ts';
import { type App, configMap, customKind, describeOnOwnCluster } from '../e2e/support/lockstep.ts';
import { verdicts } from './verdicts.ts';
import { refuse, useFaultyWay } from './way.ts';

const { lockstep, way } = useFaultyWay(['faults-api']);
let app: App;

beforeAll(async () => {
  if (inject('auditLog') === '') return;
  app = await lockstep.app('faults-api', {
    'a.yaml': configMap('a', { color: 'blue' }),
    'b.yaml': configMap('b', { color: 'blue' }),
  });
  await app.ready();
});

/** Whether all there is of the app's ConfigMaps is asked for: by a list, or at the beginning of a watch. */
function isList({ method, url = '' }: IncomingMessage): boolean {
  const isAll = url.includes('sendInitialEvents=true') || !url.includes('watch=true');
  return method === 'GET' && /\/namespaces\/faults-api\/configmaps\?/.test(url) && isAll;
}

describeOnOwnCluster('when the API server', () => {
  it.each([500, 503, 404])(
    'fails a list with %i, nothing is deleted or written, and it goes on by itself afterwards',
    async (status) => {
      way.fault = (incoming, outgoing) => (isList(incoming) ? refuse(outgoing, status) : undefined);
      const since = Date.now();
      await lockstep.restart('SIGKILL');
      await sleep(2_000);
      expect(app.writes(since)).toEqual([]);
      way.fault = () => undefined;
      await lockstep.kube.edit(app.ref('v1', 'ConfigMap', 'a'), { data: { color: 'red' } });
      await until(
        'drift is healed again',
        async () => textAt(await app.get('v1', 'ConfigMap', 'a'), 'data', 'color') === 'blue',
        60_000,
      );
    },
  );

  it.each<[string, (outgoing: ServerResponse) => true, number]>([
    ['429, and asks for 1.5 seconds', (outgoing) => refuse(outgoing.setHeader('retry-after', '1.5'), 429), 1_500],
    ['500', (outgoing) => refuse(outgoing, 500), 0],
    ['503', (outgoing) => refuse(outgoing, 503), 0],
    ['nothing at all', () => true, 2_000],
  ])('answers a write with %s, it is sent again in time, and no release fails for it', async (_what, answer, pause) => {
    const sent: number[] = [];
    way.fault = ({ method, url = '' }, outgoing) => {
      if (method !== 'PATCH' || !url.includes('/configmaps/late?') || url.includes('dryRun')) return undefined;
      sent.push(performance.now());
      return sent.length > 2 ? undefined : answer(outgoing);
    };
    app.push({ 'late.yaml': configMap('late', { color: 'blue' }) });
    await app.ready(60_000);
    expect(sent).toHaveLength(3);
    for (const index of [1, 2]) expect((sent[index] ?? 0) - (sent[index - 1] ?? 0)).toBeGreaterThanOrEqual(pause - 50);
    expect(await verdicts(app)).toEqual(new Set(['Good']));
    way.fault = () => undefined;
    app.push({ 'late.yaml': null });
    await app.ready(60_000);
  });

  it('fails every list for longer, the status says so, and no more once it is over', async () => {
    way.fault = (incoming, outgoing) => (isList(incoming) ? refuse(outgoing, 500) : undefined);
    await lockstep.restart('SIGKILL');
    expect(await app.refused('ClusterUnavailable', 30_000)).toBe("ConfigMap can't be watched: a fault");
    way.fault = () => undefined;
    await app.ready(60_000);
  });

  it('refuses every watch for a while, the status says so, and no more once they are open again', async () => {
    const isWatch = (incoming: IncomingMessage): boolean => incoming.url?.includes('watch=true') === true;
    way.fault = (incoming, outgoing) => (isWatch(incoming) ? refuse(outgoing, 503) : undefined);
    await lockstep.restart('SIGKILL');
    expect(await app.refused('ClusterUnavailable', 30_000)).toBe("ConfigMap can't be watched: a fault");
    const since = Date.now();
    way.fault = () => undefined;
    await app.ready(60_000);
    expect(app.writes(since)).toEqual([]);
  });

  it('breaks every watch off, drift is still seen', async () => {
    way.fault = (incoming, outgoing) => {
      if (incoming.url?.includes('watch=true')) setTimeout(() => outgoing.destroy(), 300);
      return undefined;
    };
    for (const color of ['red', 'green']) {
      await lockstep.kube.edit(app.ref('v1', 'ConfigMap', 'a'), { data: { color } });
      await until(
        'it is healed',
        async () => textAt(await app.get('v1', 'ConfigMap', 'a'), 'data', 'color') === 'blue',
      );
      await sleep(500);
    }
    way.fault = () => undefined;
  });

  it('loses the answer to a write of the record, the release is finished all the same', async () => {
    let lost = 0;
    way.fault = (incoming, outgoing) => {
      if (incoming.method !== 'PUT' || !incoming.url?.includes('/secrets/lockstep-') || lost > 0) return undefined;
      lost += 1;
      outgoing.writeHead = () => {
        outgoing.destroy();
        return outgoing;
      };
      return undefined;
    };
    app.push({ 'b.yaml': configMap('b', { color: 'green' }) });
    await app.ready(30_000);
    expect(lost).toBe(1);
    way.fault = () => undefined;
    app.push({ 'b.yaml': configMap('b', { color: 'yellow' }) });
    await app.ready();
  });

  it('refuses every dry-run for a while, no release begins, that is said, and it goes on', async () => {
    way.fault = (incoming, outgoing) =>
      incoming.method === 'PATCH' && /\/configmaps\//.test(incoming.url ?? '') ? refuse(outgoing, 500) : undefined;
    app.push({ 'a.yaml': configMap('a', { color: 'black' }) });
    const before = await app.status();
    const since = Date.now();
    expect(await app.refused('ClusterUnavailable')).toContain('a fault');
    const status = await app.status();
    expect(at(status, 'status', 'sequence')).toBe(at(before, 'status', 'sequence'));
    expect(at(status, 'status', 'revision', 'target')).toBe(at(before, 'status', 'revision', 'target'));
    expect(app.writes(since)).toEqual([]);
    way.fault = () => undefined;
    await app.ready(60_000);
  });

  it('is silent, the agent gives up each request and goes on when it speaks again', async () => {
    way.fault = () => true;
    await sleep(3_000);
    way.fault = () => undefined;
    app.push({ 'a.yaml': configMap('a', { color: 'white' }) });
    await app.ready(90_000);
  });

  it('does not serve one group for a while, what is in it stays on the list and goes when that is over (D3)', async () => {
    const thing = 'apiVersion: faults.example.com/v1\nkind: Thing\nmetadata: {name: t}\n';
    app.push({ 'crd.yaml': customKind('faults.example.com', 'Thing'), 'thing.yaml': thing });
    await app.ready(60_000);
    way.fault = ({ url }, outgoing) => {
      if (url?.startsWith('/apis/faults.example.com/') !== true) return undefined;
      outgoing.writeHead(404, { 'content-type': 'text/plain' }).end('404 page not found\n');
      return true;
    };
    app.push({ 'thing.yaml': null });
    expect(await app.refused('PruneIncomplete', 60_000)).toContain('Thing faults-api/t');
    way.fault = () => undefined;
    await app.ready(60_000);
    expect(await app.get('faults.example.com/v1', 'Thing', 't')).toBeUndefined();
  });
});
