import { numberAt, objectsAt, textAt } from '../../../diff/json.ts';
import { agentRequests, readAudit, writes } from '../support/audit.ts';
import { deliveryOf } from '../support/furnish.ts';
import { helloWorld } from '../support/hello-world.ts';
import { until } from '../support/kube.ts';
import {
  deployment,
  expect,
  has,
  namespace,
  push,
  readyAt,
  type Scene,
  service,
  settings,
  step,
  worker,
} from './stage.ts';

export async function firstSync({ kube, auditLog, repository }: Scene, revision: string): Promise<void> {
  const started = Date.now();
  await step('a Delivery names the repository: first sync in waves -1, 0 and 1', async () => {
    await kube.apply(
      deliveryOf(namespace, 'hello-world', repository.url, {
        source: { interval: '60s' },
        rollback: { probation: '2s' },
      }),
    );
    await readyAt(kube, revision);
  });
  const order = writes(readAudit(auditLog, started))
    .filter((entry) => entry.namespace === namespace)
    .map((entry) => entry.name);
  const unique = [...new Set(order)];
  expect(unique[0] === 'hello-world-migration', `the migration comes first, in ${unique.join(', ')}`);
  expect(unique.at(-1) === 'hello-world-worker', `the worker comes last, in ${unique.join(', ')}`);
  process.stdout.write(`    order in the audit log: ${unique.join(' → ')}\n`);
  const live = await has(kube, 'the Service is there', service, () => true);
  const [port] = objectsAt(live, 'spec', 'ports');
  expect(
    port?.['port'] === 80 && port['targetPort'] === 5000 && typeof port['nodePort'] === 'number',
    'the NodePort leads 80 to 5000',
  );
}

export async function scaleUp(scene: Scene): Promise<void> {
  const { kube, auditLog } = scene;
  const started = Date.now();
  await step(
    'git push and its webhook: three replicas',
    async () => {
      const revision = await push(scene, { 'deployment.yaml': helloWorld.deployment(3) }, 'scale to three');
      await has(
        kube,
        'three replicas are available',
        deployment,
        (object) => numberAt(object, 'status', 'availableReplicas') === 3,
      );
      await readyAt(kube, revision);
    },
    () => `${agentRequests(readAudit(auditLog, started)).length} requests of the agent, from the push to Good`,
  );
}

export async function drift({ kube }: Scene): Promise<void> {
  const before = await kube.get(deployment);
  await step('somebody deletes the Deployment by hand: it comes back', async () => {
    await kube.delete(deployment);
    await has(
      kube,
      'a new Deployment',
      deployment,
      (object) => object.metadata.uid !== before?.metadata.uid && numberAt(object, 'spec', 'replicas') === 3,
    );
  });
  await step('somebody scales it to 7 by hand: it goes back to 3', async () => {
    await kube.edit(deployment, { spec: { replicas: 7 } });
    await has(kube, 'three replicas', deployment, (object) => numberAt(object, 'spec', 'replicas') === 3);
  });
  await step('somebody edits the ConfigMap: it goes back to blue', async () => {
    await kube.edit(settings, { data: { color: 'red', note: 'mine' } });
    const healed = await has(kube, 'blue again', settings, (object) => textAt(object, 'data', 'color') === 'blue');
    expect(textAt(healed, 'data', 'note') === 'mine', 'a key that Git does not name stays');
  });
}

export async function removal(scene: Scene): Promise<void> {
  const { kube } = scene;
  await step('git rm worker.yaml: it is pruned, nothing else is', async () => {
    const revision = await push(scene, { 'worker.yaml': null }, 'no worker any more');
    await readyAt(kube, revision);
    await until('the worker is gone', async () => (await kube.get(worker)) === undefined);
    expect((await kube.get(deployment)) !== undefined && (await kube.get(service)) !== undefined, 'the rest stays');
  });
}
