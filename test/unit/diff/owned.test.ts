import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../diff/json.ts';
import { ownedBy, pathsSentEmpty } from '../../../diff/owned.ts';

const manager = 'lockstep-x';

function live(spec: JsonObject, fields: JsonObject, others: JsonObject[] = []): JsonObject {
  const entry = { manager, operation: 'Apply', fieldsV1: { 'f:spec': fields } };
  return { metadata: { managedFields: [...others, entry] }, spec } as unknown as JsonObject;
}

const fields: JsonObject = {
  'f:replicas': {},
  'f:env': {
    'k:{"name":"A"}': { '.': {}, 'f:name': {}, 'f:value': {} },
    'k:{"name":"B"}': { '.': {}, 'f:name': {}, 'f:value': {} },
  },
  'f:finalizers': { 'v:"x"': {} },
  'f:selector': {},
  'f:resources': {},
};
const spec: JsonObject = {
  replicas: 3,
  env: [
    { name: 'A', value: '1' },
    { name: 'B', value: '2' },
  ],
  finalizers: ['x'],
  selector: { app: 'web' },
  resources: {},
  dnsPolicy: 'ClusterFirst',
};
const sentEmpty = ['/f:spec/f:resources'];
const hash = (changed: JsonObject, changedFields: JsonObject = fields): string | undefined =>
  ownedBy(live({ ...spec, ...changed }, changedFields), manager, sentEmpty);
const reference = hash({});

describe('what we own', () => {
  it.each<[string, JsonObject]>([
    ['a default of the API server', { dnsPolicy: 'None', terminationGracePeriodSeconds: 30 }],
    [
      'an item of others between ours',
      {
        env: [
          { name: 'A', value: '1' },
          { name: 'THEIRS', value: 'x' },
          { name: 'B', value: '2' },
        ],
      },
    ],
    [
      'a field of others in our item',
      {
        env: [
          { name: 'A', value: '1', extra: true },
          { name: 'B', value: '2' },
        ],
      },
    ],
    ['a set value of others', { finalizers: ['theirs', 'x'] }],
    ['keys of others in a map that we sent empty', { resources: { limits: { cpu: '1' } } }],
  ])('is not changed by %s', (_name, changed) => {
    expect(hash(changed)).toBe(reference);
  });

  it.each<[string, JsonObject]>([
    ['a value', { replicas: 4 }],
    [
      'a value in an item',
      {
        env: [
          { name: 'A', value: '9' },
          { name: 'B', value: '2' },
        ],
      },
    ],
    ['an item that is gone', { env: [{ name: 'A', value: '1' }] }],
    [
      'the order of our own items',
      {
        env: [
          { name: 'B', value: '2' },
          { name: 'A', value: '1' },
        ],
      },
    ],
    ['a set value that is gone', { finalizers: [] }],
    ['a key added to an atomic map', { selector: { app: 'web', more: 'x' } }],
    ['an empty map that is gone', { resources: null }],
  ])('is changed by %s', (_name, changed) => {
    const value = { ...spec, ...changed };
    if (value['resources'] === null) delete value['resources'];
    expect(ownedBy(live(value, fields), manager, sentEmpty)).not.toBe(reference);
  });

  it('is changed when a path is no longer ours, even with an equal value', () => {
    const { 'f:replicas': _lost, ...rest } = fields;
    expect(hash({}, rest)).not.toBe(reference);
  });

  it('is nothing when our entry is gone', () => {
    expect(ownedBy({ metadata: { managedFields: [] }, spec }, manager, [])).toBeUndefined();
    const update = { metadata: { managedFields: [{ manager, operation: 'Update', fieldsV1: {} }] } };
    expect(ownedBy(update, manager, [])).toBeUndefined();
  });

  it('knows where a manifest holds empty maps and lists, also inside list items', () => {
    const manifest = { spec: { a: {}, b: [], volumes: [{ name: 'tmp', emptyDir: {} }], c: { d: 1 } } };
    expect(pathsSentEmpty(manifest)).toEqual([
      '/f:spec/f:a',
      '/f:spec/f:b',
      '/f:spec/f:volumes/k:{"name":"tmp"}/f:emptyDir',
    ]);
  });
});
