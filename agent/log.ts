import { type Logger, pino } from 'pino';
import { maskValue } from './mask.ts';
import { printable } from './printable.ts';

export type { Logger };

/**
 * A logger that writes one JSON line per entry to a stream. Registered secrets never reach it, nor do letters that would
 * steer a terminal: JSON writes the old ones of them as codes, the others are written so here.
 */
export function createLog(level: string, write: (line: string) => void): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (name) => ({ level: name }) },
      hooks: {
        logMethod(entry, method) {
          method.apply(this, maskValue(entry));
        },
      },
      redact: ['*.data', '*.stringData', 'headers.authorization', '*.authorization', '*.token', '*.password'],
    },
    { write: (line: string) => write(printable(line)) },
  );
}
