import { describe, expect, it } from 'vitest';
import { readDelivery } from '../../../../sync/delivery/delivery.ts';
import { parseDuration } from '../../../../sync/delivery/duration.ts';

const delivery = (spec: object, metadata: object = {}) =>
  ({
    apiVersion: 'lockstep.dev/v1alpha1',
    kind: 'Delivery',
    metadata: { name: 'a', namespace: 'b', ...metadata },
    spec,
  }) as never;

describe('a Delivery', () => {
  it.each([
    ['90s', 90_000],
    ['1h30m', 5_400_000],
    ['500ms', 500],
    ['1.5m', 90_000],
    ['99999999h', 365 * 24 * 3_600_000],
  ])('reads %s as %i ms', (text, expected) => {
    expect(parseDuration(text)).toBe(expected);
  });

  it('with a health rule that asks nothing is refused, but never kept from being deleted', () => {
    const spec = {
      source: { url: 'https://git.example.com/shop.git' },
      health: { rules: [{ group: 'example.com', kind: 'Widget', message: '"x"' }] },
    };
    expect(() => readDelivery(delivery(spec))).toThrow(
      'spec.health.rules[0]: it asks for none of progressing, degraded, healthy',
    );
    expect(readDelivery(delivery(spec, { deletionTimestamp: '2026-01-01T00:00:00Z' }))).toMatchObject({
      deleting: true,
      rules: [],
    });
  });

  it.each([
    ['windows', [{ schedule: '61 * * * *', duration: '1h' }]],
    ['windows', [{ schedule: '0 9 * * *', duration: '1h', timeZone: 'Mars/Olympus' }]],
    ['ignore', [{ jsonPointers: ['/metadata'] }]],
  ])('with wrong %s can be deleted', (field, value) => {
    const spec = { source: { url: 'https://git.example.com/shop.git' }, sync: { [field]: value } };
    expect(() => readDelivery(delivery(spec))).toThrow(`spec.sync.${field}[0]`);
    expect(readDelivery(delivery(spec, { deletionTimestamp: '2026-01-01T00:00:00Z' })).deleting).toBe(true);
  });

  it.each([
    ['sync@1', 'sync'],
    ['approve@a/1 plan=abc by=ada', 'approve'],
    ['approve plan=abc by=ada', ''],
    [' approve@1 plan=abc by=ada', ''],
    ['\tapprove@1', ''],
    ['approve@1\n', ''],
    ['Approve@1', ''],
    ['approve@', ''],
    ['@1', ''],
  ])('reads the request %j just as the guard does', (text, verb) => {
    const spec = { source: { url: 'https://git.example.com/shop.git' } };
    const annotations = { 'lockstep.dev/request': text };
    expect(readDelivery(delivery(spec, { annotations })).request?.verb).toBe(verb);
  });

  it('may ask for no time at all where there must be some (F36.2)', () => {
    const spec = {
      source: { url: 'https://git.example.com/shop.git', interval: '0s' },
      health: { deadline: '0s', steady: '0s' },
      rollback: { probation: '0ms' },
    };
    expect(readDelivery(delivery(spec))).toMatchObject({
      interval: 1_000,
      deadline: 1_000,
      steady: 0,
      rollback: { probation: 0 },
    });
  });

  const digest = `sha256:${'a'.repeat(64)}`;
  it.each([
    [{ source: { url: 'https://h/r.git' } }, { ref: 'refs/heads/main', isChartAlone: false }],
    [{ source: { url: 'oci://h/team/app' } }, { ref: 'refs/tags/latest' }],
    [{ source: { url: 'oci://h/team/app', ref: { semver: '1.x', tag: 'a' } } }, { ref: 'semver 1.x' }],
    [{ source: { url: 'oci://h/team/app', ref: { semver: '1.x', digest } } }, { ref: digest }],
    [
      { render: { helm: { repository: 'https://h/c/', chart: 'web', version: '~1.2', secretRef: { name: 's' } } } },
      { url: 'https://h/c', ref: 'web ~1.2', isChartAlone: true, secretName: 's', chart: { name: 'web' } },
    ],
    [
      {
        source: { url: 'https://h/r.git' },
        render: { helm: { repository: 'oci://h/c', chart: 'web', insecure: true } },
      },
      { isChartAlone: false, chart: { repository: 'oci://h/c', version: '', isPlain: true } },
    ],
  ])('has its source from %j', (spec, expected) => {
    expect(readDelivery(delivery(spec))).toMatchObject(expected);
  });

  it.each([
    [{}, 'spec.source is missing'],
    [{ render: { helm: { chart: 'x' } } }, 'chart and version need spec.render.helm.repository'],
    [{ render: { helm: { repository: 'https://h/c' } } }, 'needs spec.render.helm.chart'],
    [{ render: { helm: { repository: 'https://h/c', chart: 'x', version: 'new' } } }, 'is no version or range'],
    [{ render: { helm: { repository: 'https://u:p@h/c', chart: 'x' } } }, 'spec.render.helm.repository'],
    [{ source: { url: 'https://h/r', ref: { digest } } }, 'ref.digest is for artifacts'],
    [{ source: { url: 'oci://h/r', ref: { branch: 'main' } } }, 'spec.source.ref.branch is for repositories of Git'],
    [{ source: { url: 'oci://h/r', requireFastForward: true } }, 'spec.source.requireFastForward is for'],
    [{ source: { url: 'oci://h/r', ref: { tag: 'a/b' } } }, 'is no tag of a registry'],
    [{ source: { url: 'oci://h/r:latest' } }, 'without a tag'],
    [{ source: { url: 'oci://h/UPPER' } }, 'is no repository of a registry'],
  ])('is refused for %j', (spec, problem) => {
    expect(() => readDelivery(delivery(spec))).toThrow(problem);
  });
});
