import { LockstepError } from '../sync/errors.ts';
import { ruleFiles } from '../sync/source/tree.ts';
import type { Served } from './registry.ts';

/**
 * Whether a push of these files may change what a Delivery makes: something in its folder, of the ignore rules above it, or
 * that its kustomization or chart looked at elsewhere. A guess, by which nothing is decided but who comes first.
 */
export function mayTouch({ read, session }: Pick<Served, 'read' | 'session'>, paths: readonly string[]): boolean {
  const delivery = read();
  if (delivery instanceof LockstepError || delivery.set !== undefined) return true;
  const folder = delivery.path === '' ? '' : `${delivery.path}/`;
  const looked = session?.made?.looked;
  return paths.some((path) => {
    const name = path.lastIndexOf('/') + 1;
    const isRule = ruleFiles.includes(path.slice(name)) && folder.startsWith(path.slice(0, name));
    return isRule || path.startsWith(folder) || looked?.has(path) === true;
  });
}
