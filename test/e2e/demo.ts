import { parseArgs } from 'node:util';
import { numberAt, objectsAt, textAt } from '../../diff/json.ts';
import { condition } from '../../health/kinds/conditions.ts';
import type { KubeObject, ObjectRef } from '../../sync/types.ts';
import { type ControlPlane, startControlPlane } from '../cluster/control-plane.ts';
import { startAgentProcess } from './support/agent.ts';
import { agentRequests, readAudit, writes } from './support/audit.ts';
import { deliveryOf, deliveryRef, installLockstep, makeNamespace } from './support/furnish.ts';
import { type Repository, startGitServer } from './support/git-server.ts';
import { helloWorld } from './support/hello-world.ts';
import { connect, type Kube, until } from './support/kube.ts';

const namespace = 'shop';
const ref = (apiVersion: string, kind: string, name: string): ObjectRef => ({ apiVersion, kind, namespace, name });
const deployment = ref('apps/v1', 'Deployment', 'hello-world');
const service = ref('v1', 'Service', 'hello-world-service');
const settings = ref('v1', 'ConfigMap', 'hello-world-settings');
const worker = ref('apps/v1', 'Deployment', 'hello-world-worker');
const delivery = deliveryRef(namespace, 'hello-world');

/** Tells a step of the story with the time it took; a step whose check does not hold ends the demo. */
async function step<T>(title: string, action: () => Promise<T>, note: (result: T) => string = () => ''): Promise<T> {
  const started = performance.now();
  process.stdout.write(`  ${title} ... `);
  try {
    const result = await action();
    const seconds = ((performance.now() - started) / 1000).toFixed(2);
    process.stdout.write(`${seconds} s${note(result) === '' ? '' : `  (${note(result)})`}\n`);
    return result;
  } catch (error) {
    process.stdout.write('FAILED\n');
    throw error;
  }
}

/** Waits until the Delivery is Ready at a revision. */
function readyAt(kube: Kube, revision: string): Promise<KubeObject> {
  return until(`Ready at ${revision.slice(0, 12)}`, async () => {
    const object = await kube.get(delivery);
    const ready = object === undefined ? undefined : condition(object, 'Ready');
    return ready?.status === 'True' && textAt(object, 'status', 'revision', 'target') === revision ? object : undefined;
  });
}

function has(kube: Kube, what: string, ref: ObjectRef, check: (object: KubeObject) => boolean): Promise<KubeObject> {
  return until(what, async () => {
    const object = await kube.get(ref);
    return object !== undefined && check(object) ? object : undefined;
  });
}

function expect(holds: boolean, what: string): void {
  if (!holds) throw new Error(`does not hold: ${what}`);
}

/** `npm run demo`: the main job on real parts, told as a story. Answers 0 only when every check held. */
export async function demo(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: { keep: { type: 'boolean', default: false } } });
  const closers: (() => Promise<unknown>)[] = [];
  process.stdout.write('Lockstep: a commit goes live\n\n');
  try {
    await story(closers, values.keep);
    process.stdout.write('\nEvery check held.\n');
    return 0;
  } catch (error) {
    process.stdout.write(`\n${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

async function story(closers: (() => Promise<unknown>)[], keep: boolean): Promise<void> {
  const plane = await step(
    'a real control plane starts (API server, etcd, controllers, scheduler, simulated nodes)',
    () => startControlPlane({ say: (line) => process.stdout.write(`\n    ${line}`) }),
  );
  closers.push(() => plane.stop());
  const kube = await connect(plane.kubeconfig);
  closers.push(() => kube.close());
  const server = await startGitServer();
  closers.push(() => server.close());
  const repository = server.repository('hello-world.git');
  const first = await step('a Git repository gets the hello-world application', async () =>
    repository.commit(
      {
        'deployment.yaml': helloWorld.deployment(),
        'service.yaml': helloWorld.service,
        'settings.yaml': helloWorld.settings('blue'),
        'migration.yaml': helloWorld.migration,
        'worker.yaml': helloWorld.worker,
      },
      'hello, world',
    ),
  );
  await installLockstep(kube);
  await makeNamespace(kube, namespace);
  const agent = await step(
    'the agent starts',
    () => startAgentProcess(plane.kubeconfig),
    (process) => `${Math.round(process.rss())} MiB`,
  );
  closers.push(() => agent.stop());
  try {
    await chapters(kube, plane, repository, first);
  } catch (error) {
    process.stdout.write(
      `\nThe status: ${JSON.stringify((await kube.get(delivery))?.['status'], null, 1)}\nThe agent said last:\n${agent.output().split('\n').slice(-15).join('\n')}\n`,
    );
    throw error;
  }
  process.stdout.write(`\n  the agent uses ${Math.round(agent.rss())} MiB\n`);
  if (keep) await stay(plane.kubeconfig, repository.url, repository.workTree);
}

async function chapters(kube: Kube, plane: ControlPlane, repository: Repository, first: string): Promise<void> {
  await firstSync(kube, plane.auditLog, repository.url, first);
  await scaleUp(kube, plane.auditLog, repository);
  await drift(kube);
  await removal(kube, repository);
}

async function firstSync(kube: Kube, auditLog: string, url: string, revision: string): Promise<void> {
  const started = Date.now();
  await step('a Delivery names the repository: first sync in waves -1, 0 and 1', async () => {
    await kube.apply(deliveryOf(namespace, 'hello-world', url));
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

async function scaleUp(
  kube: Kube,
  auditLog: string,
  repository: { commit(files: Record<string, string>, message: string): string },
): Promise<void> {
  const started = Date.now();
  await step(
    'git push: three replicas',
    async () => {
      const revision = repository.commit({ 'deployment.yaml': helloWorld.deployment(3) }, 'scale to three');
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

async function drift(kube: Kube): Promise<void> {
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

async function removal(
  kube: Kube,
  repository: { commit(files: Record<string, string | null>, message: string): string },
): Promise<void> {
  await step('git rm worker.yaml: it is pruned, nothing else is', async () => {
    const revision = repository.commit({ 'worker.yaml': null }, 'no worker any more');
    await readyAt(kube, revision);
    await until('the worker is gone', async () => (await kube.get(worker)) === undefined);
    expect((await kube.get(deployment)) !== undefined && (await kube.get(service)) !== undefined, 'the rest stays');
  });
}

async function stay(kubeconfig: string, url: string, workTree: string): Promise<void> {
  process.stdout.write(
    `\nIt keeps running until Ctrl-C.\n  kubeconfig  ${kubeconfig}\n  repository  ${url}\n  work tree   ${workTree} (commit and git push origin HEAD:main)\n  status      npx lockstep status -n ${namespace} --kubeconfig ${kubeconfig}\n`,
  );
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve());
  });
}
