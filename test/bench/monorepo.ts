import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { textAt } from '../../diff/json.ts';
import type { AgentProcess } from '../e2e/support/agent.ts';
import { deliveryOf, makeNamespace } from '../e2e/support/furnish.ts';
import { type Figure, figureOf } from './figure.ts';
import { good, memoryOf, type Stage, sendHook, startBundle, watchFor } from './stage.ts';

const charts = 1_000;
const warmUp = 3;

/**
 * A repository of 1,000 charts and 150 MB, which no compression makes smaller: how soon a push to one chart is live, what the
 * agent takes at most, and what the process takes that indexes the repository.
 */
export async function monorepo(stage: Stage, rounds: number): Promise<Figure[]> {
  const namespace = 'monorepo';
  await makeNamespace(stage.kube, namespace);
  const repository = stage.git.repository(`${namespace}.git`);
  let revision = repository.commit(filesOfCharts());
  const agent = await startBundle(stage, namespace, 'info', ['--git-max-bytes', '400000000']);
  const peakOfChildren = watchChildren(agent);
  const spec = { source: { interval: '60s', path: 'charts/c7' }, rollback: { probation: '100ms' } };
  await stage.kube.apply(deliveryOf(namespace, 'app', repository.url, spec));
  const app = { namespace, repository, size: 1 };
  await good(stage, app, revision, 120_000);
  const watch = watchFor(stage, `/api/v1/namespaces/${namespace}/configmaps`);
  await watch.opened;
  const times: number[] = [];
  for (let round = 0; round < rounds + warmUp; round += 1) {
    const live = watch.when((object) => textAt(object, 'data', 'round') === `${round}`);
    revision = repository.commit({ 'charts/c7/values.yaml': `round: "${round}"\n` });
    const pushed = performance.now();
    await sendHook(agent, app);
    const seen = await live;
    if (round >= warmUp) times.push(seen - pushed);
    await good(stage, app, revision);
  }
  watch.close();
  const { peak } = memoryOf(agent);
  const indexing = peakOfChildren();
  await agent.stop();
  return [
    figureOf('monorepo-push-live', 'ms', '<= 250 median', times),
    figureOf('monorepo-memory', 'MiB', '<= 300', [peak]),
    figureOf('monorepo-indexing', 'MiB', '<= 1024', [indexing]),
  ];
}

function filesOfCharts(): Record<string, string> {
  const files: Record<string, string> = {};
  for (let n = 0; n < charts; n += 1) {
    const folder = `charts/c${n}`;
    files[`${folder}/Chart.yaml`] = `apiVersion: v2\nname: c${n}\nversion: 1.0.0\n`;
    files[`${folder}/values.yaml`] = 'round: "none"\n';
    files[`${folder}/templates/m.yaml`] =
      'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}}\ndata: {round: {{ .Values.round | quote }}}\n';
    // What is in charts beside: pictures, archives.
    files[`${folder}/docs/blob`] = randomBytes(112_000).toString('base64');
    for (let i = 0; i < 16; i += 1) files[`${folder}/docs/page-${i}.md`] = `# Page ${i} of ${n}\n`.repeat(40);
  }
  return files;
}

/** The most that any child of the agent has taken so far, in MiB. */
function watchChildren({ pid }: AgentProcess): () => number {
  let peak = 0;
  let isOver = false;
  const look = async (): Promise<void> => {
    while (!isOver) {
      for (const child of childrenOf(pid)) peak = Math.max(peak, peakOf(child));
      await sleep(20);
    }
  };
  void look();
  return () => {
    isOver = true;
    return peak;
  };
}

/** A child may have ended by now. */
function peakOf(pid: number): number {
  try {
    return memoryOf({ pid }).peak;
  } catch {
    return 0;
  }
}

function childrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number),
    );
  } catch {
    return [];
  }
}
