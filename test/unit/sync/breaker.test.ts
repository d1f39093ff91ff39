import { describe, expect, it } from 'vitest';
import { createBreaker, sharedBy } from '../../../sync/breaker.ts';

const pull = (image: string, why: string) => ({
  reason: 'ErrImagePull',
  message: `Deployment a/web: pod web-1: container main: ErrImagePull: failed to pull image "${image}": ${why}`,
});
const down = pull('registry.example.com/shop:2', 'dial tcp 10.0.0.1:443: i/o timeout');
const namespaces = (count: number) => new Set(Array.from({ length: count }, (_, index) => `n${index}`));

describe('what a failure points at', () => {
  it.each([
    ['the registry registry.example.com', down],
    ['the registry docker.io', pull('shop:2', '429 Too Many Requests')],
    ['the registry docker.io', pull('library/shop:2', 'no such host')],
    ['the registry localhost:5000', pull('localhost:5000/shop', 'connection refused')],
    [
      'the webhook policy.example.com',
      { reason: 'FailedCreate', message: 'failed calling webhook "policy.example.com": timeout' },
    ],
    ['nodes that take no pods', { reason: 'Unschedulable', message: '0/3 nodes are available' }],
    ['a cluster in which nothing goes on', { reason: 'ProgressDeadlineExceeded', message: 'no progress in time' }],
    [undefined, pull('registry.example.com/shop:2', 'not found')],
    [undefined, pull('registry.example.com/shop:2', 'manifest unknown')],
    [undefined, pull('registry.example.com/build-503/timeout:1.502.0', 'not found')],
    [undefined, { reason: 'ErrImagePull', message: 'pod web-1: registry.example.com/timeout/x509:1.502.0: not found' }],
    [
      'the registry docker.io',
      pull('shop:2', 'unexpected status code https://registry-1.docker.io/v2/: 503 Service Unavailable'),
    ],
    [undefined, { reason: 'CrashLoopBackOff', message: 'exit code 1, timeout' }],
    [undefined, { reason: 'AnalysisFailed', message: 'analysis errors: 0.3' }],
  ])('%s', (shared, cause) => expect(sharedBy(cause)).toBe(shared));
});

describe('the circuit breaker', () => {
  /** Fails Deliveries one after the other; answers which of them are withheld. */
  function failing(deliveries: readonly string[], served: number, cause = down) {
    const breaker = createBreaker();
    return deliveries.map((name, index) => {
      const [namespace = ''] = name.split('/');
      return breaker.withholds({ uid: name, namespace, cause }, namespaces(served), index) !== undefined;
    });
  }

  it('opens at the fifth Delivery, in the third namespace', () => {
    const all = ['n0/a', 'n0/b', 'n1/a', 'n1/b', 'n2/a', 'n2/b'];
    expect(failing(all, 6)).toEqual([false, false, false, false, true, true]);
  });

  it('never by one app, however often it fails, nor by one namespace, however many it has', () => {
    expect(
      failing(
        Array.from({ length: 50 }, () => 'n0/a'),
        1,
      ),
    ).not.toContain(true);
    expect(
      failing(
        Array.from({ length: 50 }, (_, index) => `n0/${index}`),
        1,
      ),
    ).not.toContain(true);
    expect(
      failing(
        Array.from({ length: 50 }, (_, index) => `n${index % 2}/${index}`),
        2,
      ),
    ).not.toContain(true);
  });

  it('not by a few of many: nearly a third of the namespaces must fail', () => {
    const all = ['n0/a', 'n0/b', 'n1/a', 'n1/b', 'n2/a'];
    expect(failing(all, 10)).toContain(true);
    expect(failing(all, 11)).not.toContain(true);
  });

  it('not by what each has done to itself', () => {
    const all = Array.from({ length: 20 }, (_, index) => `n${index}/a`);
    expect(failing(all, 20, pull('registry.example.com/shop:2', 'not found'))).not.toContain(true);
  });

  it('tells causes apart, and closes when five minutes pass without it', () => {
    const breaker = createBreaker();
    const served = namespaces(3);
    const fail = (uid: number, at: number, cause = down) =>
      breaker.withholds({ uid: `${uid}`, namespace: `n${uid % 3}`, cause }, served, at);
    for (let uid = 0; uid < 4; uid += 1) fail(uid, 0);
    expect(fail(4, 0, { reason: 'Unschedulable', message: 'no nodes' })).toBeUndefined();
    expect(fail(4, 1_000)).toBe(
      '5 Deliveries fail because of the registry registry.example.com: nothing is rolled back for that for half an hour',
    );
    expect(breaker.open(served, 2_000)).toEqual(['the registry registry.example.com']);
    expect(breaker.open(served, 300_000)).toEqual([]);
    expect(fail(5, 301_500)).toBeUndefined();
  });

  it('withholds no verdict for longer than half an hour: the releases themselves may have brought it', () => {
    const breaker = createBreaker();
    const failAll = (at: number) =>
      [0, 1, 2, 3, 4, 5].map((uid) =>
        breaker.withholds({ uid: `${uid}`, namespace: `n${uid % 3}`, cause: down }, namespaces(3), at),
      );
    const minute = 60_000;
    for (let at = 0; at < 30 * minute; at += minute) failAll(at);
    expect(failAll(30 * minute)).toEqual(Array.from({ length: 6 }, () => undefined));
  });
});
