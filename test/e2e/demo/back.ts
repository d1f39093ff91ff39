import { isDeepStrictEqual } from 'node:util';
import { numberAt, objectsAt, textAt } from '../../../diff/json.ts';
import { withoutNoise } from '../../../diff/normalize.ts';
import { stampNames } from '../../../sync/stamp.ts';
import type { KubeObject, ObjectRef } from '../../../sync/types.ts';
import { helloWorld } from '../support/hello-world.ts';
import { type Kube, until } from '../support/kube.ts';
import {
  delivery,
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
} from './stage.ts';

const added: ObjectRef = { apiVersion: 'v1', kind: 'Service', namespace, name: 'hello-world-extra' };
const extra = `apiVersion: v1
kind: Service
metadata:
  name: hello-world-extra
spec:
  selector: {app: hello-world}
  ports:
    - port: 81
`;
const bad = {
  'deployment.yaml': helloWorld.deployment(3, 'hello-world:missing'),
  'settings.yaml': null,
  'extra.yaml': extra,
};

/** What an object is, without what the server counts. */
async function essence(kube: Kube, ref: ObjectRef): Promise<object> {
  const object = await kube.get(ref);
  if (object === undefined) return {};
  return { ...withoutNoise(object, stampNames), uid: object.metadata.uid };
}

function held(kube: Kube, revision: string): Promise<KubeObject> {
  return has(kube, `${revision.slice(0, 12)} is held`, delivery, (object) => {
    const isTip = textAt(object, 'status', 'revision', 'tip') === revision;
    return isTip && textAt(object, 'status', 'state') === 'Held';
  });
}

/** A commit with a bad image, a removed ConfigMap and an added Service. Answers the revision that was good before. */
export async function badCommit(scene: Scene): Promise<string> {
  const { kube } = scene;
  const refs = [deployment, service, settings];
  const before = await Promise.all(refs.map((ref) => essence(kube, ref)));
  const good = textAt(await kube.get(delivery), 'status', 'revision', 'good') ?? '';
  let fewest = 3;
  let isLost = false;
  const watching = setInterval(async () => {
    const [live, config] = await Promise.all([kube.get(deployment), kube.get(settings)]);
    fewest = Math.min(fewest, numberAt(live, 'status', 'availableReplicas') ?? 0);
    isLost ||= config === undefined;
  }, 50);
  const revision = await push(scene, bad, 'a new image, no settings, one more Service');
  const started = performance.now();
  const seconds = (): string => ((performance.now() - started) / 1000).toFixed(1);
  let cause = '';
  await step(
    'git push: an image that does not exist, settings.yaml removed, a Service added',
    async () => {
      await has(kube, 'the failure is seen', delivery, (object) => {
        cause = textAt(object, 'status', 'hold', 'message') ?? '';
        return cause !== '';
      });
      return `seen as failed ${seconds()} s after the push`;
    },
    (note) => note,
  );
  process.stdout.write(`    ${cause}\n`);
  expect(/container hello-world: ErrImagePull/.test(cause), 'the cause names the container and what is wrong');
  await step('the last good revision is live again, by itself', () => held(kube, revision));
  clearInterval(watching);
  const after = await Promise.all(refs.map((ref) => essence(kube, ref)));
  expect(isDeepStrictEqual(after, before), 'every object is the same one, and as it was');
  expect((await kube.get(added)) === undefined, 'the added Service is gone');
  expect(!isLost, 'the ConfigMap was never lost');
  expect(fewest === 3, `three replicas served all along, not ${fewest}`);
  const [line] = objectsAt(await kube.get(delivery), 'status', 'history');
  expect(line?.['verdict'] === 'RolledBack' && line['revision'] === revision, 'history says so');
  process.stdout.write(
    '    objects and uids as before, the added Service gone, the ConfigMap never lost, 3 replicas all along\n',
  );
  return good;
}

/** The bad content stays out, and drift is still healed. */
export async function whileHeld(scene: Scene, good: string): Promise<void> {
  const { kube } = scene;
  await step('git push: an unrelated file; the bad revision is not released by it', async () => {
    const revision = await push(scene, { 'notes.txt': 'not a manifest' }, 'notes');
    const object = await held(kube, revision);
    expect(textAt(object, 'status', 'revision', 'target') === good, 'the target is the good revision');
  });
  await step('somebody scales it to 7 by hand meanwhile: it goes back to 3', async () => {
    await kube.edit(deployment, { spec: { replicas: 7 } });
    await has(kube, 'three replicas', deployment, (object) => numberAt(object, 'spec', 'replicas') === 3);
  });
}

/** The commit that repairs it. */
export async function fix(scene: Scene): Promise<void> {
  const { kube } = scene;
  await step('git push: an image that exists; the rest of the commit goes live with it', async () => {
    const image = { 'deployment.yaml': helloWorld.deployment(3, 'hello-world:2') };
    await readyAt(kube, await push(scene, image, 'the right image'));
    await has(kube, 'the added Service', added, () => true);
  });
  await step('probation ends: only now is the ConfigMap that left Git deleted', () =>
    until('it is gone', async () => (await kube.get(settings)) === undefined),
  );
}
