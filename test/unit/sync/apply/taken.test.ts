import { describe, expect, it } from 'vitest';
import { allTaken, type Taken } from '../../../../sync/apply/taken.ts';

/** That a tool's fields of `data` were taken. */
function taken(manager: string, data: Readonly<Record<string, string>>): Taken {
  const names = Object.keys(data);
  return {
    manager,
    operation: 'Update',
    apiVersion: 'v1',
    fields: { 'f:data': Object.fromEntries(names.map((name) => [`f:${name}`, {}])) },
    places: names.map((name) => ({ path: ['data', name], value: data[name] ?? '' })),
  };
}

describe('all that was taken of an object', () => {
  it('stays the same however often it is noted: by a release, its rollback, and those after it', () => {
    const once = allTaken([taken('kubectl-set', { color: 'red' })]).taken;
    let all = once;
    for (let round = 0; round < 20; round += 1) all = allTaken(all, all).taken;
    expect(all).toEqual(once);
  });

  it('is what was there before the first time, with what came later beside it', () => {
    const first = [taken('kubectl-set', { color: 'red' })];
    const later = [taken('kubectl-set', { color: 'green', size: 'large' }), taken('kubectl-edit', { color: 'blue' })];
    expect(allTaken(first, later).taken).toEqual([
      ...first,
      taken('kubectl-set', { size: 'large' }),
      taken('kubectl-edit', { color: 'red' }),
    ]);
    expect(allTaken(undefined, undefined)).toEqual({});
  });
});
