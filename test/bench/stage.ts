import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { follow } from '../../agent/kube/watch.ts';
import { bundle, bundleEntry, nodeFlags } from '../../deploy/bundle.ts';
import { textAt } from '../../diff/json.ts';
import type { KubeObject } from '../../sync/types.ts';
import { startControlPlane } from '../cluster/control-plane.ts';
import { type AgentProcess, watchAgent } from '../e2e/support/agent.ts';
import { deliveryOf, deliveryRef, installLockstep, makeNamespace } from '../e2e/support/furnish.ts';
import { type GitServer, type Repository, startGitServer } from '../e2e/support/git-server.ts';
import { makeHookSecrets, pushHook, receives } from '../e2e/support/github.ts';
import { connect, type Kube, until } from '../e2e/support/kube.ts';
import { configMap, deployment } from '../e2e/support/manifests.ts';
import { say } from './figure.ts';

/** Everything real that a benchmark runs against. */
export interface Stage {
  readonly kube: Kube;
  readonly git: GitServer;
  readonly kubeconfig: string;
  readonly auditLog: string;
  close(): Promise<void>;
}

const hookSecret = 'bench-webhook-secret';

export async function openStage(): Promise<Stage> {
  await bundle();
  const plane = await startControlPlane({ say });
  const kube = await connect(plane.kubeconfig);
  await installLockstep(kube);
  await makeHookSecrets(kube, 'lockstep-webhooks', { github: hookSecret });
  const git = await startGitServer();
  return {
    kube,
    git,
    kubeconfig: plane.kubeconfig,
    auditLog: plane.auditLog,
    close: async () => {
      await git.close();
      await kube.close();
      await plane.stop();
    },
  };
}

/** Starts the bundle, serving one namespace, and waits until it runs and takes webhooks. */
export async function startBundle(
  stage: Stage,
  namespace: string,
  level = 'info',
  more: readonly string[] = [],
): Promise<AgentProcess> {
  const dataDir = mkdtempSync(join(tmpdir(), 'lockstep-bench-'));
  const flags = ['--kubeconfig', stage.kubeconfig, '--data-dir', dataDir, '--watch-namespaces', namespace];
  const listen = ['--listen', '127.0.0.1:0', '--probes-listen', '127.0.0.1:0', '--log-level', level];
  const child = spawn(process.execPath, [...nodeFlags, bundleEntry, 'agent', ...flags, ...listen, ...more], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_ENV: 'production' },
  });
  const agent = await watchAgent(child, () => rmSync(dataDir, { recursive: true, force: true }));
  await receives(agent.api);
  return agent;
}

/** An application of some size: half ConfigMaps, half Deployments without replicas. */
export interface BenchApp {
  readonly namespace: string;
  readonly repository: Repository;
  readonly size: number;
}

/** The files of an application, a hundred to a folder. */
export function filesOf(size: number): Record<string, string> {
  return Object.fromEntries(
    Array.from({ length: size }, (_, n) => {
      const text = n % 2 === 0 ? configMap(`o${n}`, { index: String(n) }) : deployment(`o${n}`, { replicas: 0 });
      return [`app/f${Math.floor(n / 100)}/o${n}.yaml`, text];
    }),
  );
}

/** Makes a namespace and a repository with so many objects. */
export async function makeApp(stage: Stage, namespace: string, size: number): Promise<BenchApp> {
  await makeNamespace(stage.kube, namespace);
  const repository = stage.git.repository(`${namespace}.git`);
  repository.commit(filesOf(size));
  return { namespace, repository, size };
}

/** Names the repository to the agent. Releases are good soon after they are healthy; news comes by webhook. */
export async function deliver({ kube }: Stage, { namespace, repository }: BenchApp): Promise<void> {
  const spec = { source: { interval: '60s', path: 'app' }, rollback: { probation: '100ms' } };
  await kube.apply(deliveryOf(namespace, 'app', repository.url, spec));
}

/** Waits until a revision is good and everything that left Git is gone. */
export async function good(
  { kube }: Stage,
  { namespace }: BenchApp,
  revision: string,
  timeout = 60_000,
): Promise<void> {
  await until(
    `${revision.slice(0, 7)} is good`,
    async () => {
      const status = await kube.get(deliveryRef(namespace, 'app'));
      const isGood = textAt(status, 'status', 'revision', 'good') === revision;
      return isGood && textAt(status, 'status', 'state') === 'Synced';
    },
    timeout,
  );
}

/** The revision that was pushed last. */
export function headOf({ repository }: BenchApp): string {
  return repository.git('rev-parse', 'HEAD');
}

/** Tells the agent of a push, as GitHub would. */
export async function sendHook(
  agent: AgentProcess,
  { repository }: BenchApp,
  paths?: readonly string[],
): Promise<void> {
  const { status } = await pushHook(agent.api, hookSecret, repository.url, { paths });
  if (status !== 202) throw new Error(`the webhook was answered ${status}`);
}

/** Watches the objects of a kind, and tells when one of them is as it should be. */
export function watchFor({ kube }: Stage, path: string) {
  const waiting = new Set<(object: KubeObject) => void>();
  const opened = Promise.withResolvers<void>();
  const close = follow(kube.http, { path: async () => path }, (event) => {
    if (event.type === 'changed') for (const look of waiting) look(event.object);
    if (event.type === 'opened') opened.resolve();
  });
  return {
    close,
    /** Resolves when nothing is missed any more. */
    opened: opened.promise,
    /** Milliseconds at which it was seen. */
    when: (check: (object: KubeObject) => boolean): Promise<number> =>
      new Promise((resolve) => {
        const look = (object: KubeObject): void => {
          if (!check(object)) return;
          waiting.delete(look);
          resolve(performance.now());
        };
        waiting.add(look);
      }),
  };
}

/** MiB of resident memory: now, and at most so far. */
export function memoryOf({ pid }: Pick<AgentProcess, 'pid'>): { rest: number; peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const read = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024;
  return { rest: read('VmRSS'), peak: read('VmHWM') };
}

/** CPU seconds that a process has used, in user and kernel. */
export function cpuOf({ pid }: AgentProcess): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
