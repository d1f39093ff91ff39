import { describe, expect, it } from 'vitest';
import { table } from '../../../agent/cli/table.ts';
import { printable } from '../../../agent/printable.ts';

describe('what a terminal is shown', () => {
  it('can not steer it: an author who writes escape codes, or turns letters round', () => {
    expect(printable('Ada \u001b[2J\u001b]0;owned\u0007 \u202egnp.exe\u009b1m')).toBe(
      'Ada \\u001b[2J\\u001b]0;owned\\u0007 \\u202egnp.exe\\u009b1m',
    );
    expect(printable('zwei\n Zeilen, ein Gruß 🙂')).toBe('zwei\n Zeilen, ein Gruß 🙂');
  });

  it('stays in its row and column', () => {
    expect(
      table([
        ['A', 'B'],
        ['a\nb', 'c\r'],
        ['long one', 'd'],
      ]),
    ).toBe('A         B\na b       c\\u000d\nlong one  d\n');
  });
});
