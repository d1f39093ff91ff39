import { buildGo } from '../../deploy/go-build.ts';

/**
 * The real `kustomize` and `helm`, in one binary that is called by their names, which the engine is compared with.
 * @param say told about progress
 */
export function buildReference(say: (line: string) => void): Promise<string> {
  const about = 'the real kustomize and helm, to compare with: 2 to 4 minutes the first time';
  return buildGo({ name: 'engine-reference', about, folder: import.meta.dirname, linkerFlags: '-s -w' }, say);
}
