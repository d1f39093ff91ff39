import { copyFileSync, existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');

/** Where `npm run build` puts what the image holds. */
export const bundleFolder = join(root, 'dist');
/** The file in it that is run: `node dist/lockstep.mjs agent`. */
export const bundleEntry = join(bundleFolder, 'lockstep.mjs');

/**
 * How Node is started in the image: with these, an agent of 1,000 objects needs half of the memory. V8 would otherwise keep
 * room for garbage that a small machine has no room for.
 */
export const nodeFlags: readonly string[] = ['--max-semi-space-size=4', '--optimize-for-size'];

const onStderr = (line: string): void => void process.stderr.write(`${line}\n`);

/**
 * Bundles the agent and the CLI with everything they import, so that Node alone runs them. What only some commands or
 * settings need stands in files of its own and is loaded when it is needed.
 */
export async function bundle(say: (line: string) => void = onStderr): Promise<number> {
  // The engine stays: it is built by itself.
  for (const name of existsSync(bundleFolder) ? readdirSync(bundleFolder) : [])
    if (name !== 'engine') rmSync(join(bundleFolder, name), { recursive: true, force: true });
  // Whoever only wants to know where the bundle is need not load what makes it.
  const { rolldown } = await import('rolldown');
  const build = await rolldown({
    // A thread, and a process, begin with a file of their own.
    input: {
      lockstep: join(root, 'agent', 'cli', 'run.ts'),
      'rule-worker': join(root, 'agent', 'rules', 'worker.ts'),
      'reader-worker': join(root, 'sync', 'render', 'reader-worker.ts'),
      'index-worker': join(root, 'sync', 'source', 'index-worker.ts'),
    },
    platform: 'node',
    // Binaries that ssh2 uses where somebody has built them, and does without otherwise.
    external: ['cpu-features', /sshcrypto\.node$/],
    // Of the client only the kubeconfig is used: its thousand models do nothing but be there, and cost 10 MiB.
    treeshake: { moduleSideEffects: [{ test: /@kubernetes\/client-node/, sideEffects: false }] },
    onLog: (level, log, handle) => {
      // Packages that others import in ways of their own; what matters is that the bundle runs, which tests show.
      if (level !== 'warn' && level !== 'info') handle(level, log);
    },
  });
  const { output } = await build.write({
    dir: bundleFolder,
    format: 'esm',
    minify: true,
    entryFileNames: '[name].mjs',
    chunkFileNames: '[name]-[hash].mjs',
  });
  await build.close();
  copyFileSync(join(root, 'LICENSE'), join(bundleFolder, 'LICENSE'));
  const bytes = output.reduce((sum, { fileName }) => sum + statSync(join(bundleFolder, fileName)).size, 0);
  say(`lockstep: bundled ${output.length} files, ${(bytes / 1e6).toFixed(1)} MB, in dist/`);
  return 0;
}

if (import.meta.main) process.exitCode = await bundle();
