import { spawnSync } from 'node:child_process';

/** What a command answered. */
export interface Answer {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a `lockstep` command as a person would. */
export function lockstepCommand(args: readonly string[], input = ''): Answer {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['agent/cli/lockstep.mjs', ...args], {
    input,
    encoding: 'utf8',
  });
  return { code: status, stdout, stderr };
}
