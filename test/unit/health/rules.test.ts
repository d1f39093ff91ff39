import { describe, expect, it } from 'vitest';
import { objectsAt } from '../../../diff/json.ts';
import { healthOf } from '../../../health/rules.ts';
import { healthWords, isKubeObject, type KubeObject, refOf, titleOf } from '../../../sync/types.ts';
import { cases, now } from './support/cases.ts';

/** `HTTPRoute` is `http-route`, `PersistentVolumeClaim` is `persistent-volume-claim`. */
function kebab(kind: string): string {
  return kind
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1-$2')
    .toLowerCase();
}

describe('health', () => {
  it('has at least 250 cases, each in the file of its kind and state, with the page that it was written from', () => {
    expect(cases.length).toBeGreaterThanOrEqual(250);
    expect(new Set(cases.map(({ file, title }) => `${file} ${title}`)).size).toBe(cases.length);
    for (const { file, object, expect: expected, page } of cases) {
      const [name = '', state] = [file.slice(file.indexOf('/') + 1, file.lastIndexOf('-')), file.split('-').at(-1)];
      expect(name.replaceAll('-', ''), file).toBe(kebab(object.kind).replaceAll('-', ''));
      expect(state, file).toBe(expected.status.toLowerCase());
      expect(page, file).toMatch(/^https:\/\/[^ ]+$/);
    }
  });

  it.each(cases)('$project: $title', ({ object, expect: { message, ...expected } }) => {
    expect(isKubeObject(object)).toBe(true);
    const health = healthOf(object, { now });
    expect(health).toMatchObject(expected);
    expect(healthWords).toContain(health.status);
    expect(health.message).toContain(message ?? '');
    if (health.message !== '') expect(health.message.startsWith(`${titleOf(refOf(object))}: `)).toBe(true);
  });

  it('never throws, whatever the status holds', () => {
    const odd: unknown[] = [
      null,
      [],
      'x',
      1,
      { conditions: 'x' },
      { conditions: [null, 1, {}] },
      { conditions: { a: 1 }, phase: {}, state: [], health: 3 },
      { parents: [null, {}], listeners: [{ conditions: [{}] }], ancestors: 1 },
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
