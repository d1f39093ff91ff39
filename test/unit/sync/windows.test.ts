import { describe, expect, it } from 'vitest';
import { readDelivery } from '../../../sync/delivery/delivery.ts';
import type { KubeObject } from '../../../sync/types.ts';
import { closedBy, type Window } from '../../../sync/windows.ts';

const hour = 3_600_000;

function window(fields: Partial<Window> = {}): Window {
  return { kind: 'allow', schedule: '0 9 * * 1-5', duration: 8 * hour, timeZone: 'UTC', manualSync: false, ...fields };
}

/** What closes windows at a time: `open`, or until when. */
function at(time: string, ...windows: Window[]): string {
  const closed = closedBy(windows, Date.parse(time));
  return closed === undefined ? 'open' : new Date(closed.until).toISOString().slice(0, 16);
}

describe('windows', () => {
  it('without any, releases start whenever they like', () => expect(at('2026-11-27T03:00Z')).toBe('open'));

  it.each([
    // A Friday.
    ['2026-11-27T08:59Z', '2026-11-27T09:00'],
    ['2026-11-27T09:00Z', 'open'],
    ['2026-11-27T16:59Z', 'open'],
    ['2026-11-27T17:00Z', '2026-11-28T17:00'],
    ['2026-11-29T12:00Z', '2026-11-30T09:00'],
  ])('that allow: at %s it is %s', (time, expected) => expect(at(time, window())).toBe(expected));

  it('that deny are stronger than those that allow, and each is told by what ends it', () => {
    const freeze = window({ kind: 'deny', schedule: '0 12 * * *', duration: hour });
    expect(at('2026-11-27T12:30Z', window(), freeze)).toBe('2026-11-27T13:00');
    expect(at('2026-11-27T13:00Z', window(), freeze)).toBe('open');
    expect(closedBy([window(), freeze], Date.parse('2026-11-27T12:30Z'))?.by).toBe(freeze);
    // Outside of what allows it opens with that; inside of what denies it is looked at when that ends.
    expect(at('2026-11-27T12:30Z', freeze)).toBe('2026-11-27T13:00');
    expect(at('2026-11-27T14:00Z', freeze)).toBe('open');
  });

  it('follow the clocks of their place, in summer and in winter', () => {
    const berlin = window({ timeZone: 'Europe/Berlin' });
    expect(at('2026-07-03T06:59Z', berlin)).toBe('2026-07-03T07:00');
    expect(at('2026-11-27T07:59Z', berlin)).toBe('2026-11-27T08:00');
    // The night in which 2:30 is not there: it opens all the same.
    const night = window({ timeZone: 'Europe/Berlin', schedule: '30 2 * * *', duration: hour });
    expect(at('2026-03-29T01:35Z', night)).toBe('open');
  });

  it('last beyond midnight, and over each other', () => {
    const nights = window({ schedule: '0 22 * * 1-5', duration: 8 * hour });
    expect(at('2026-11-28T05:59Z', nights)).toBe('open');
    expect(at('2026-11-28T06:00Z', nights)).toBe('2026-11-29T06:00');
    const always = window({ kind: 'deny', schedule: '* * * * *', duration: hour });
    expect(at('2026-11-27T12:30Z', always)).not.toBe('open');
  });

  it('let a person through where all that are in the way say so', () => {
    const closed = (...windows: Window[]) => closedBy(windows, Date.parse('2026-11-29T12:00Z'))?.mayByHand;
    expect(closed(window())).toBe(false);
    expect(closed(window({ manualSync: true }))).toBe(true);
    expect(closed(window({ manualSync: true }), window())).toBe(false);
    const deny = window({ kind: 'deny', schedule: '0 0 * * 0', duration: 24 * hour });
    expect(closed(window({ manualSync: true }), deny)).toBe(false);
    expect(closed(window(), { ...deny, manualSync: true })).toBe(false);
    expect(closed(window({ manualSync: true }), { ...deny, manualSync: true })).toBe(true);
  });

  it.each([
    [{ schedule: '61 * * * *' }, 'schedule "61 * * * *": Invalid value for minute: 61'],
    [{ schedule: '0 9 * *' }, 'schedule "0 9 * *": invalid configuration format'],
    [{ schedule: '* * * * * *' }, 'requires exactly 5 parts'],
    [{ schedule: '0 0 31 2 *' }, 'has no time'],
    [{ timeZone: 'Mars/Olympus' }, 'timeZone "Mars/Olympus" is not known, such as Europe/Berlin is'],
    [{ duration: '10s' }, 'duration is less than a minute'],
  ])('written as %j are refused', (fields, problem) => {
    const spec = {
      source: { url: 'https://git.example.com/shop' },
      sync: {
        windows: [
          { schedule: '0 9 * * *', duration: '8h' },
          { schedule: '0 9 * * *', duration: '8h', ...fields },
        ],
      },
    };
    const object: unknown = { apiVersion: 'v1', kind: 'Delivery', metadata: { name: 'a', namespace: 'b' }, spec };
    expect(() => readDelivery(object as KubeObject)).toThrow(problem);
    expect(() => readDelivery(object as KubeObject)).toThrow('spec.sync.windows[1]');
  });
});
