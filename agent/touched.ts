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
  const folder = delivery.path.split('/').filter((name) => name !== '');
  const looked = session?.made?.looked;
  return paths.some((path) => {
    const names = path.split('/');
    const isInside = folder.every((name, depth) => names[depth] === name);
    const isRule =
      ruleFiles.includes(names.at(-1) ?? '') && names.slice(0, -1).every((name, depth) => folder[depth] === name);
    return isInside || isRule || looked?.has(path) === true;
  });
}
