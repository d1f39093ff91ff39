#!/usr/bin/env node
// Runs the CLI with a Node that is new enough: this one, or the one that is installed beside it.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const entry = join(here, 'main.ts');

if (Number(process.versions.node.split('.')[0]) >= 24) {
  const { main } = await import(entry);
  process.exitCode = await main(process.argv.slice(2));
} else {
  const bundled = join(here, '..', '..', 'node_modules', '.bin', 'node');
  if (!existsSync(bundled)) {
    process.stderr.write(`lockstep: Node 24 or newer is needed, this is ${process.version}\n`);
    process.exit(1);
  }
  const child = spawn(bundled, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(signal === null ? (code ?? 1) : 1));
}
