import { copyFileSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { buildGo } from './go-build.ts';

const root = join(import.meta.dirname, '..');

/** Where the agent looks for the engine: beside the bundle. */
export const enginePlace = join(root, 'dist', 'engine');

/**
 * Builds the engine, which renders kustomizations and Helm charts, and puts it where the agent looks for it (2 to 4 minutes
 * on 2 cores the first time).
 * @param say told about progress
 */
export async function buildEngine(say: (line: string) => void): Promise<string> {
  const binary = await buildGo(
    {
      name: 'engine',
      about: 'the engine (kustomize and Helm): 2 to 4 minutes the first time',
      folder: join(root, 'sync', 'render', 'engine'),
      // What kustomize calls itself where a kustomization asks for that.
      linkerFlags: '-s -w -X sigs.k8s.io/kustomize/api/provenance.version=v5.8.2',
    },
    say,
  );
  mkdirSync(dirname(enginePlace), { recursive: true });
  copyFileSync(binary, enginePlace);
  return binary;
}

if (import.meta.main) await buildEngine((line) => process.stderr.write(`lockstep: ${line}\n`));
