import { expect, it } from 'vitest';
import { createLog } from '../../../agent/log.ts';

// P10 of the vectors.
it('what the log says steers no terminal, turns no letters round, and stays what it was', () => {
  const lines: string[] = [];
  const text = 'a\u001b[31m\u009b31m\u202eb\u200b\ufeff é 🙂';
  createLog('info', (line) => lines.push(line)).info({ [text]: text, error: new Error(text) }, text);
  const [line = ''] = lines;
  expect(line.slice(0, -1)).not.toMatch(/\p{Cc}|\p{Bidi_Control}|\u200b|\ufeff/u);
  expect(line).toContain('é 🙂');
  expect(JSON.parse(line)).toMatchObject({ msg: text, [text]: text });
});
