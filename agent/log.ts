import { type Logger, pino } from 'pino';
import { maskValue } from './mask.ts';

export type { Logger };

/** A logger that writes one JSON line per entry to a stream; registered secrets never reach it. */
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
    { write },
  );
}
