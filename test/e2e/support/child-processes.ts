import { readdirSync, readFileSync } from 'node:fs';

/** The processes that one has started and that are still there, by their ids. */
export function childrenOf(process: number | 'self' = 'self'): string[] {
  return readdirSync(`/proc/${process}/task`).flatMap((thread) =>
    quietly(`/proc/${process}/task/${thread}/children`)
      .split(' ')
      .filter((pid) => pid !== ''),
  );
}

/** What a process runs, with its arguments; empty once it has ended. */
export function programOf(pid: string): string {
  return quietly(`/proc/${pid}/cmdline`);
}

/** What has ended may still be there, until somebody has waited for it. */
export function isRunning(pid: string): boolean {
  return /^State:\s+[^ZX\s]/m.test(quietly(`/proc/${pid}/status`));
}

/** The most memory that a process has had at once, in bytes; undefined for one that has ended. */
export function mostMemoryOf(pid: string): number | undefined {
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(quietly(`/proc/${pid}/status`))?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}

/** What has just ended says nothing. */
function quietly(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
