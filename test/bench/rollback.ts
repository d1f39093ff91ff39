import { textAt } from '../../diff/json.ts';
import { readAudit, writes } from '../e2e/support/audit.ts';
import { deliveryRef } from '../e2e/support/furnish.ts';
import { until } from '../e2e/support/kube.ts';
import { deployment } from '../e2e/support/manifests.ts';
import { timeRollback } from '../e2e/support/speed.ts';
import { type Figure, figureOf } from './figure.ts';
import { deliver, good, headOf, makeApp, type Stage, sendHook, startBundle } from './stage.ts';

/**
 * A commit with an image that does not exist, again and again: from the pod status that completes the signal to the
 * agent's first write, and to the moment when the good revision is live with all its replicas.
 */
export async function badImageRollback(stage: Stage, rounds: number): Promise<Figure[]> {
  const namespace = 'bad-image';
  const app = await makeApp(stage, namespace, 2);
  app.repository.commit({ 'app/web.yaml': deployment('web', { replicas: 2 }) });
  const agent = await startBundle(stage, namespace);
  await deliver(stage, app);
  await good(stage, app, headOf(app));
  const reactions: number[] = [];
  const lives: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const watched = {
      namespace,
      writes: (since: number) =>
        writes(readAudit(stage.auditLog, since)).filter((entry) => entry.namespace === namespace),
    };
    const stopwatch = timeRollback(stage.kube, watched, 'second pull');
    const web = deployment('web', { replicas: 2, image: `app:missing-${round}`, pod: { pod: 'image-pull' } });
    const revision = app.repository.commit({ 'app/web.yaml': web });
    await sendHook(agent, app);
    await until('it is held', async () => {
      const status = await stage.kube.get(deliveryRef(namespace, 'app'));
      return textAt(status, 'status', 'state') === 'Held' && textAt(status, 'status', 'revision', 'tip') === revision;
    });
    await until('good is live', async () => stopwatch.isOver());
    const { reaction, live } = stopwatch.stop();
    reactions.push(reaction);
    lives.push(live);
  }
  await agent.stop();
  return [
    figureOf('bad-image-rollback-reaction', 'ms', '<= 500', reactions),
    figureOf('bad-image-rollback-live', 'ms', '<= 5000', lives),
  ];
}
