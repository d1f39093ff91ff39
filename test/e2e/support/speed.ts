import { appendFileSync } from 'node:fs';
import { follow } from '../../../agent/kube/watch.ts';
import { at, numberAt, objectsAt, textAt } from '../../../diff/json.ts';
import type { KubeObject } from '../../../sync/types.ts';
import type { Kube } from './kube.ts';
import type { App } from './lockstep.ts';

/** How quick a rollback was, in milliseconds from the pod status that completed the signal. */
export interface Speed {
  /** Until the agent's first write. */
  readonly reaction: number;
  /** Until the Deployment `web` was its good revision again, with all replicas available and no other left. */
  readonly live: number;
}

/** Looks, on its own, at what the agent looks at too. */
export interface Stopwatch {
  /** Whether good is live again. */
  isOver(): boolean;
  stop(): Speed;
}

/** What completes the signal: the second try to pull an image, or the third restart. */
export type Completes = 'second pull' | 'third restart';

/** Begins to watch pods and the Deployment `web`; the bad revision is pushed after this. */
export function timeRollback(
  { http }: Pick<Kube, 'http'>,
  app: Pick<App, 'namespace' | 'writes'>,
  completes: Completes,
): Stopwatch {
  const since = Date.now();
  const pulls = new Map<string, { count: number; isPulling: boolean }>();
  let signal = 0;
  let live = 0;
  let isBad = false;
  const pods = follow(http, { path: async () => `/api/v1/namespaces/${app.namespace}/pods` }, (event) => {
    if (event.type !== 'changed' || signal > 0) return;
    if (isComplete(event.object, pulls, completes)) signal = Date.now();
  });
  const path = async (): Promise<string> => `/apis/apps/v1/namespaces/${app.namespace}/deployments`;
  const deployments = follow(http, { path }, (event) => {
    if (event.type !== 'changed') return;
    const isGood = isWell(event.object);
    if (signal > 0 && isBad && isGood) live = Date.now();
    isBad = !isGood;
  });
  return {
    isOver: () => live > 0,
    stop: () => {
      pods();
      deployments();
      const first = app.writes(since).find(({ time }) => signal > 0 && time >= signal - 5);
      const speed = { reaction: (first?.time ?? Number.NaN) - signal, live: live - signal };
      const notes = process.env['LOCKSTEP_TIMES'];
      if (notes !== undefined) appendFileSync(notes, `${app.namespace}: ${JSON.stringify(speed)}\n`);
      return speed;
    },
  };
}

function isComplete(
  pod: KubeObject,
  pulls: Map<string, { count: number; isPulling: boolean }>,
  completes: Completes,
): boolean {
  const [status] = objectsAt(pod, 'status', 'containerStatuses');
  const waiting = textAt(status, 'state', 'waiting', 'reason');
  if (completes === 'third restart')
    return waiting === 'CrashLoopBackOff' && (numberAt(status, 'restartCount') ?? 0) >= 3;
  const before = pulls.get(pod.metadata.name) ?? { count: 0, isPulling: false };
  const isPulling = waiting === 'ErrImagePull';
  const count = before.count + (isPulling && !before.isPulling ? 1 : 0);
  pulls.set(pod.metadata.name, { count, isPulling });
  return count >= 2;
}

function isWell(deployment: KubeObject): boolean {
  const count = (field: string): number => numberAt(deployment, 'status', field) ?? 0;
  const wanted = numberAt(deployment, 'spec', 'replicas') ?? 1;
  const isSeen = at(deployment, 'status', 'observedGeneration') === at(deployment, 'metadata', 'generation');
  return isSeen && ['replicas', 'updatedReplicas', 'availableReplicas'].every((field) => count(field) === wanted);
}
