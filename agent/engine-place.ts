import { fileURLToPath } from 'node:url';

/**
 * Where the engine is, when nobody says: beside the bundle, also for an agent that runs from its sources.
 * @param named where somebody says that it is; empty for nowhere
 */
export function enginePlace(named: string): string {
  if (named !== '') return named;
  return fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? '../dist/engine' : './engine', import.meta.url));
}
