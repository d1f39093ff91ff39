import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { objectsAt } from '../../../diff/json.ts';
import {
  goingOn,
  type Measurement,
  type Metric,
  measuredIn,
  metricText,
  newRun,
  phaseOf,
  type Run,
  weighed,
} from '../../../health/analysis.ts';
import { readDelivery } from '../../../sync/delivery/delivery.ts';
import { parseYaml } from '../../../sync/render/yaml.ts';
import type { KubeObject } from '../../../sync/types.ts';

const prometheus = { address: 'http://prometheus:9090', query: 'up' };

/** The metrics of a Delivery, as its spec has them. */
function metrics(analysis: object[], bake = '0s'): readonly Metric[] {
  const object: unknown = {
    apiVersion: 'lockstep.dev/v1alpha1',
    kind: 'Delivery',
    metadata: { name: 'app', namespace: 'shop', uid: 'u' },
    spec: { source: { url: 'https://git.example.com/shop' }, health: { analysis, bake } },
  };
  return readDelivery(object as KubeObject).analysis;
}

function metric(fields: object = {}, bake?: string): Metric {
  const [only] = metrics([{ name: 'errors', prometheus, successCondition: 'value < 1', ...fields }], bake);
  if (only === undefined) throw new Error('no metric');
  return only;
}

function runOf(...outcomes: Measurement['outcome'][]): Run {
  return outcomes.reduce((run, outcome, index) => measuredIn(run, { outcome, message: '0.5' }, index), newRun);
}

describe('a metric', () => {
  it('is written as the how-to says', () => {
    const page = readFileSync('docs/how-to/analysis.md', 'utf8');
    const [, text = ''] = /```yaml\n([\s\S]*?)```/.exec(page) ?? [];
    const [found] = parseYaml(text);
    const analysis = objectsAt(found, 'spec', 'health', 'analysis');
    expect(metrics(analysis, '2m').map(({ name, check: { by }, count }) => `${name} ${by} ${count}`)).toEqual([
      'errors prometheus 4',
      'checkout web 1',
      'smoke job 1',
    ]);
  });

  it.each([
    ['one measurement without an interval', {}, ['Successful'], 'Successful'],
    ['a failure', {}, ['Failed'], 'Failed'],
    ['failures that are let pass', { interval: '1s', count: 3, failureLimit: 1 }, ['Failed', 'Successful'], 'Running'],
    ['one more than are let pass', { interval: '1s', count: 3, failureLimit: 1 }, ['Failed', 'Failed'], 'Failed'],
    ['as many as asked for', { interval: '1s', count: 2 }, ['Successful', 'Successful'], 'Successful'],
    ['what is inconclusive', {}, ['Inconclusive'], 'Inconclusive'],
    ['no data', {}, ['NoData'], 'Inconclusive'],
    ['no data, that counts as a failure', { noData: 'Failed' }, ['NoData'], 'Failed'],
    ['no data, that counts as a success', { noData: 'Successful' }, ['NoData'], 'Successful'],
    ['no data, let pass', { interval: '1s', count: 3, inconclusiveLimit: 1 }, ['NoData'], 'Running'],
    ['an error, that says nothing', {}, ['Error', 'Error', 'Error', 'Error'], 'Running'],
    ['errors in a row', {}, ['Error', 'Error', 'Error', 'Error', 'Error'], 'Error'],
    ['errors with a measurement between', {}, ['Error', 'Error', 'Error', 'Successful', 'Error'], 'Successful'],
    ['an error that is not let pass', { consecutiveErrorLimit: 0 }, ['Error'], 'Error'],
    ['a failure beside errors', { consecutiveErrorLimit: 0 }, ['Failed', 'Error'], 'Failed'],
  ] as const)('%s', (_what, fields, outcomes, phase) => {
    expect(phaseOf(runOf(...outcomes), metric(fields), false)).toBe(phase);
  });

  it('without a count lasts as long as the release is watched, and must have been measured', () => {
    const open = metric({ interval: '5s' }, '1m');
    expect(phaseOf(runOf('Successful', 'Successful'), open, false)).toBe('Running');
    expect(phaseOf(runOf('Successful', 'Successful'), open, true)).toBe('Successful');
    expect(phaseOf(runOf('Error'), open, true)).toBe('Running');
  });

  it('keeps its last ten measurements, and what it told of all of them', () => {
    const run = runOf(...Array.from({ length: 12 }, () => 'Successful' as const), 'NoData');
    expect(run.last).toHaveLength(10);
    expect(run.last[0]).toEqual({ outcome: 'NoData', message: '0.5', at: 12 });
    expect(metricText(metric({ interval: '1s', count: 20 }), run)).toBe(
      'analysis errors: 0.5; 12 successful, 1 without data of 20',
    );
    expect(metricText(metric(), newRun)).toBe('analysis errors: not measured yet');
  });

  it('goes on after a pause with what it knows, and without what said nothing', () => {
    const run = goingOn(runOf('Failed', 'NoData', 'Inconclusive', 'Error'));
    expect(run).toMatchObject({ counts: { Failed: 1, NoData: 0, Inconclusive: 0, Error: 0 }, errorsInARow: 0 });
    // What counts as a failure is one, also when nothing was found.
    expect(goingOn(runOf('NoData', 'Error'), 'Failed').counts).toMatchObject({ NoData: 1, Error: 0 });
  });

  it('keeps no more of a message than people read', () => {
    const run = measuredIn(newRun, { outcome: 'Error', message: 'x'.repeat(5_000) }, 0);
    expect(run.last[0]?.message).toHaveLength(500);
  });

  it.each([
    [{ successCondition: 'x' }, { successCondition: true }, 'Successful', '3'],
    [{ successCondition: 'x' }, { successCondition: false }, 'Failed', '3: not x'],
    [{ successCondition: undefined, failureCondition: 'y' }, { failureCondition: true }, 'Failed', '3: y'],
    [{ successCondition: undefined, failureCondition: 'y' }, { failureCondition: false }, 'Successful', '3'],
    [
      { successCondition: 'x', failureCondition: 'y' },
      { successCondition: false, failureCondition: false },
      'Inconclusive',
      '3: neither x nor y',
    ],
    [
      { successCondition: 'x', failureCondition: 'y' },
      { successCondition: true, failureCondition: true },
      'Failed',
      '3: y',
    ],
    [{ successCondition: 'x' }, { successCondition: 'text' }, 'Error', '3: successCondition comes to no true or false'],
  ] as const)('by the conditions %j and answers %j is %s', (conditions, values, outcome, message) => {
    const answers = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { value }]));
    expect(weighed(metric(conditions), answers, { values: {}, told: '3' })).toEqual({ outcome, message });
  });

  it.each([
    [[{ name: 'a' }], 'it needs one of prometheus, web and job'],
    [[{ name: 'a', prometheus, job: { spec: {} } }], 'it needs one of prometheus, web and job'],
    [[{ name: 'a', prometheus }], 'it needs a successCondition or a failureCondition'],
    [[{ name: 'a', job: { spec: {} }, successCondition: 'true' }], 'a Job succeeds or fails by itself'],
    [[{ name: 'a', web: { url: 'https://a' }, count: 2 }], 'more than one measurement needs an interval'],
    [[{ name: 'a', web: { url: 'https://a' }, interval: '5s' }], 'an interval needs a count, or spec.health.bake'],
    [[{ name: 'a', web: { url: 'ftp://a' } }], 'web.url is no http or https URL'],
    [[{ name: 'a', web: { url: 'https://me:secret@a' } }], 'web.url must not hold a user or password'],
    [
      [{ name: 'a', web: { url: 'https://a', headers: [{ name: 'Cookie', value: 'x' }] } }],
      'headers: Cookie belongs into spec.health.analysis[0].web.secretRef',
    ],
    [
      [
        { name: 'a', web: { url: 'https://a' } },
        { name: 'a', web: { url: 'https://b' } },
      ],
      'spec.health.analysis[1]: the name a is there twice',
    ],
  ])('as %j is refused', (analysis, problem) => {
    expect(() => metrics(analysis)).toThrow(problem);
  });
});
