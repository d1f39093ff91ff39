import { describe, expect, it } from 'vitest';
import { typedValue } from '../../../../sync/render/typed-value.ts';

// As strvals.typedVal of Helm has it.
describe('a value of a chart that is given as a text', () => {
  it.each([
    ['true', true],
    ['False', false],
    ['NULL', null],
    ['0', 0],
    ['-5', -5],
    ['+5', 5],
    ['-05', -5],
    ['9007199254740993', 9007199254740993n],
    ['9223372036854775807', 9223372036854775807n],
    ['-9223372036854775808', -9223372036854775808n],
  ])('%s is read as what it says', (text, value) => {
    expect(typedValue(text)).toBe(value);
  });

  it('of a million digits is a text at once', () => {
    const began = performance.now();
    for (let count = 0; count < 20; count += 1) expect(typedValue('1'.repeat(1_000_000))).toHaveLength(1_000_000);
    expect(performance.now() - began).toBeLessThan(1_000);
  });

  it.each(['', '00', '05', '1.5', '1e3', ' 1', '0x10', '-', '9223372036854775808', 'yes', '1_000'])(
    '%j stays a text',
    (text) => {
      expect(typedValue(text)).toBe(text);
    },
  );
});
