import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { at, objectsAt, textAt } from '../../diff/json.ts';
import type { KubeObject } from '../../sync/types.ts';
import { until } from './support/kube.ts';
import { type App, deployment, describeOnOwnCluster, useLockstep } from './support/lockstep.ts';
import { crashing, podsOf, podWith, setPodStatus } from './support/pods.ts';
import { deny } from './support/policy.ts';
import { held, holdMessage } from './support/rollback.ts';

const lockstep = useLockstep([
  'sign-name',
  'sign-quota',
  'sign-set-quota',
  'sign-policy',
  'sign-set-policy',
  'sign-secret',
  'sign-late',
  'sign-mount',
  'sign-daemon',
  'sign-init',
  'sign-nowhere',
  'sign-scale-up',
  'sign-off',
  'sign-class',
  'sign-past',
  'sign-unwatched',
]);

/** A workload of a kind whose pods are ordered or one a node, as text. */
const workload = (kind: 'StatefulSet' | 'DaemonSet', pod: string, metadata = ''): string => `apiVersion: apps/v1
kind: ${kind}
metadata: {name: web}
spec:
  ${kind === 'StatefulSet' ? 'serviceName: web' : ''}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}, annotations: {${metadata}}}
    spec: {${pod}}
`;
const container = (image: string, more = ''): string => `containers: [{name: main, image: "${image}"${more}}]`;
const asks = (cpu: string): string => `, resources: {requests: {cpu: ${cpu}}}`;

/** An Event as its writer makes it. */
async function tell(app: App, about: KubeObject, kind: string, type: string, reason: string, message: string) {
  const { namespace } = app;
  const { name, uid = '' } = about.metadata;
  const now = new Date().toISOString();
  await lockstep.kube.http.request({
    method: 'POST',
    path: `/api/v1/namespaces/${namespace}/events`,
    body: JSON.stringify({
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { namespace, name: `${name}.${reason.toLowerCase()}.${Date.now()}` },
      involvedObject: { apiVersion: 'v1', kind, namespace, name, uid },
      type,
      reason,
      message,
      firstTimestamp: now,
      lastTimestamp: now,
      count: 1,
    }),
  });
}

async function limitCpu(namespace: string): Promise<void> {
  await lockstep.kube.apply({
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { name: 'small', namespace },
    spec: { hard: { 'requests.cpu': '100m' } },
  });
}

/** Pods of some images are refused by a policy of the cluster. */
async function forbidImage(namespace: string): Promise<void> {
  await deny(lockstep.kube, namespace, {
    operation: 'CREATE',
    resource: 'pods',
    must: "object.spec.containers.all(c, !c.image.endsWith(':forbidden'))",
    message: 'no such image here',
  });
  await until('the policy is in force', async () => {
    const path = `/api/v1/namespaces/${namespace}/pods`;
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'try' },
      spec: { containers: [{ name: 'a', image: 'a:forbidden' }] },
    };
    return lockstep.kube.http
      .request({ method: 'POST', path, query: { dryRun: 'All' }, body: JSON.stringify(pod) })
      .then(
        () => false,
        (error: Error) => error.message.includes('no such image here'),
      );
  });
}

describeOnOwnCluster('a release fails early', () => {
  it('at once by an image of an impossible name', async () => {
    const app = await lockstep.app('sign-name', { 'web.yaml': deployment('web') });
    await app.ready();
    const since = Date.now();
    app.push({ 'web.yaml': deployment('web', { image: 'App', pod: { pod: 'invalid-image' } }) });
    expect(holdMessage(await held(app))).toContain(
      'container main: InvalidImageName: Failed to apply default image tag',
    );
    expect(Date.now() - since).toBeLessThan(8_000);
  });

  it.each([
    [
      'sign-quota',
      (cpu: string) => deployment('web').replace('ports:', `resources: {requests: {cpu: ${cpu}}}\n          ports:`),
    ],
    ['sign-set-quota', (cpu: string) => workload('StatefulSet', container('app:1', asks(cpu)))],
  ])('when a quota leaves no room for as long as it is given: %s', async (namespace, text) => {
    const app = await lockstep.app(namespace, { 'web.yaml': text('10m') }, { health: { signals: { quota: '3s' } } });
    await limitCpu(namespace);
    await app.ready();
    const since = Date.now();
    app.push({ 'web.yaml': text('200m') });
    expect(holdMessage(await held(app))).toMatch(/^(Deployment|StatefulSet) \S+\/web: .*exceeded quota: small/);
    expect(Date.now() - since).toBeGreaterThan(3_000);
    expect(Date.now() - since).toBeLessThan(15_000);
    app.push({ 'web.yaml': text('20m') });
    await app.ready();
  });

  it.each([
    ['sign-policy', (image: string) => deployment('web', { image })],
    ['sign-set-policy', (image: string) => workload('StatefulSet', container(image))],
  ])('at once when its pods are refused for good: %s', async (namespace, text) => {
    const app = await lockstep.app(namespace, { 'web.yaml': text('app:1') });
    await app.ready();
    await forbidImage(namespace);
    const since = Date.now();
    app.push({ 'web.yaml': text('app:forbidden') });
    expect(holdMessage(await held(app))).toMatch(/^(Deployment|StatefulSet) \S+\/web: .*no such image here/);
    expect(Date.now() - since).toBeLessThan(8_000);
  });

  it('when a Secret that nobody took away is missing for 15 s', async () => {
    const using = deployment('web', { image: 'app:2' }).replace(
      'ports:',
      'env: [{name: TOKEN, valueFrom: {secretKeyRef: {name: token, key: value}}}]\n          ports:',
    );
    const app = await lockstep.app('sign-secret', { 'web.yaml': deployment('web') });
    await app.ready();
    const since = Date.now();
    app.push({ 'web.yaml': using });
    expect(holdMessage(await held(app))).toContain(
      'container main: CreateContainerConfigError: secret "token" not found',
    );
    expect(Date.now() - since).toBeGreaterThan(15_000);
    expect(Date.now() - since).toBeLessThan(22_000);
  });

  it('but not when another controller makes that Secret after 10 s', async () => {
    const using = deployment('web', { image: 'app:2' }).replace(
      'ports:',
      'env: [{name: TOKEN, valueFrom: {secretKeyRef: {name: late, key: value}}}]\n          ports:',
    );
    const app = await lockstep.app('sign-late', { 'web.yaml': deployment('web') });
    await app.ready();
    app.push({ 'web.yaml': using });
    await until('its container can not be made', async () =>
      (await podsOf(lockstep.kube, app.namespace)).some((pod) =>
        JSON.stringify(pod).includes('CreateContainerConfigError'),
      ),
    );
    await sleep(10_000);
    const metadata = { name: 'late', namespace: app.namespace };
    await lockstep.kube.apply({ apiVersion: 'v1', kind: 'Secret', metadata, stringData: { value: 'x' } });
    const status = await app.ready(30_000);
    expect(objectsAt(status, 'status', 'history').map(({ verdict }) => verdict)).toEqual(['Good', 'Good']);
  });

  it('when a volume misses its ConfigMap, which only an Event tells', async () => {
    const app = await lockstep.app(
      'sign-mount',
      { 'web.yaml': deployment('web') },
      { health: { signals: { config: '2s' } } },
    );
    await app.ready();
    app.push({ 'web.yaml': deployment('web', { image: 'app:2', pod: { pod: 'nothing-happens' } }) });
    const pod = await podWith(lockstep.kube, app.namespace, 'app:2');
    const message = 'MountVolume.SetUp failed for volume "files" : configmap "files" not found';
    await tell(app, pod, 'Pod', 'Warning', 'FailedMount', message);
    expect(holdMessage(await held(app))).toBe(
      `Deployment sign-mount/web: pod ${pod.metadata.name}: FailedMount: ${message}`,
    );
  });

  it('by the pods of a DaemonSet', async () => {
    const app = await lockstep.app('sign-daemon', { 'web.yaml': workload('DaemonSet', container('app:1')) });
    await app.ready();
    app.push({ 'web.yaml': workload('DaemonSet', container('app:missing')) });
    expect(holdMessage(await held(app))).toMatch(
      /^DaemonSet sign-daemon\/web: pod web-\S+: container main: ErrImagePull/,
    );
    const daemons = await app.get('apps/v1', 'DaemonSet', 'web');
    expect(at(daemons, 'status', 'numberUnavailable')).toBeUndefined();
  });

  it('by an init container', async () => {
    const app = await lockstep.app('sign-init', { 'web.yaml': deployment('web') });
    await app.ready();
    const text = deployment('web', { image: 'app:2', pod: { pod: 'nothing-happens' } });
    app.push({
      'web.yaml': text.replace('containers:', 'initContainers: [{name: migrate, image: "app:2"}]\n      containers:'),
    });
    const pod = await podWith(lockstep.kube, app.namespace, 'app:2');
    await setPodStatus(lockstep.kube, pod, {
      phase: 'Pending',
      initContainerStatuses: [crashing('migrate', 'app:2', 7)],
    });
    expect(holdMessage(await held(app))).toBe(
      `Deployment sign-init/web: pod ${pod.metadata.name}: container migrate: CrashLoopBackOff: exit code 7 (Error), 3 restarts`,
    );
  });

  const nowhere = deployment('web', { image: 'app:2' }).replace(
    '    spec:\n',
    '    spec:\n      nodeSelector: {disk: none}\n',
  );

  it('when no node takes a pod for as long as it is given', async () => {
    const app = await lockstep.app(
      'sign-nowhere',
      { 'web.yaml': deployment('web') },
      { health: { signals: { unschedulable: '2s' } } },
    );
    await app.ready();
    app.push({ 'web.yaml': nowhere });
    expect(holdMessage(await held(app))).toMatch(/: pod web-\S+: Unschedulable: .*nodes? .*match/);
  });

  it('but not while an autoscaler brings a node', async () => {
    const app = await lockstep.app(
      'sign-scale-up',
      { 'web.yaml': deployment('web') },
      { health: { signals: { unschedulable: '3s' } } },
    );
    await app.ready();
    app.push({ 'web.yaml': nowhere });
    const pod = await podWith(lockstep.kube, app.namespace, 'app:2');
    await tell(app, pod, 'Pod', 'Normal', 'TriggeredScaleUp', 'pod triggered scale-up: 1->2');
    await sleep(6_000);
    expect(textAt(await app.status(), 'status', 'state')).toBe('Verifying');
    const node = { apiVersion: 'v1', kind: 'Node', name: await anyNode() };
    await lockstep.kube.edit(node, { metadata: { labels: { disk: 'none' } } });
    try {
      await app.ready();
    } finally {
      await lockstep.kube.edit(node, { metadata: { labels: { disk: null } } });
    }
  });

  async function anyNode(): Promise<string> {
    const { body } = await lockstep.kube.http.request({ method: 'GET', path: '/api/v1/nodes' });
    return textAt(objectsAt(body, 'items')[0], 'metadata', 'name') ?? '';
  }

  it('only at the deadline when the signal is turned off', async () => {
    const app = await lockstep.app(
      'sign-off',
      { 'web.yaml': deployment('web') },
      { health: { deadline: '8s', signals: { imagePull: 'off' } } },
    );
    await app.ready();
    const since = Date.now();
    app.push({ 'web.yaml': deployment('web', { image: 'app:missing' }) });
    expect(holdMessage(await held(app))).toMatch(/^no progress in time: Deployment sign-off\/web/);
    expect(Date.now() - since).toBeGreaterThan(8_000);
  });

  it('when a claim is of a StorageClass that does not exist', async () => {
    const app = await lockstep.app(
      'sign-class',
      { 'web.yaml': deployment('web') },
      { health: { signals: { degraded: '2s' } } },
    );
    await app.ready();
    const claim = `apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {storageClassName: nowhere, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
`;
    app.push({ 'claim.yaml': claim });
    const status = await held(app);
    expect(holdMessage(status)).toBe(
      'PersistentVolumeClaim sign-class/data: is not bound to a volume: there is no StorageClass nowhere',
    );
    // What holds data is never deleted by a rollback; it is told instead.
    expect(at(status, 'status', 'leftBehind')).toEqual([
      expect.stringContaining('PersistentVolumeClaim sign-class/data'),
    ]);
    expect(await app.get('v1', 'PersistentVolumeClaim', 'data')).toBeDefined();
  });

  it('but not by restarts of long ago, when an old Deployment is scaled up', async () => {
    const app = await lockstep.app('sign-past', { 'web.yaml': deployment('web', { pod: { pod: 'never-ready' } }) });
    const old = await podWith(lockstep.kube, app.namespace, 'app:1');
    await until(
      'it runs',
      async () => textAt((await podsOf(lockstep.kube, app.namespace))[0], 'status', 'phase') === 'Running',
    );
    const end = { terminated: { exitCode: 1, reason: 'Error', startedAt: null, finishedAt: null } };
    const status = (restartCount: number, ready: boolean) => ({
      containerStatuses: [
        { name: 'main', image: 'app:1', imageID: '', ready, restartCount, state: { running: {} }, lastState: end },
      ],
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
    });
    await setPodStatus(lockstep.kube, old, status(57, true));
    await app.ready();
    await sleep(6_000);
    await setPodStatus(lockstep.kube, old, {
      ...status(57, false),
      containerStatuses: [
        { ...status(57, false).containerStatuses[0], state: { waiting: { reason: 'CrashLoopBackOff', message: 'x' } } },
      ],
    });
    app.push({ 'web.yaml': deployment('web', { replicas: 2, pod: { pod: 'never-ready' } }) });
    const second = await until('the second pod runs', async () =>
      (await podsOf(lockstep.kube, app.namespace)).find(
        (pod) => pod.metadata.name !== old.metadata.name && textAt(pod, 'status', 'phase') === 'Running',
      ),
    );
    await setPodStatus(lockstep.kube, second, status(0, true));
    await sleep(3_000);
    expect(textAt(await app.status(), 'status', 'state')).toBe('Verifying');
    await setPodStatus(lockstep.kube, old, status(58, true));
    await app.ready();
  });

  it('late, and says so, when its account may not watch pods', async () => {
    const app = await lockstep.app(
      'sign-unwatched',
      { 'web.yaml': deployment('web') },
      { health: { deadline: '8s' } },
      ['get', 'list', 'watch', 'create', 'patch', 'delete'],
    );
    await app.ready();
    app.push({ 'web.yaml': deployment('web', { image: 'app:missing' }) });
    await until('the status says so', async () =>
      /a look at its pods: Pod can't be watched: .*forbidden/.test(
        textAt(
          objectsAt(await app.status(), 'status', 'conditions').find(({ type }) => type === 'Ready'),
          'message',
        ) ?? '',
      ),
    );
    expect(holdMessage(await held(app))).toMatch(/^no progress in time/);
  });
});
