import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type FieldSet,
  managedEntries,
  pathsOf,
  shared,
  topPathsOf,
  unionOf,
  without,
} from '../../../diff/field-sets.ts';
import { canonicalJson, type Json } from '../../../diff/json.ts';
import { pathText } from '../../../diff/places.ts';

const web = 'k:{"name":"web"}';
const set: FieldSet = {
  'f:spec': { 'f:replicas': {}, 'f:containers': { [web]: { '.': {}, 'f:image': {} } } },
  'f:metadata': { 'f:finalizers': { 'v:"x"': {} } },
};

describe('a set of fields', () => {
  it('names its paths, and the topmost of them', () => {
    expect(pathsOf(set).map(pathText)).toEqual([
      'spec.replicas',
      'spec.containers[web]',
      'spec.containers[web].image',
      'metadata.finalizers[x]',
    ]);
    expect(topPathsOf(set).map(pathText)).toEqual(['spec.replicas', 'spec.containers[web]', 'metadata.finalizers[x]']);
  });

  it('loses what another one has, and what is in a whole only where that is named', () => {
    expect(without(set, { 'f:spec': { 'f:containers': { [web]: { 'f:image': {} } } } })).toEqual({
      'f:spec': { 'f:replicas': {}, 'f:containers': { [web]: {} } },
      'f:metadata': { 'f:finalizers': { 'v:"x"': {} } },
    });
    expect(without(set, set)).toBeUndefined();
    expect(shared(set, { 'f:spec': { 'f:replicas': {}, 'f:paused': {} } })).toEqual({ 'f:spec': { 'f:replicas': {} } });
    expect(shared(set, { 'f:spec': {} })).toBeUndefined();
  });

  it('holds to the rules of sets', () => {
    const sets = fc.letrec<{ set: FieldSet }>((tie) => ({
      set: fc.oneof(
        { maxDepth: 4 },
        fc.constant<FieldSet>({}),
        fc
          .tuple(fc.boolean(), fc.dictionary(fc.constantFrom('f:a', 'f:b', 'f:c'), tie('set'), { maxKeys: 3 }))
          .map(
            ([member, below]): FieldSet => (member && Object.keys(below).length > 0 ? { '.': {}, ...below } : below),
          ),
      ),
    })).set;
    const paths = (one: FieldSet | undefined): Set<string> =>
      new Set(one === undefined ? [] : pathsOf(one).map((path) => canonicalJson(path as Json)));
    fc.assert(
      fc.property(sets, sets, (a, b) => {
        const [left, right] = [paths(a), paths(b)];
        expect(paths(unionOf(a, b))).toEqual(left.union(right));
        expect(paths(without(a, b))).toEqual(left.difference(right));
        expect(paths(shared(a, b))).toEqual(left.intersection(right));
      }),
      { numRuns: 500 },
    );
  });

  it('is read from an object, those of its subresources left out', () => {
    const entry = { manager: 'a', operation: 'Apply', apiVersion: 'v1', fieldsV1: { 'f:data': {} } };
    const managedFields = [entry, { ...entry, subresource: 'status' }, { manager: 'broken' }];
    expect(managedEntries({ metadata: { managedFields } })).toEqual([
      { manager: 'a', operation: 'Apply', apiVersion: 'v1', fields: { 'f:data': {} } },
    ]);
  });
});
