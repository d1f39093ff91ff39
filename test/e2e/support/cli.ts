import { spawnSync } from 'node:child_process';
import { bundleEntry } from '../../../deploy/bundle.ts';
import { type Answer, runBeside } from './beside.ts';

/** Runs a `lockstep` command as a person would. */
export function lockstepCommand(args: readonly string[], input = ''): Answer {
  const { status, stdout, stderr } = spawnSync(process.execPath, [bundleEntry, ...args], {
    input,
    encoding: 'utf8',
  });
  return { code: status, stdout, stderr };
}

/** The same beside what else goes on here, such as the Git server that the command asks. */
export function lockstepBeside(args: readonly string[]): Promise<Answer> {
  return runBeside(process.execPath, [bundleEntry, ...args]);
}
