import { existsSync } from 'node:fs';
import { LockstepError } from '../errors.ts';
import { createFairPool } from '../fair-pool.ts';
import type { Engine, EngineView } from './engine-port.ts';
import { type EngineLimits, engineDefaults, startEngine } from './engine-process.ts';

/** How many renders are made at once, and how long a process waits for the next one, in milliseconds. */
const pool = { processes: 2, idle: 60_000 };

/**
 * Renders in processes of their own.
 * @param binary the engine, as `npm run build:engine` makes it
 */
export function createEngines(binary: string, limits: EngineLimits = engineDefaults): Engine {
  const engines = createFairPool(pool.processes, pool.idle, () => startEngine(binary, limits));
  return {
    render: async (owner, request, view) => {
      if (!existsSync(binary))
        throw new LockstepError('EngineMissing', `kustomize and Helm need the engine, and ${binary} is not there`);
      return engines.run(owner, (engine) => engine.render(request, view));
    },
    close: engines.close,
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
