import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildEngine } from '../../deploy/engine.ts';
import { textAt } from '../../diff/json.ts';
import type { AgentProcess } from '../e2e/support/agent.ts';
import { runBeside } from '../e2e/support/beside.ts';
import { deliveryRef } from '../e2e/support/furnish.ts';
import { until } from '../e2e/support/kube.ts';
import { configMap } from '../e2e/support/manifests.ts';
import { type Figure, figureOf, say } from './figure.ts';
import { type BenchApp, deliver, good, headOf, makeApp, type Stage, sendHook, startBundle, watchFor } from './stage.ts';

const zeros = '0'.repeat(7 * 1024 * 1024);
const wide = Array.from({ length: 400_000 }, (_, i) => `  k${i}: {a: [${i}]}`).join('\n');

/** What somebody pushes who means harm: each of it fills the worker that reads or renders it to the limit. */
const hostile: Readonly<Record<string, (round: number) => Record<string, string>>> = {
  'hostile-chart': (round) => ({
    'app/Chart.yaml': `apiVersion: v2\nname: app\nversion: 1.0.${round}\n`,
    'app/templates/x.yaml': '{{ range until 100000000 }}{{ range until 100000 }}{{ end }}{{ end }}',
  }),
  'hostile-yaml': (round) => ({
    'app/wide.yaml': `# ${round}\na:\n${wide}\n`,
  }),
  // A few kilobytes that unfold into 200 MB.
  'hostile-pack': (round) => ({
    'app/a.yaml': configMap('o0', { round: `${round}` }),
    ...Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`app/${i}.txt`, `${round}${zeros}`])),
  }),
};

/** How often they push, in milliseconds. */
const pause = 2_000;

/**
 * Pushes until they are live: alone, beside harmful pushes that nobody serves, and beside the same ones where they fill a worker to the limit.
 * @param rounds of each
 */
export async function hostileNeighbour(stage: Stage, rounds: number): Promise<Figure[]> {
  await buildEngine(say);
  const app = await makeApp(stage, 'beside', 10);
  const eves = await Promise.all(Object.keys(hostile).map((name) => makeApp(stage, name, 1)));
  const agent = await startBundle(stage, ['beside', ...Object.keys(hostile)].join(','));
  await deliver(stage, app);
  await good(stage, app, headOf(app), 60_000);
  const watch = watchFor(stage, '/api/v1/namespaces/beside/configmaps');
  await watch.opened;
  const measure = async (name: string): Promise<Figure> =>
    figureOf(name, 'ms', '', await pushes(stage, app, agent, watch, rounds));
  const nobody = await measure('beside-nobody');
  const figures = [nobody];
  const [grown, overNobody]: [number[], number[]] = [[], []];
  for (const eve of eves) {
    // Pushing costs the machine something by itself: what counts is what the agent makes of it.
    let isServed = false;
    const stop = keepPushing(eve, async () => {
      if (isServed) await sendHook(agent, eve);
    });
    await sleep(pause);
    const unserved = await measure(`beside-unserved-${eve.namespace}`);
    await deliver(stage, eve);
    await sleep(pause);
    isServed = true;
    const served = await measure(`beside-${eve.namespace}`);
    await stop();
    await wasReached(stage, eve);
    figures.push(unserved, served);
    grown.push(served.p99 - unserved.p99);
    overNobody.push(served.p99 - nobody.p99);
    say(`${eve.namespace}: p99 ${served.p99.toFixed(0)} ms, unserved ${unserved.p99.toFixed(0)} ms`);
  }
  watch.close();
  await agent.stop();
  return [
    ...figures,
    // It has to hold for the worst of them.
    figureOf('hostile-p99-growth', 'ms', '<= 100', [Math.max(...grown)]),
    figureOf('hostile-p99-with-pushing', 'ms', '', [Math.max(...overNobody)]),
  ];
}

/** Makes sure that what was pushed did get to the agent: what stays outside harms nobody, and shows nothing. */
async function wasReached({ kube }: Stage, { namespace }: BenchApp): Promise<void> {
  await until(`${namespace} has been looked at`, async () => {
    const status = await kube.get(deliveryRef(namespace, 'app'));
    return textAt(status, 'status', 'revision', 'tip') !== undefined;
  });
}

async function pushes(
  stage: Stage,
  app: BenchApp,
  agent: AgentProcess,
  watch: ReturnType<typeof watchFor>,
  rounds: number,
): Promise<number[]> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const value = `${Math.random()}`;
    const live = watch.when((object) => object.metadata.name === 'o0' && textAt(object, 'data', 'index') === value);
    const revision = app.repository.commit({ 'app/f0/o0.yaml': configMap('o0', { index: value }) });
    const pushed = performance.now();
    await sendHook(agent, app);
    times.push((await live) - pushed);
    await good(stage, app, revision);
  }
  return times.slice(5);
}

/** @param onPushed after each push @returns a function that ends it */
function keepPushing(eve: BenchApp, onPushed: () => Promise<void>): () => Promise<void> {
  let isOver = false;
  const files = hostile[eve.namespace];
  const pushing = (async () => {
    for (let round = 1; !isOver; round += 1) {
      await pushBeside(eve, files?.(round) ?? {});
      await onPushed();
      await sleep(pause);
    }
  })();
  return async () => {
    isOver = true;
    await pushing;
  };
}

/** Commits and pushes without holding up whoever measures meanwhile. */
async function pushBeside({ repository: { workTree } }: BenchApp, files: Record<string, string>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(workTree, path)), { recursive: true });
    await writeFile(join(workTree, path), text);
  }
  // What pushing itself costs is not the agent's, so it is kept small.
  const cheap = ['-c', 'core.compression=1', '-c', 'pack.window=0', '-c', 'pack.threads=1'];
  const git = async (...args: string[]): Promise<void> => {
    const asEve = ['-c', 'user.name=Eve', '-c', 'user.email=e@e', ...cheap, ...args];
    const { code, stderr } = await runBeside('git', asEve, { cwd: workTree });
    if (code !== 0) throw new Error(stderr);
  };
  await git('add', '--all');
  await git('commit', '--quiet', '-m', 'x');
  await git('push', '--quiet', 'origin', 'HEAD:main');
}
