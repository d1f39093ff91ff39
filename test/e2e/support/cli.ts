import { spawn, spawnSync } from 'node:child_process';

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

/** The same beside what else goes on here, such as the Git server that the command asks. */
export function lockstepBeside(args: readonly string[]): Promise<Answer> {
  const child = spawn(process.execPath, ['agent/cli/lockstep.mjs', ...args]);
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk;
  });
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, stdout, stderr })));
}
