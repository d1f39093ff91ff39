import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isObject, objectsAt, textAt } from '../../../diff/json.ts';
import { healthOf } from '../../../health/rules.ts';
import { parseYaml } from '../../../sync/render/yaml.ts';
import { healthWords, isKubeObject, type KubeObject } from '../../../sync/types.ts';

const folder = join(import.meta.dirname, '..', '..', 'fixtures', 'health');
/** A day after the objects of the fixtures were made. */
const now = Date.parse('2026-01-02T00:00:00Z');

const cases = globSync('*.yaml', { cwd: folder })
  .sort()
  .flatMap((file) =>
    parseYaml(readFileSync(join(folder, file), 'utf8'))
      .filter(isObject)
      .map((entry) => ({
        title: `${file.replace('.yaml', '')}: ${textAt(entry, 'case')}`,
        object: entry['object'] as KubeObject,
        expected: { status: textAt(entry, 'expect', 'status'), reason: textAt(entry, 'expect', 'reason') },
      })),
  );

describe('health', () => {
  it('has at least 60 cases', () => {
    expect(cases.length).toBeGreaterThanOrEqual(60);
  });

  it.each(cases)('$title', ({ object, expected }) => {
    expect(isKubeObject(object)).toBe(true);
    const health = healthOf(object, { now });
    expect(health).toMatchObject(expected);
    expect(healthWords).toContain(health.status);
    if (health.message !== '') expect(health.message).toMatch(new RegExp(`^${object.kind} shop/it: `));
  });

  it('gives young objects time: settling, unschedulable, an Ingress without an address', () => {
    const young = { name: 'it', namespace: 'shop', creationTimestamp: '2026-01-01T23:59:59Z' };
    const make = (apiVersion: string, kind: string, status: object): KubeObject =>
      ({ apiVersion, kind, metadata: young, status }) as unknown as KubeObject;
    expect(healthOf(make('example.com/v1', 'Widget', {}), { now }).reason).toBe('Settling');
    expect(healthOf(make('networking.k8s.io/v1', 'Ingress', {}), { now }).status).toBe('Progressing');
    const unschedulable = {
      phase: 'Pending',
      conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable' }],
    };
    expect(healthOf(make('v1', 'Pod', unschedulable), { now }).status).toBe('Progressing');
  });

  it('gives a custom object that was changed time to be seen, and others none', () => {
    const written = (time: string, manager = 'lockstep-0123456789ab') => ({
      name: 'it',
      namespace: 'shop',
      creationTimestamp: '2026-01-01T00:00:00Z',
      managedFields: [{ manager, operation: 'Apply', time }],
    });
    const make = (apiVersion: string, kind: string, metadata: object): KubeObject =>
      ({ apiVersion, kind, metadata }) as unknown as KubeObject;
    const [just, before] = ['2026-01-01T23:59:58Z', '2026-01-01T23:59:50Z'];
    expect(healthOf(make('example.com/v1', 'Widget', written(just)), { now }).reason).toBe('Settling');
    expect(healthOf(make('example.com/v1', 'Widget', written(before)), { now }).reason).toBe('NoStatus');
    expect(healthOf(make('example.com/v1', 'Widget', written(just, 'its-controller')), { now }).reason).toBe(
      'NoStatus',
    );
    expect(healthOf(make('v1', 'LimitRange', written(just)), { now }).status).toBe('Healthy');
  });

  it('never throws, whatever the status holds', () => {
    const odd: unknown[] = [
      null,
      [],
      'x',
      1,
      { conditions: 'x' },
      { conditions: [null, 1, {}] },
      { containerStatuses: [{}] },
      { observedGeneration: {} },
    ];
    for (const { object } of cases) {
      for (const status of odd) {
        const health = healthOf({ ...object, status } as unknown as KubeObject, { now });
        expect(healthWords).toContain(health.status);
      }
    }
    expect(objectsAt({ status: null }, 'status', 'conditions')).toEqual([]);
  });
});
