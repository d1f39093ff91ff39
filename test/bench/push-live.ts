import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { textAt } from '../../diff/json.ts';
import { agentRequests, readAudit } from '../e2e/support/audit.ts';
import { configMap } from '../e2e/support/manifests.ts';
import { type Figure, figureOf, say } from './figure.ts';
import { type BenchApp, deliver, good, headOf, makeApp, type Stage, sendHook, startBundle, watchFor } from './stage.ts';

const warmUp = 5;

/** From the end of a push, and the webhook at once after it, to the moment when a watch shows the object changed. */
export async function pushLive(stage: Stage, size: number, rounds: number, goal: string): Promise<Figure[]> {
  const namespace = `push-live-${size}`;
  const app = await makeApp(stage, namespace, size);
  const agent = await startBundle(stage, namespace);
  await deliver(stage, app);
  await good(stage, app, headOf(app), 600_000);
  const watch = watchFor(stage, `/api/v1/namespaces/${namespace}/configmaps`);
  const times: number[] = [];
  const requests: number[] = [];
  for (let round = 0; round < rounds + warmUp; round += 1) {
    const since = Date.now();
    const name = `o${(round * 2) % size}`;
    const value = `round ${round}`;
    const live = watch.when((object) => object.metadata.name === name && textAt(object, 'data', 'index') === value);
    const folder = Math.floor(((round * 2) % size) / 100);
    const revision = app.repository.commit({ [`app/f${folder}/${name}.yaml`]: configMap(name, { index: value }) });
    const pushed = performance.now();
    await sendHook(agent, app);
    const seen = await live;
    if (round >= warmUp) times.push(seen - pushed);
    await good(stage, app, revision);
    if (round >= warmUp) requests.push(agentRequests(readAudit(stage.auditLog, since)).length);
    if (round % 50 === 49) say(`${namespace}: ${round + 1} rounds`);
  }
  watch.close();
  await agent.stop();
  return [
    figureOf(`push-live-${size}`, 'ms', goal, times, gitFetch(app)),
    figureOf(`requests-per-change-${size}`, 'requests', '<= 8', requests),
  ];
}

/** The floor: what `git fetch` alone takes for one more commit of one file. */
function gitFetch(app: BenchApp): number {
  const dir = mkdtempSync(join(tmpdir(), 'lockstep-bench-git-'));
  const git = (...args: string[]): void => {
    const { status, stderr } = spawnSync('git', args, { cwd: dir, encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
  };
  const bare = app.repository.git('remote', 'get-url', 'origin');
  git('init', '--quiet', '--bare');
  git('fetch', '--quiet', '--depth', '1', bare, 'main');
  const times = Array.from({ length: 5 }, (_, n) => {
    app.repository.commit({ [`app/f0/o0.yaml`]: configMap('o0', { index: `floor ${n}` }) });
    const started = performance.now();
    git('fetch', '--quiet', bare, 'main');
    return performance.now() - started;
  });
  rmSync(dir, { recursive: true, force: true });
  return times.sort((a, b) => a - b)[2] ?? Number.NaN;
}
