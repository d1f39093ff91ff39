import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { buildControlPlane } from './build.ts';

/** A running control plane: a real API server with etcd, controllers, scheduler and simulated kubelets. */
export interface ControlPlane {
  readonly server: string;
  /** The admin's kubeconfig. */
  readonly kubeconfig: string;
  /** Kubeconfigs by user: admin, reader, nobody, and certified, who logs in with a client certificate. */
  readonly users: Readonly<Record<string, string>>;
  readonly auditLog: string;
  /** Seconds from start to ready. */
  readonly seconds: number;
  stop(): Promise<void>;
}

/** How a control plane is started. */
export interface ControlPlaneOptions {
  /** The folder for its data; a temporary one, removed at the end, when absent. */
  readonly dir?: string;
  readonly port?: number;
  readonly nodes?: number;
  readonly say?: (line: string) => void;
}

/** Starts a control plane that ends with this process, however this process ends. */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const binary = await buildControlPlane(options.say ?? ((line) => process.stderr.write(`${line}\n`)));
  const dir = options.dir ?? mkdtempSync(join(tmpdir(), 'lockstep-cluster-'));
  const flags = [
    'up',
    '--dir',
    dir,
    '--leash',
    '--port',
    String(options.port ?? 0),
    '--nodes',
    String(options.nodes ?? 2),
  ];
  const child = spawn(binary, flags, { stdio: ['pipe', 'pipe', 'inherit'] });
  const ready = await firstLine(child);
  const facts: Omit<ControlPlane, 'stop'> = JSON.parse(ready);
  return {
    ...facts,
    stop: async () => {
      await ended(child, () => child.stdin?.end());
      if (options.dir === undefined) rmSync(dir, { recursive: true, force: true });
    },
  };
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    if (child.stdout === null) return reject(new Error('no standard output'));
    createInterface({ input: child.stdout }).once('line', resolve);
    child.once('error', reject);
    child.once('exit', (code) =>
      reject(new Error(`the control plane ended with exit code ${code} before it was ready`)),
    );
  });
}

function ended(child: ChildProcess, end: () => void): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    end();
  });
}
