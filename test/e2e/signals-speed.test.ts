import { setTimeout as sleep } from 'node:timers/promises';
import { expect, inject, it } from 'vitest';
import type { KubeObject } from '../../sync/types.ts';
import { type AuditEntry, readAudit } from './support/audit.ts';
import { until } from './support/kube.ts';
import { type App, describeOnOwnCluster, useLockstep } from './support/lockstep.ts';
import { customKind, deployment } from './support/manifests.ts';
import { crashing, podWith, setPodStatus } from './support/pods.ts';
import { held, holdMessage } from './support/rollback.ts';

/** A verdict falls so soon after what completes it, in milliseconds. */
const limit = 500;
const lasting = 2_000;

const waiting = (reason: string, message = 'told by the test'): object => ({
  name: 'main',
  image: 'app:2',
  imageID: '',
  ready: false,
  restartCount: 0,
  state: { waiting: { reason, message } },
});
const pending = (container: object): object => ({ phase: 'Pending', containerStatuses: [container] });
const running = (container: object): object => ({ phase: 'Running', containerStatuses: [container] });

/** What a kubelet or a scheduler says, one after the other; after the last one, or a while after it, the verdict is due. */
const byPod: readonly { name: string; signal?: string; says: readonly object[]; message: string }[] = [
  { name: 'image-name', says: [pending(waiting('InvalidImageName'))], message: 'InvalidImageName' },
  {
    name: 'image-tries',
    says: ['ErrImagePull', 'ImagePullBackOff', 'ErrImagePull'].map((reason) => pending(waiting(reason))),
    message: 'ErrImagePull',
  },
  { name: 'image-pull', signal: 'imagePull', says: [pending(waiting('ErrImagePull'))], message: 'ErrImagePull' },
  { name: 'crash-thrice', says: [running(crashing('main', 'app:2', 3))], message: 'exit code 3' },
  {
    name: 'crash-loop',
    signal: 'crashLoop',
    says: [running({ ...crashing('main', 'app:2', 4), restartCount: 1 })],
    message: 'exit code 4',
  },
  {
    name: 'config',
    signal: 'config',
    says: [pending(waiting('CreateContainerConfigError', 'configmap "none" not found'))],
    message: 'configmap "none" not found',
  },
  {
    name: 'unschedulable',
    signal: 'unschedulable',
    says: [
      {
        phase: 'Pending',
        conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/3 nodes' }],
      },
    ],
    message: '0/3 nodes',
  },
];

const namespaces = byPod.map(({ name }) => `speed-${name}`);
const lockstep = useLockstep([...namespaces, 'speed-job', 'speed-custom', 'speed-quota']);

/** How long after the last thing that was told the agent began to take the release back, in milliseconds. */
async function delayAfter(app: App, told: (entry: AuditEntry) => boolean, since: number): Promise<number> {
  await held(app);
  const all = readAudit(inject('auditLog'), since).filter(({ namespace }) => namespace === app.namespace);
  const [first] = app.writes(since);
  const last = all.filter((entry) => told(entry) && entry.time < (first?.time ?? 0)).at(-1);
  if (first === undefined || last === undefined) throw new Error(`${app.namespace}: nothing was told, or taken back`);
  return first.time - last.answered;
}

/** How many watches of its pods are open: there were some, or the audit log says nothing. */
function openPodWatches({ namespace }: App): number {
  const watches = readAudit(inject('auditLog'), lockstep.began).filter(
    (entry) =>
      entry.agent === 'lockstep' &&
      entry.verb === 'watch' &&
      entry.resource === 'pods' &&
      entry.namespace === namespace,
  );
  if (watches.length === 0) throw new Error(`the pods of ${namespace} were never watched`);
  return watches.filter(({ stage }) => stage === 'ResponseStarted').length - closedOf(watches);
}

function closedOf(watches: readonly AuditEntry[]): number {
  return watches.filter(({ stage }) => stage === 'ResponseComplete').length;
}

const byTest = (resource: string) => (entry: AuditEntry) =>
  entry.agent === 'lockstep-test' && entry.verb === 'patch' && entry.resource === resource;

describeOnOwnCluster('a verdict falls within half a second of what completes it', () => {
  it.each(byPod)('$name', async ({ name, signal, says, message }) => {
    const health = signal === undefined ? {} : { health: { signals: { [signal]: `${lasting}ms` } } };
    const app = await lockstep.app(`speed-${name}`, { 'web.yaml': deployment('web') }, health);
    await app.ready();
    app.push({ 'web.yaml': deployment('web', { image: 'app:2', pod: { pod: 'nothing-happens' } }) });
    const pod = await podWith(lockstep.kube, app.namespace, 'app:2');
    // A rollout that is done at once is not even followed: kubelets take longer to say that it is not.
    await sleep(1_000);
    const since = Date.now();
    for (const status of says) {
      await setPodStatus(lockstep.kube, pod, status);
      // A node takes much longer for each try.
      await sleep(100);
    }
    const delay = await delayAfter(app, byTest('pods'), since);
    expect(holdMessage(await app.status())).toContain(message);
    expect(delay - (signal === undefined ? 0 : lasting)).toBeLessThan(limit);
    expect(delay).toBeGreaterThan(signal === undefined ? -1 : lasting - 50);
    await until('the pods are not watched any more', async () => openPodWatches(app) === 0);
  });

  it('a Job that failed', async () => {
    const app = await lockstep.app('speed-job', { 'web.yaml': deployment('web') });
    await app.ready();
    const job = `apiVersion: batch/v1
kind: Job
metadata: {name: once}
spec:
  backoffLimit: 0
  template:
    metadata: {annotations: {test.lockstep.dev/pod: nothing-happens}}
    spec: {restartPolicy: Never, containers: [{name: main, image: "app:2"}]}
`;
    app.push({ 'job.yaml': job });
    const pod = await podWith(lockstep.kube, app.namespace, 'app:2');
    const since = Date.now();
    const state = { terminated: { exitCode: 7, reason: 'Error', startedAt: null, finishedAt: null } };
    await setPodStatus(lockstep.kube, pod, { phase: 'Failed', containerStatuses: [{ ...waiting(''), state }] });
    const byController = ({ resource, subresource }: AuditEntry): boolean =>
      resource === 'jobs' && subresource === 'status';
    expect(await delayAfter(app, byController, since)).toBeLessThan(limit);
    expect(holdMessage(await app.status())).toContain('Job speed-job/once: BackoffLimitExceeded');
  });

  it('a quota that leaves no room', async () => {
    const namespace = 'speed-quota';
    const asking = (cpu: string): string =>
      deployment('web').replace('ports:', `resources: {requests: {cpu: ${cpu}}}\n          ports:`);
    const app = await lockstep.app(
      namespace,
      { 'web.yaml': asking('10m') },
      { health: { signals: { quota: `${lasting}ms` } } },
    );
    await lockstep.kube.apply({
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'small', namespace },
      spec: { hard: { 'requests.cpu': '100m' } },
    });
    await app.ready();
    app.push({ 'web.yaml': asking('200m') });
    const since = Date.now();
    await held(app);
    const all = readAudit(inject('auditLog'), since).filter((entry) => entry.namespace === namespace);
    // The controller says so by an Event before it says so in a status.
    const [told] = all.filter(({ resource, verb }) => resource === 'events' && verb === 'create');
    const applied = app.writes(since).filter(({ resource }) => resource === 'deployments');
    const delay = (applied[1]?.time ?? Number.NaN) - (told?.answered ?? Number.NaN);
    expect(delay).toBeGreaterThan(lasting - 50);
    expect(delay - lasting).toBeLessThan(limit);
  });

  it('a custom object that says that it failed', async () => {
    const group = 'speed.test.lockstep.dev';
    const schema = '{type: object, x-kubernetes-preserve-unknown-fields: true}';
    const object = (size: number): string =>
      `apiVersion: ${group}/v1\nkind: Kite\nmetadata: {name: it}\nspec: {size: ${size}}\n`;
    const app = await lockstep.app(
      'speed-custom',
      { 'kind.yaml': customKind(group, 'Kite', [{ schema }]), 'it.yaml': object(1) },
      { health: { signals: { degraded: `${lasting}ms` } } },
    );
    const ref = app.ref(`${group}/v1`, 'Kite', 'it');
    const say = (status: string, reason: string): Promise<KubeObject> =>
      lockstep.kube.edit(ref, { status: { conditions: [{ type: 'Ready', status, reason, message: 'told' }] } });
    await until('it is there', async () => (await lockstep.kube.get(ref)) !== undefined);
    await say('True', 'Flies');
    await app.ready();
    app.push({ 'it.yaml': object(2) });
    await until('it is changed', async () => JSON.stringify(await lockstep.kube.get(ref)).includes('"size":2'));
    const since = Date.now();
    await say('False', 'WindFailed');
    // What took it back mends it.
    await until('it is taken back', async () => JSON.stringify(await lockstep.kube.get(ref)).includes('"size":1'));
    const taken = Date.now();
    await say('True', 'Flies');
    const delay = await delayAfter(app, (entry) => byTest('kites')(entry) && entry.time < taken, since);
    expect(delay - lasting).toBeLessThan(limit);
    expect(holdMessage(await app.status())).toBe('Kite speed-custom/it: WindFailed: told');
  });
});
