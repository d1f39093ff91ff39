import { textAt } from '../../../diff/json.ts';
import { condition } from '../../../health/kinds/conditions.ts';
import type { KubeObject, ObjectRef } from '../../../sync/types.ts';
import { call } from '../support/api.ts';
import { deliveryRef } from '../support/furnish.ts';
import type { Repository } from '../support/git-server.ts';
import { makeHookSecrets, pushHook, receives } from '../support/github.ts';
import { type Kube, until } from '../support/kube.ts';

export const namespace = 'shop';
const ref = (apiVersion: string, kind: string, name: string): ObjectRef => ({ apiVersion, kind, namespace, name });
export const deployment = ref('apps/v1', 'Deployment', 'hello-world');
export const service = ref('v1', 'Service', 'hello-world-service');
export const settings = ref('v1', 'ConfigMap', 'hello-world-settings');
export const worker = ref('apps/v1', 'Deployment', 'hello-world-worker');
export const delivery = deliveryRef(namespace, 'hello-world');

/** Where the story plays. */
export interface Scene {
  readonly kube: Kube;
  readonly auditLog: string;
  readonly repository: Repository;
  /** The agent's REST, and what identifies the caller there. */
  readonly api: string;
  readonly headers: Readonly<Record<string, string>>;
}

const hookSecret = 'demo-webhook-secret';

/** Lets the Git host sign its webhooks, and waits until the agent knows the secret. */
export async function makeHookSecret({ kube, api }: Scene): Promise<void> {
  await makeHookSecrets(kube, 'lockstep-webhooks', { github: hookSecret });
  await receives(api);
}

/** Pushes a commit, and tells the agent by a webhook that is signed as GitHub signs it. Answers the revision. */
export async function push(
  { repository, api }: Scene,
  files: Readonly<Record<string, string | null>>,
  message: string,
): Promise<string> {
  const revision = repository.commit(files, message);
  const answer = await pushHook(api, hookSecret, repository.url, { id: revision });
  expect(answer.status === 202, `the webhook is accepted, not ${answer.status} ${JSON.stringify(answer.body)}`);
  expect(answer.body.syncs[0] === `${namespace}/hello-world`, 'the answer names what is synced');
  return revision;
}

/** Shows what REST says of the Delivery. */
export async function showRest({ api, headers }: Scene): Promise<void> {
  const path = `/api/v1/deliveries/${namespace}/hello-world`;
  const { status, body } = await call(`${api}${path}`, { headers });
  expect(status === 200, `REST answers, not ${status}`);
  const short = (revision: string | undefined): string => (revision ?? 'none').slice(0, 7);
  const { tip, target, good } = body.revision;
  const facts = {
    state: body.state,
    ready: body.ready.status,
    health: body.health.status,
    tip: short(tip),
    target: short(target),
    good: short(good),
    actions: body.actions,
    ...(body.hold === undefined ? {} : { hold: body.hold.reason }),
  };
  process.stdout.write(`    GET ${path} → ${JSON.stringify(facts)}\n`);
}

/** Tells a step of the story with the time it took; a step whose check does not hold ends the demo. */
export async function step<T>(
  title: string,
  action: () => Promise<T>,
  note: (result: T) => string = () => '',
): Promise<T> {
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
export function readyAt(kube: Kube, revision: string): Promise<KubeObject> {
  return until(`Ready at ${revision.slice(0, 12)}`, async () => {
    const object = await kube.get(delivery);
    const ready = object === undefined ? undefined : condition(object, 'Ready');
    return ready?.status === 'True' && textAt(object, 'status', 'revision', 'target') === revision ? object : undefined;
  });
}

export function has(
  kube: Kube,
  what: string,
  ref: ObjectRef,
  check: (object: KubeObject) => boolean,
): Promise<KubeObject> {
  return until(what, async () => {
    const object = await kube.get(ref);
    return object !== undefined && check(object) ? object : undefined;
  });
}

export function expect(holds: boolean, what: string): void {
  if (!holds) throw new Error(`does not hold: ${what}`);
}
