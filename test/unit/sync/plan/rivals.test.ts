import { describe, expect, it } from 'vitest';
import { leavingHolders, rivalsOf } from '../../../../sync/plan/rivals.ts';
import type { Entry } from '../../../../sync/release/record.ts';
import { object } from '../support/objects.ts';
import { entryOf } from '../support/records.ts';

const first = { 'lockstep.dev/prune': 'first' };
const service = (name: string, nodePort: number | undefined, annotations = {}) =>
  entryOf(object('Service', name, { annotations, spec: { ports: [{ port: 80, ...(nodePort && { nodePort }) }] } }));
function scaler(name: string, of: string): Entry {
  const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: of };
  const manifest = {
    ...object('HorizontalPodAutoscaler', name, { spec: { scaleTargetRef } }),
    apiVersion: 'autoscaling/v2',
  };
  return entryOf(manifest);
}
const rivals = (comes: Entry, leaves: Entry) =>
  rivalsOf(comes, leavingHolders(new Map([[leaves.key, { ...leaves, removed: true }]])));

describe('an object that only one can be of', () => {
  it.each([
    [
      'a port of all nodes',
      service('new', 31_000),
      service('old', 31_000),
      /^Service \S*old, which leaves, has nodePort 31000: /,
    ],
    [
      'a workload to scale',
      scaler('new', 'web'),
      scaler('old', 'web'),
      /old, which leaves, has the count of Deployment\/\S*web: /,
    ],
  ])('names who holds %s and leaves', (_what, comes, leaves, expected) => {
    expect(rivals(comes, leaves)).toEqual([expect.stringMatching(expected)]);
  });

  it.each([
    ['another port', service('new', 31_000), service('old', 31_001)],
    ['a port that the server chooses', service('new', undefined), service('old', undefined)],
    ['another workload', scaler('new', 'web'), scaler('old', 'api')],
    ['a place that is left before', service('new', 31_000), service('old', 31_000, first)],
  ])('names nobody for %s', (_what, comes, leaves) => {
    expect(rivals(comes, leaves)).toEqual([]);
  });

  it('names nobody who stays', () => {
    const stays = service('old', 31_000);
    expect(rivalsOf(service('new', 31_000), leavingHolders(new Map([[stays.key, stays]])))).toEqual([]);
  });
});
