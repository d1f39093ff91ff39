import type { Rendered } from './plain.ts';

/** Texts that are longer than this, in letters, are read apart: shorter ones take a few milliseconds. */
export const longText = 64 * 1024;

/** Reads long texts of manifests apart from everything else, so that nobody waits for them. */
export interface ManifestReader {
  /**
   * What can't be read is a problem of the file.
   * @param owner whose work it is: nobody gets more than half of what can be read at once
   * @throws LockstepError RenderFailed when it takes too much
   */
  read(owner: string, path: string, text: string): Promise<Rendered>;
}
