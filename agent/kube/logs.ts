/** Bytes of one log that are read. The API server cuts off its end, where the cause stands: this is above what lines hold. */
const mostBytes = 4 * 1024 * 1024;

/** What is asked for of a container's log: its last lines, of this run or of the one before. */
export function logQuery(container: string, lines: string, previous: boolean): Readonly<Record<string, string>> {
  const run = previous ? { previous: 'true' } : {};
  return { container, tailLines: lines, limitBytes: String(mostBytes), ...run };
}
