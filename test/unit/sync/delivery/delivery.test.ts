import { describe, expect, it } from 'vitest';
import { parseDuration } from '../../../../sync/delivery/duration.ts';
import { unbuiltFields } from '../../../../sync/delivery/unbuilt.ts';

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

  it('refuses what is not built yet, and takes its defaults', () => {
    expect(
      unbuiltFields({
        source: { url: 'x' },
        rollback: { mode: 'auto', probation: '60s' },
        sync: { ignore: [] },
        history: 10,
      }),
    ).toEqual([]);
    expect(
      unbuiltFields({
        source: { ref: { tag: 'v1' } },
        sync: { approval: 'required' },
        rollback: { mode: 'off' },
        render: { helm: {} },
      }),
    ).toEqual(['spec.source.ref.tag', 'spec.render.helm', 'spec.sync.approval']);
  });
});
