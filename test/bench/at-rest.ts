import { setTimeout as sleep } from 'node:timers/promises';
import { textAt } from '../../diff/json.ts';
import { agentRequests, readAudit } from '../e2e/support/audit.ts';
import { type Figure, figureOf } from './figure.ts';
import { cpuOf, deliver, good, headOf, makeApp, type Stage, startBundle, watchFor } from './stage.ts';

/** A minute in which nothing happens: requests beside open watches and the lease, and CPU seconds. */
export async function quietMinute(stage: Stage, size: number): Promise<Figure[]> {
  const namespace = `quiet-${size}`;
  const app = await makeApp(stage, namespace, size);
  const agent = await startBundle(stage, namespace);
  await deliver(stage, app);
  await good(stage, app, headOf(app), 600_000);
  await sleep(10_000);
  const [since, cpu] = [Date.now(), cpuOf(agent)];
  await sleep(60_000);
  const requests = agentRequests(readAudit(stage.auditLog, since)).length;
  const seconds = cpuOf(agent) - cpu;
  await agent.stop();
  return [
    figureOf(`quiet-minute-${size}-requests`, 'requests', '<= 10', [requests]),
    figureOf(`quiet-minute-${size}-cpu`, 's', '<= 0.3', [seconds]),
  ];
}

/** From somebody's edit, answered, to the moment when a watch shows the value of Git again. */
export async function driftRepair(stage: Stage, rounds: number): Promise<Figure[]> {
  const namespace = 'drift-repair';
  const app = await makeApp(stage, namespace, rounds * 2);
  const agent = await startBundle(stage, namespace);
  await deliver(stage, app);
  await good(stage, app, headOf(app));
  const watch = watchFor(stage, `/api/v1/namespaces/${namespace}/configmaps`);
  await watch.opened;
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    // Each object once: a drift that keeps coming back is not fought for ever.
    const name = `o${round * 2}`;
    let isEdited = false;
    const back = watch.when((object) => {
      if (object.metadata.name !== name) return false;
      const isMine = textAt(object, 'data', 'index') === 'mine';
      isEdited ||= isMine;
      return isEdited && !isMine;
    });
    await stage.kube.edit({ apiVersion: 'v1', kind: 'ConfigMap', namespace, name }, { data: { index: 'mine' } });
    const edited = performance.now();
    times.push(Math.max(0, (await back) - edited));
    await sleep(50);
  }
  watch.close();
  await agent.stop();
  return [figureOf('drift-repair', 'ms', '<= 300 median', times)];
}

/** From the start of the process to the end of the first turn of a Delivery that is as it should be. */
export async function start(stage: Stage, rounds: number): Promise<Figure[]> {
  const namespace = 'start';
  const app = await makeApp(stage, namespace, 10);
  const first = await startBundle(stage, namespace);
  await deliver(stage, app);
  await good(stage, app, headOf(app));
  await first.stop();
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const started = performance.now();
    const agent = await startBundle(stage, namespace, 'debug');
    while (!agent.output().includes('"a turn ended"')) await sleep(2);
    times.push(performance.now() - started);
    await agent.stop();
  }
  return [figureOf('start', 'ms', '<= 1000', times)];
}
