import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { textAt } from '../../diff/json.ts';
import { agentRequests, readAudit } from '../e2e/support/audit.ts';
import { runBeside } from '../e2e/support/beside.ts';
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
  await watch.opened;
  const times: number[] = [];
  const starts: number[] = [];
  for (let round = 0; round < rounds + warmUp; round += 1) {
    if (round >= warmUp) starts.push(Date.now());
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
    if (round % 50 === 49) say(`${namespace}: ${round + 1} rounds`);
  }
  watch.close();
  // What the last round has still to say.
  await sleep(1_000);
  const requests = agentRequests(readAudit(stage.auditLog, starts[0]));
  await agent.stop();
  const ofRound = (from: number, index: number): number =>
    requests.filter(({ time }) => time >= from && time < (starts[index + 1] ?? Number.POSITIVE_INFINITY)).length;
  return [
    figureOf(`push-live-${size}`, 'ms', goal, times, await gitFetch(app)),
    figureOf(`requests-per-change-${size}`, 'requests', '<= 8', starts.map(ofRound)),
  ];
}

/** The floor: what `git fetch` alone takes, over HTTP as the agent does, for one more commit of one file. */
async function gitFetch(app: BenchApp): Promise<number> {
  const dir = mkdtempSync(join(tmpdir(), 'lockstep-bench-git-'));
  const git = async (...args: string[]): Promise<void> => {
    const { code, stderr } = await runBeside('git', args, { cwd: dir });
    if (code !== 0) throw new Error(stderr);
  };
  await git('init', '--quiet', '--bare');
  await git('fetch', '--quiet', '--depth', '1', app.repository.url, 'main');
  const times: number[] = [];
  for (let n = 0; n < 5; n += 1) {
    app.repository.commit({ 'app/f0/o0.yaml': configMap('o0', { index: `floor ${n}` }) });
    const started = performance.now();
    await git('fetch', '--quiet', app.repository.url, 'main');
    times.push(performance.now() - started);
  }
  rmSync(dir, { recursive: true, force: true });
  return times.sort((a, b) => a - b)[2] ?? Number.NaN;
}
