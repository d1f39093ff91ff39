import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleEntry, nodeFlags } from '../../../deploy/bundle.ts';
import { ended } from './process.ts';

/** A real agent in a process of its own. */
export interface AgentProcess {
  readonly pid: number;
  /** Resolves when it has ended by itself, or was ended. */
  readonly gone: Promise<void>;
  /** Everything that it wrote so far. */
  output(): string;
  /** Where its API listens: `http://127.0.0.1:40000`. */
  readonly api: string;
  /** Where its probes listen. */
  readonly probes: string;
  /** Resident memory in MiB. */
  rss(): number;
  /** Ends it, politely or not, and answers the exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** Starts an agent as the image has it, and waits until it runs. */
export async function startAgentProcess(
  kubeconfig: string,
  flags: readonly string[] = [],
  environment: Readonly<Record<string, string>> = {},
): Promise<AgentProcess> {
  const dataDir = mkdtempSync(join(tmpdir(), 'lockstep-agent-'));
  const args = [
    ...nodeFlags,
    bundleEntry,
    'agent',
    '--kubeconfig',
    kubeconfig,
    '--data-dir',
    dataDir,
    '--listen',
    '127.0.0.1:0',
    '--probes-listen',
    '127.0.0.1:0',
    ...flags,
  ];
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...environment },
  });
  return watchAgent(child, () => rmSync(dataDir, { recursive: true, force: true }));
}

/**
 * Waits until an agent runs, and follows what it says.
 * @param clear called once it has ended
 */
export async function watchAgent(child: ChildProcess, clear: () => void): Promise<AgentProcess> {
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const chunks: string[] = [];
  child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => chunks.push(chunk.toString()));
  const output = (): string => chunks.join('');
  await running(child, output);
  return {
    pid: child.pid ?? 0,
    gone,
    output,
    api: urlIn(output(), 'the API listens'),
    probes: urlIn(output(), 'the probes listen'),
    rss: () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1] ?? 0) / 1024,
    stop: async (signal = 'SIGTERM') => {
      const code = await ended(child, signal);
      clear();
      return code;
    },
  };
}

function urlIn(output: string, message: string): string {
  const line = output.split('\n').find((one) => one.includes(JSON.stringify(message)));
  return line === undefined ? '' : JSON.parse(line).url;
}

function running(child: ChildProcess, output: () => string): Promise<void> {
  return new Promise((resolve, reject) => {
    const look = (): void => {
      if (!output().includes('"the agent runs"')) return;
      child.stdout?.off('data', look);
      resolve();
    };
    child.stdout?.on('data', look);
    child.once('exit', (code) => reject(new Error(`the agent ended with exit code ${code}: ${output()}`)));
  });
}
