import { spawn } from 'node:child_process';

/** What a command answered. */
export interface Answer {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a program came to. */
export interface Ended extends Answer {
  /** Both, in the order in which they came. */
  readonly output: string;
}

/** Runs a program beside what else goes on here, such as the Git server that it asks, and keeps what it says. */
export function runBeside(
  program: string,
  args: readonly string[],
  { cwd, env, input }: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv; readonly input?: string } = {},
): Promise<Ended> {
  const child = spawn(program, args, { ...(cwd === undefined ? {} : { cwd }), ...(env === undefined ? {} : { env }) });
  let [stdout, stderr, output] = ['', '', ''];
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk;
    output += chunk;
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk;
    output += chunk;
  });
  child.stdin.end(input);
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, stdout, stderr, output })));
}
