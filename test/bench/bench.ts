import { driftRepair, quietMinute, start } from './at-rest.ts';
import { type Figure, print, say } from './figure.ts';
import { firstSync } from './first-sync.ts';
import { hostileNeighbour } from './hostile.ts';
import { monorepo } from './monorepo.ts';
import { pushLive } from './push-live.ts';
import { badImageRollback } from './rollback.ts';
import { openStage, type Stage } from './stage.ts';

/** Every benchmark, with the goals of shared/design/performance.md. Some answer more than one figure. */
const benchmarks: Readonly<Record<string, (stage: Stage) => Promise<Figure[]>>> = {
  start: (stage) => start(stage, 20),
  'push-live-10': (stage) => pushLive(stage, 10, 200, '<= 80 median, <= 200 p99'),
  'push-live-1000': (stage) => pushLive(stage, 1_000, 20, '<= 100 median'),
  'push-live-10000': (stage) => pushLive(stage, 10_000, 20, '<= 250 median'),
  'drift-repair': (stage) => driftRepair(stage, 50),
  'bad-image-rollback': (stage) => badImageRollback(stage, 20),
  'quiet-minute-1000': (stage) => quietMinute(stage, 1_000),
  monorepo: (stage) => monorepo(stage, 20),
  'hostile-neighbour': (stage) => hostileNeighbour(stage, 205),
  'first-sync-10': (stage) => firstSync(stage, 10, { sync: '<= 1.3 of the floor', memory: '<= 120' }),
  'first-sync-1000': (stage) => firstSync(stage, 1_000, { sync: '<= 1.3 of the floor', memory: '<= 160' }),
  'first-sync-10000': (stage) => firstSync(stage, 10_000, { sync: '<= 1.3 of the floor', memory: '<= 300' }),
};

/** Figures that are measured together with others. */
const aliases: Readonly<Record<string, string>> = {
  'requests-per-change-1000': 'push-live-1000',
  'memory-10': 'first-sync-10',
  'memory-1000': 'first-sync-1000',
  'memory-10000': 'first-sync-10000',
  'loop-lag': 'first-sync-10000',
  'hostile-p99-growth': 'hostile-neighbour',
  'hostile-p99-with-pushing': 'hostile-neighbour',
  'monorepo-push-live': 'monorepo',
  'monorepo-push-live-300': 'monorepo',
  'monorepo-told-300': 'monorepo',
  'monorepo-memory': 'monorepo',
  'monorepo-indexing': 'monorepo',
};

/** `npm run bench [-- NAME ...]`. */
export async function bench(names: readonly string[]): Promise<number> {
  const wanted = [
    ...new Set((names.length > 0 ? names : Object.keys(benchmarks)).map((name) => aliases[name] ?? name)),
  ];
  const unknown = wanted.filter((name) => !Object.hasOwn(benchmarks, name));
  if (unknown.length > 0) {
    say(`unknown: ${unknown.join(', ')}; known: ${[...Object.keys(benchmarks), ...Object.keys(aliases)].join(', ')}`);
    return 1;
  }
  const stage = await openStage();
  let code = 0;
  try {
    for (const name of wanted) {
      const started = performance.now();
      try {
        for (const figure of (await benchmarks[name]?.(stage)) ?? []) print(figure);
      } catch (error) {
        say(`${name} failed: ${error instanceof Error ? error.message : String(error)}`);
        code = 1;
      }
      say(`${name} took ${Math.round((performance.now() - started) / 1000)} s`);
    }
  } finally {
    await stage.close();
  }
  return code;
}
