import { existsSync } from 'node:fs';
import { LockstepError } from '../errors.ts';
import type { Engine, EngineDocument, EngineRequest, EngineView, IndexRequest } from './engine-port.ts';
import { type EngineLimits, type EngineProcess, engineDefaults, startEngine } from './engine-process.ts';

interface Job {
  readonly owner: string;
  readonly request: EngineRequest | IndexRequest;
  readonly view: EngineView;
  readonly resolve: (documents: readonly EngineDocument[]) => void;
  readonly reject: (error: unknown) => void;
}

/** How many renders are made at once, and how long a process waits for the next one, in milliseconds. */
const pool = { processes: 2, idle: 60_000 };

/**
 * Renders in processes of their own, started when there is something to render and ended when there is not. Whoever fills
 * theirs to the limit never gets more than half of them.
 * @param binary the engine, as `npm run build:engine` makes it
 */
export function createEngines(binary: string, limits: EngineLimits = engineDefaults): Engine {
  const waiting: Job[] = [];
  const busy = new Map<EngineProcess, string>();
  const idle = new Map<EngineProcess, NodeJS.Timeout>();

  const isServed = (owner: string): boolean =>
    [...busy.values()].filter((other) => other === owner).length < pool.processes / 2;

  function takeProcess(): EngineProcess {
    for (const [worker, timer] of idle) {
      clearTimeout(timer);
      idle.delete(worker);
      if (worker.isUsable()) return worker;
    }
    return startEngine(binary, limits);
  }

  function next(): void {
    if (busy.size >= pool.processes) return;
    const index = waiting.findIndex(({ owner }) => isServed(owner));
    const [job] = index < 0 ? [] : waiting.splice(index, 1);
    if (job === undefined) return;
    const worker = takeProcess();
    busy.set(worker, job.owner);
    worker
      .render(job.request, job.view)
      .then(job.resolve, job.reject)
      .finally(() => {
        busy.delete(worker);
        if (worker.isUsable()) rest(worker);
        next();
      });
    next();
  }

  function rest(worker: EngineProcess): void {
    const timer = setTimeout(() => {
      idle.delete(worker);
      worker.end();
    }, pool.idle);
    timer.unref();
    idle.set(worker, timer);
  }

  return {
    render: (owner, request, view) => {
      if (!existsSync(binary))
        return Promise.reject(
          new LockstepError('EngineMissing', `kustomize and Helm need the engine, and ${binary} is not there`),
        );
      return new Promise((resolve, reject) => {
        waiting.push({ owner, request, view, resolve, reject });
        next();
      });
    },
    close: async () => {
      for (const [worker, timer] of idle) {
        clearTimeout(timer);
        worker.end();
      }
      for (const worker of busy.keys()) worker.end();
      const ended = new LockstepError('RenderFailed', 'the agent stops');
      for (const job of waiting.splice(0)) job.reject(ended);
    },
  };
}

/** Reads an index of charts by an engine. @returns the versions of one chart, as a list in JSON */
export function indexReader(engine: Engine): (owner: string, index: Uint8Array, chart: string) => Promise<string> {
  return async (owner, index, chart) => {
    const file = { kind: 'file', oid: '', read: () => index } as const;
    const view: EngineView = (path) => (path === 'index.yaml' ? file : { kind: 'nothing' });
    const [answer] = await engine.render(owner, { index: { chart } }, view);
    return answer?.text ?? '[]';
  };
}
