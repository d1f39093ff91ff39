import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../diff/json.ts';
import { leftovers } from '../../../diff/leftovers.ts';
import { names, sendable, withPlaces } from '../../../diff/places.ts';

const container = (fields: JsonObject): JsonObject => ({
  spec: { template: { spec: { containers: [{ name: 'main', ...fields }] } } },
});
const owned = (manager: string, fieldsV1: JsonObject): JsonObject => ({
  metadata: { managedFields: [{ manager, operation: 'Update', fieldsV1 }] },
});

describe('leftovers', () => {
  it.each<[string, JsonObject, JsonObject, string[], string[]]>([
    ['nothing', { spec: { a: 1 } }, { spec: { a: 1 } }, [], []],
    [
      'a default of the bad variant',
      { spec: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%' } } } },
      { spec: { strategy: { type: 'Recreate' } } },
      ['spec.strategy.rollingUpdate'],
      ['spec.strategy.type=RollingUpdate→Recreate'],
    ],
    ['a mirror field', { spec: { serviceAccount: 'x' } }, { spec: {} }, ['spec.serviceAccount'], []],
    [
      'an address that was given up',
      { spec: { clusterIP: '10.0.0.9' } },
      { spec: { clusterIP: '10.0.0.1' } },
      [],
      ['spec.clusterIP=10.0.0.9→10.0.0.1'],
    ],
    [
      'an item by its key',
      container({ image: 'a' }),
      container({ image: 'a', tty: true }),
      [],
      ['spec.template.spec.containers[main].tty=→true'],
    ],
  ])('are %s', (_name, live, answer, added, lost) => {
    const found = leftovers(live, answer, {}, 'us');
    expect(found.added.map(({ path }) => textOf(path))).toEqual(added);
    expect(found.lost.map(({ path, value }) => `${textOf(path)}=${valueAt(live, path)}→${String(value)}`)).toEqual(
      lost,
    );
    expect(found.foreign).toEqual([]);
  });

  it('that another manager owns are told, and not touched', () => {
    const managed = owned('scaler', { 'f:spec': { 'f:replicas': {} } });
    const found = leftovers({ spec: { replicas: 5, paused: true } }, { spec: { replicas: 1 } }, managed, 'us');
    expect(found.foreign).toEqual([{ path: ['spec', 'replicas'], manager: 'scaler' }]);
    expect(found.added.map(({ path }) => textOf(path))).toEqual(['spec.paused']);
  });

  it('in a list are looked for by the keys of its items, as owners name them', () => {
    const managed = owned('mesh', {
      'f:spec': { 'f:ports': { 'k:{"port":80,"protocol":"TCP"}': { '.': {}, 'f:nodePort': {} } } },
    });
    const port = (nodePort: number): JsonObject => ({
      spec: {
        ports: [
          { port: 80, protocol: 'TCP', nodePort },
          { port: 80, protocol: 'UDP', nodePort },
        ],
      },
    });
    const found = leftovers(port(1), port(2), managed, 'us');
    expect(found.foreign.map(({ path, manager }) => `${textOf(path)} ${manager}`)).toEqual([
      'spec.ports[80/TCP].nodePort mesh',
    ]);
    expect(found.lost.map(({ path }) => textOf(path))).toEqual(['spec.ports[80/UDP].nodePort']);
  });

  it('can be put into a manifest, also where its list items leave keys to the server', () => {
    const manifest = { spec: { ports: [{ port: 80 }, { port: 81 }] } };
    const place = { path: ['spec', 'ports', { port: 81, protocol: 'TCP' }, 'nodePort'], value: 30_000 };
    expect(withPlaces(manifest, [place])).toEqual({ spec: { ports: [{ port: 80 }, { port: 81, nodePort: 30_000 }] } });
    expect(manifest.spec.ports[1]).toEqual({ port: 81 });
  });

  it('in a list that the manifest leaves to the server are sent as the whole list', () => {
    const [resource] = [{ name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } }];
    const answer = { spec: { maxReplicas: 3, metrics: [{ type: 'Resource', resource }] } };
    const metric = {
      path: ['spec', 'metrics', { type: 'Resource' }, 'resource', 'target', 'averageUtilization'],
      value: 80,
    };
    const manifest = { spec: { maxReplicas: 3 } };
    expect(sendable([metric], manifest, answer)).toEqual([{ path: ['spec', 'metrics'], value: answer.spec.metrics }]);
    expect(sendable([metric], answer, answer)).toEqual([metric]);
    expect(names(answer, metric.path)).toBe(true);
    expect(names(manifest, metric.path)).toBe(false);
  });
});

function textOf(path: readonly (string | JsonObject)[]): string {
  return path
    .map((step) => (typeof step === 'string' ? `.${step}` : `[${Object.values(step).join('/')}]`))
    .join('')
    .slice(1);
}

function valueAt(live: JsonObject, path: readonly (string | JsonObject)[]): string {
  let here: unknown = live;
  for (const step of path) {
    if (typeof step !== 'string') return '';
    here = (here as Record<string, unknown> | undefined)?.[step];
  }
  return String(here ?? '');
}
