import { spawn } from 'node:child_process';
import { join } from 'node:path';

/** What the npm scripts run, once packages and Node 24 are there. */
const root = join(import.meta.dirname, '..');
const bin = (name: string): string => join(root, 'node_modules', '.bin', name);

function run(command: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit' });
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
    child.on('error', () => resolve(1));
    child.on('exit', (code) => resolve(code ?? 1));
  });
}

const say = (line: string): void => void process.stderr.write(`lockstep: ${line}\n`);

async function check(): Promise<number> {
  const steps: [string, string[]][] = [
    [bin('tsc'), ['-p', '.']],
    [bin('biome'), ['check', '--error-on-warnings', '.']],
    [bin('vitest'), ['run', '--project', 'unit', 'test/unit/structure']],
    [bin('knip'), ['--no-progress']],
  ];
  for (const [command, args] of steps) {
    const code = await run(command, args);
    if (code !== 0) return code;
  }
  return 0;
}

const commands: Readonly<Record<string, (args: string[]) => Promise<number>>> = {
  check,
  unit: (args) => run(bin('vitest'), ['run', '--project', 'unit', ...args]),
  faults: (args) => {
    process.env['LOCKSTEP_FAULTS'] = 'all';
    return run(bin('vitest'), ['run', '--project', 'e2e', '--project', 'alone', 'test/faults', ...args]);
  },
  test: async (args) => {
    if (args.length > 0 && process.env['LOCKSTEP_TEST_KUBECONFIG'] === undefined) {
      await (await import('./cluster/kept.ts')).startKept();
      process.env['LOCKSTEP_TEST_KEPT'] = '1';
    }
    return run(bin('vitest'), ['run', ...args]);
  },
  cluster: async (args) => (await import('./cluster/command.ts')).clusterCommand(args),
  bench: async (args) => (await import('./bench/bench.ts')).bench(args),
  demo: async (args) => (await import('./e2e/demo/demo.ts')).demo(args),
  build: async () => (await import('../deploy/bundle.ts')).bundle(),
  engine: async () => {
    await (await import('../deploy/engine.ts')).buildEngine(say);
    return 0;
  },
  generate: async () => (await import('./generate.ts')).generate(),
};

const [name = '', ...args] = process.argv.slice(2);
const command = commands[name];
if (command === undefined) {
  process.stderr.write(`unknown command ${JSON.stringify(name)}; known: ${Object.keys(commands).join(', ')}\n`);
  process.exitCode = 1;
} else {
  process.exitCode = await command(args);
}
