import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildEngine } from '../../deploy/engine.ts';
import { type JsonObject, objectsAt, textAt } from '../../diff/json.ts';
import type { AgentProcess } from '../e2e/support/agent.ts';
import { deliveriesPath, deliveryOf, makeNamespace } from '../e2e/support/furnish.ts';
import { until } from '../e2e/support/kube.ts';
import { type Figure, figureOf, say } from './figure.ts';
import { good, memoryOf, type Stage, sendHook, startBundle, watchFor } from './stage.ts';

const charts = 1_000;
/** So many of them have a Delivery in the end. */
const delivered = 300;
const warmUp = 3;

/**
 * A repository of 1,000 charts and 150 MB, which no compression makes smaller: how soon a push to one chart is live where one
 * of them is delivered, and where 300 are; what the agent takes at most, and what the process takes that indexes the
 * repository.
 */
export async function monorepo(stage: Stage, rounds: number): Promise<Figure[]> {
  await buildEngine(say);
  const namespace = 'monorepo';
  await makeNamespace(stage.kube, namespace);
  const repository = stage.git.repository(`${namespace}.git`);
  let revision = repository.commit(filesOfCharts());
  const agent = await startBundle(stage, namespace, 'info', ['--git-max-bytes', '400000000']);
  const peakOfChildren = watchChildren(agent);
  const deliver = (name: string, chart: string) => {
    const spec = { source: { interval: '60s', path: `charts/${chart}` }, rollback: { probation: '100ms' } };
    return stage.kube.apply(deliveryOf(namespace, name, repository.url, spec));
  };
  await deliver('app', 'c7');
  const app = { namespace, repository, size: 1 };
  await good(stage, app, revision, 120_000);
  const watch = watchFor(stage, `/api/v1/namespaces/${namespace}/configmaps`);
  await watch.opened;
  const pushes = async (of: string, count: number) => {
    const times: number[] = [];
    const told: number[] = [];
    for (let round = 0; round < rounds + warmUp; round += 1) {
      const text = `${of} ${round}`;
      const live = watch.when((object) => textAt(object, 'data', 'round') === text);
      revision = repository.commit({ 'charts/c7/values.yaml': `round: "${text}"\n` });
      const pushed = performance.now();
      await sendHook(agent, app, ['charts/c7/values.yaml']);
      const seen = await live;
      await allGood(stage, namespace, revision, count);
      if (round < warmUp) continue;
      times.push(seen - pushed);
      told.push(performance.now() - pushed);
    }
    return { times, told };
  };
  const alone = await pushes('alone', 1);
  const names = Array.from({ length: delivered }, (_, n) => `c${n + 100}`);
  for (const name of names) await deliver(name, name);
  await allGood(stage, namespace, revision, delivered + 1);
  const among = await pushes('among', delivered + 1);
  watch.close();
  const { peak } = memoryOf(agent);
  const indexing = peakOfChildren();
  await agent.stop();
  return [
    figureOf('monorepo-push-live', 'ms', '<= 250 median', alone.times),
    figureOf('monorepo-push-live-300', 'ms', '<= 250 median', among.times),
    figureOf('monorepo-told-300', 'ms', '', among.told),
    figureOf('monorepo-memory', 'MiB', '<= 300', [peak]),
    figureOf('monorepo-indexing', 'MiB', '<= 1024', [indexing]),
  ];
}

/** Waits until so many Deliveries are good at a revision. */
async function allGood({ kube }: Stage, namespace: string, revision: string, count: number): Promise<void> {
  const path = deliveriesPath(namespace);
  await until(
    `${count} Deliveries are good`,
    async () => {
      // The list is a long one: who measures does not keep the API server busy with it.
      await sleep(100);
      const { body } = await kube.http.request({ method: 'GET', path });
      const isGood = (one: JsonObject) => textAt(one, 'status', 'revision', 'good') === revision;
      return objectsAt(body, 'items').filter(isGood).length === count;
    },
    600_000,
  );
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
