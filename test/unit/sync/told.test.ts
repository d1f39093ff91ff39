import { describe, expect, it } from 'vitest';
import { cut, inOneLine } from '../../../sync/errors.ts';
import { statusOf } from '../../../sync/status.ts';
import { makeTurn } from './support/turn.ts';

describe('what is told', () => {
  it('has a limit: many messages, a long one, and the worst objects (F36.4)', () => {
    const many = Array.from({ length: 50 }, (_, index) => `problem ${index}`);
    expect(inOneLine(many)).toBe(`${many.slice(0, 20).join('; ')}; and 30 more`);
    expect(inOneLine(['one', 'one', 'two'])).toBe('one; two');
    expect(cut('some words that go on', 12)).toBe('some words …');
    const turn = makeTurn();
    turn.session.sourceTrouble = { reason: 'InvalidManifests', message: 'word '.repeat(5_000), stalled: true };
    const { delivery, session } = turn;
    const status = statusOf(delivery, session, () => undefined, turn.now, {});
    const [ready] = status.conditions ?? [];
    expect(ready?.message.length).toBeLessThanOrEqual(8_000);
    expect(ready?.message.endsWith('…')).toBe(true);
  });
});
