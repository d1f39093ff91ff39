import { describe, expect, it } from 'vitest';
import { asLive, fieldsAt, isNameless, ownedPlaces, pointedAt, pointerParts } from '../../../diff/ignore.ts';

const manifest = {
  spec: {
    replicas: 3,
    containers: [
      { name: 'web', image: 'web:1', args: ['a', 'b'], ports: [{ containerPort: 80 }] },
      { name: 'side', image: 'side:1' },
    ],
  },
  data: { 'a/b': '1', 'c~d': '2' },
};

describe('a JSON pointer', () => {
  it('is read as RFC 6901 has it', () => {
    expect(pointerParts('/data/a~1b')).toEqual(['data', 'a/b']);
    expect(pointerParts('/data/c~0d')).toEqual(['data', 'c~d']);
    expect(pointerParts('/data/~01')).toEqual(['data', '~1']);
    expect(['', 'spec', '/a~2', '/a~'].map(pointerParts)).toEqual([undefined, undefined, undefined, undefined]);
  });

  it('is read in time that grows with its length only (P8)', () => {
    const before = performance.now();
    expect(pointerParts(`${'/a'.repeat(500)}/~`)).toBeUndefined();
    expect(pointerParts('/'.repeat(1_000))).toHaveLength(1_000);
    expect(performance.now() - before).toBeLessThan(100);
  });

  it('names places, items of lists by their names, and none where there is nothing', () => {
    expect(pointedAt(manifest, ['/spec/replicas', '/data/a~1b', '/spec/paused', '/spec/replicas/x'])).toEqual([
      ['spec', 'replicas'],
      ['data', 'a/b'],
    ]);
    expect(pointedAt(manifest, ['/spec/containers/1/image'])).toEqual([
      ['spec', 'containers', { name: 'side' }, 'image'],
    ]);
    expect(pointedAt(manifest, ['/spec/containers/*/image'])).toHaveLength(2);
    expect(pointedAt(manifest, ['/spec/containers/2/image', '/spec/containers/web/image'])).toEqual([]);
  });

  it('into a list whose items have no names is told apart', () => {
    expect(isNameless(manifest, '/spec/containers/0/args/0')).toBe(true);
    expect(isNameless(manifest, '/spec/containers/0/args')).toBe(false);
    expect(isNameless(manifest, '/spec/containers/0/args/7')).toBe(false);
    expect(isNameless(manifest, '/spec/containers/0/image')).toBe(false);
  });
});

describe('fields that are left alone', () => {
  const owned = {
    'f:spec': {
      'f:replicas': {},
      'f:containers': {
        'k:{"name":"web"}': {
          '.': {},
          'f:name': {},
          'f:image': {},
          'f:ports': { 'k:{"containerPort":80,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {} } },
        },
        'k:{"name":"side"}': { '.': {}, 'f:name': {}, 'f:image': {} },
      },
    },
  };

  it('are found in what somebody owns, also where the manifest has them no more', () => {
    expect(fieldsAt(owned, manifest, ['/spec/replicas'])).toEqual([{ 'f:spec': { 'f:replicas': {} } }]);
    expect(fieldsAt(owned, { data: {} }, ['/spec/replicas'])).toEqual([{ 'f:spec': { 'f:replicas': {} } }]);
    expect(fieldsAt(owned, manifest, ['/spec/containers/1/image'])).toEqual([
      { 'f:spec': { 'f:containers': { 'k:{"name":"side"}': { 'f:image': {} } } } },
    ]);
    const all = fieldsAt(owned, manifest, ['/spec/containers/*/image']);
    expect(JSON.stringify(all)).toContain('web');
    expect(JSON.stringify(all)).toContain('side');
    expect(fieldsAt(owned, manifest, ['/spec/paused', '/spec/containers/5/image'])).toEqual([]);
  });

  it('of another manager are the places of the manifest that it owns, but for the names of items', () => {
    expect(ownedPlaces(manifest, owned)).toEqual([
      ['spec', 'replicas'],
      ['spec', 'containers', { name: 'web' }, 'image'],
      ['spec', 'containers', { name: 'side' }, 'image'],
    ]);
    expect(ownedPlaces(manifest, { 'f:spec': { 'f:paused': {} } })).toEqual([]);
  });

  it('may be many of one map: that takes no longer for each', () => {
    const names = Array.from({ length: 10_000 }, (_, index) => `key-${index}`);
    const data = Object.fromEntries(names.map((name) => [name, 'git']));
    const live = { data: Object.fromEntries(names.map((name) => [name, 'live'])) };
    const before = performance.now();
    const all = names.map((name) => ['data', name]);
    expect(asLive({ data, kept: 1 }, live, all)).toEqual({ ...live, kept: 1 });
    expect(performance.now() - before).toBeLessThan(500);
  });

  it('have the values of the live object, and none where it has none', () => {
    const live = { spec: { replicas: 7, containers: [{ name: 'side', image: 'side:9' }] } };
    const places = pointedAt(manifest, ['/spec/replicas', '/spec/containers/1/image', '/data/a~1b']);
    expect(asLive(manifest, live, places)).toEqual({
      spec: { replicas: 7, containers: [manifest.spec.containers[0], { name: 'side', image: 'side:9' }] },
      data: { 'c~d': '2' },
    });
  });
});
