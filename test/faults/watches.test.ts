import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, inject, it } from 'vitest';
import { textAt } from '../../diff/json.ts';
import { until } from '../e2e/support/kube.ts';
import { type App, configMap, deployment, describeOnOwnCluster } from '../e2e/support/lockstep.ts';
import { refuse, useFaultyWay } from './way.ts';

const { lockstep, way } = useFaultyWay(['faults-watches', 'faults-pages'], ['--watch-silence', '1500']);
let app: App;

beforeAll(async () => {
  if (inject('auditLog') === '') return;
  app = await lockstep.app('faults-watches', {
    'a.yaml': configMap('a', { color: 'blue' }),
    'web.yaml': deployment('web'),
  });
  await app.ready(40_000);
});

const isWatch = ({ url }: IncomingMessage): boolean => url?.includes('watch=true') === true;
type Write = (chunk: Buffer) => boolean;

/** Lets an answer pass with something done to each piece of it. */
function mangled(outgoing: ServerResponse, mangle: (chunk: Buffer, write: Write) => void): undefined {
  const write = outgoing.write.bind(outgoing) as Write;
  outgoing.write = ((chunk: Buffer) => {
    mangle(chunk, write);
    return true;
  }) as ServerResponse['write'];
  return undefined;
}

/** What goes wrong with every watch. */
const faults: Readonly<Record<string, (outgoing: ServerResponse) => undefined>> = {
  'are cut again and again': (outgoing) => {
    setTimeout(() => outgoing.destroy(), 250);
    return undefined;
  },
  'stall: they stay open and say nothing more': (outgoing) => {
    const end = Date.now() + 300;
    return mangled(outgoing, (chunk, write) => {
      if (Date.now() < end) write(chunk);
    });
  },
  'are cut in the middle of an event': (outgoing) => {
    let pieces = 0;
    return mangled(outgoing, (chunk, write) => {
      pieces += 1;
      write(pieces > 1 ? chunk.subarray(0, chunk.length / 2) : chunk);
      if (pieces > 1) outgoing.destroy();
    });
  },
  'tell events twice and in another order': (outgoing) => {
    let held: Buffer | undefined;
    return mangled(outgoing, (chunk, write) => {
      const earlier = held;
      held = chunk;
      setTimeout(() => write(chunk), 60);
      if (earlier !== undefined) setTimeout(() => write(earlier), 120);
    });
  },
  'tell garbage between events': (outgoing) =>
    mangled(outgoing, (chunk, write) => {
      write(chunk);
      write(Buffer.from('this is no event\n'));
    }),
};

describeOnOwnCluster('when watches', () => {
  it.each(Object.keys(faults))('%s, no change is missed and none is made up', async (name) => {
    way.fault = (incoming, outgoing) => (isWatch(incoming) ? faults[name]?.(outgoing) : undefined);
    // Those that are open already are not touched by it.
    await lockstep.restart('SIGKILL');
    for (const color of ['red', 'green', 'white']) {
      await lockstep.kube.edit(app.ref('v1', 'ConfigMap', 'a'), { data: { color } });
      await until(
        'it is healed',
        async () => textAt(await app.get('v1', 'ConfigMap', 'a'), 'data', 'color') === 'blue',
        30_000,
      );
    }
    await lockstep.kube.delete(app.ref('v1', 'ConfigMap', 'a'));
    await until('it is made again', () => app.get('v1', 'ConfigMap', 'a'), 30_000);
    const since = Date.now();
    await sleep(2_500);
    expect(app.writes(since)).toEqual([]);
    way.fault = () => undefined;
    await lockstep.restart('SIGKILL');
    await app.ready(60_000);
  });

  it('can not begin with all there is, everything is read in pages instead, and no change is missed', async () => {
    const count = 620;
    const names = Array.from({ length: count }, (_, index) => `m${index}`);
    const pages = await lockstep.app(
      'faults-pages',
      Object.fromEntries(names.map((name) => [`${name}.yaml`, configMap(name, { color: 'blue' })])),
    );
    await pages.ready(60_000);
    way.fault = ({ url }, outgoing) =>
      url?.includes('sendInitialEvents') === true ? refuse(outgoing, 422) : undefined;
    const since = Date.now();
    await lockstep.restart('SIGKILL');
    await pages.ready(60_000);
    const last = pages.ref('v1', 'ConfigMap', `m${count - 1}`);
    await lockstep.kube.edit(last, { data: { color: 'red' } });
    await until('it is healed', async () => textAt(await lockstep.kube.get(last), 'data', 'color') === 'blue', 30_000);
    const lists = pages.requests(since).filter(({ verb, resource }) => verb === 'list' && resource === 'configmaps');
    expect(lists.every(({ uri }) => uri.includes('limit=500'))).toBe(true);
    expect(lists.some(({ uri }) => uri.includes('continue='))).toBe(true);
    const own = pages.writes(since).filter(({ impersonated, status }) => impersonated !== undefined && status === 200);
    expect(own.map(({ name }) => name)).toEqual([`m${count - 1}`]);
    way.fault = () => undefined;
    await pages.remove();
  });

  it('have to begin again 60 times, nothing is written, and what they missed is counted', async () => {
    let [begun, open, isRefused] = [0, 0, false];
    const isOfConfigMaps = ({ url }: IncomingMessage): boolean => url?.includes('/configmaps?') === true;
    way.fault = (incoming, outgoing) => {
      const isOurs = isOfConfigMaps(incoming);
      if (isRefused && isOurs) return refuse(outgoing, 503);
      if (!isWatch(incoming)) return undefined;
      begun += 1;
      open += isOurs ? 1 : 0;
      outgoing.on('close', () => {
        open -= isOurs ? 1 : 0;
      });
      const gone = { type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' } };
      setTimeout(() => outgoing.end(`${JSON.stringify(gone)}\n`), 1_100);
      return undefined;
    };
    await lockstep.restart('SIGKILL');
    const since = Date.now();
    await until('they began again often', async () => begun > 60, 60_000);
    expect(app.writes(since)).toEqual([]);
    isRefused = true;
    // What a watch still tells is not missed.
    await until('no watch is open', async () => open === 0);
    await lockstep.kube.edit(app.ref('v1', 'ConfigMap', 'a'), { metadata: { labels: { seen: 'late' } } });
    // A watch that the silence ended before it was told so goes on where it was, and would miss nothing: the point is gone.
    const goesOn = (incoming: IncomingMessage): boolean =>
      isWatch(incoming) && incoming.url?.includes('sendInitialEvents') !== true;
    way.fault = (incoming, outgoing) =>
      isOfConfigMaps(incoming) && goesOn(incoming) ? refuse(outgoing, 410) : undefined;
    await until(
      'what was missed is counted',
      async () => {
        const text = await (await fetch(`${lockstep.agent.probes}/metrics`)).text();
        return /lockstep_watch_missed_events_total [1-9]/.test(text);
      },
      30_000,
    );
    way.fault = () => undefined;
    await app.ready(60_000);
  });
});
