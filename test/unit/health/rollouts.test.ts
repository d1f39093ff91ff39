import { describe, expect, it } from 'vitest';
import { createRollouts, type Workload } from '../../../health/rollouts.ts';
import { healthSignal, podSignals } from '../../../health/signals.ts';
import type { WatchEvent, Watches, WatchTarget } from '../../../sync/ports.ts';
import { parseYaml } from '../../../sync/render/yaml.ts';
import type { KubeObject } from '../../../sync/types.ts';

const read = (text: string): KubeObject => parseYaml(text)[0] as KubeObject;

const pod = (status: string, name = 'web-1', labels = 'pod-template-hash: new', owner = 'rs'): KubeObject =>
  read(`apiVersion: v1
kind: Pod
metadata: {name: ${name}, namespace: shop, uid: ${name}, labels: {${labels}}, ownerReferences: [{uid: ${owner}}]}
status: ${status}
`);
const waiting = (reason: string, more = ''): string =>
  `{phase: Pending, containerStatuses: [{name: main, ready: false, restartCount: 0, state: {waiting: {reason: ${reason}, message: why}}${more}}]}`;
const crashed = (restarts: number, state: string): string =>
  `{phase: Running, containerStatuses: [{name: main, ready: false, restartCount: ${restarts}, state: ${state}, lastState: {terminated: {exitCode: 3, reason: Error}}}]}`;

describe('signals of a pod', () => {
  it.each<[string, string, string[]]>([
    [
      'a pod that runs',
      '{phase: Running, containerStatuses: [{name: main, ready: true, restartCount: 7, state: {running: {}}}]}',
      [],
    ],
    [
      'a pod that starts',
      '{phase: Pending, containerStatuses: [{name: main, ready: false, restartCount: 0, state: {waiting: {reason: ContainerCreating}}}]}',
      [],
    ],
    [
      'a pod that was evicted',
      '{phase: Failed, containerStatuses: [{name: main, ready: false, restartCount: 0, state: {terminated: {exitCode: 137}}}]}',
      [],
    ],
    [
      'a pod that is done',
      '{phase: Succeeded, containerStatuses: [{name: main, ready: false, restartCount: 0, state: {terminated: {exitCode: 0}}}]}',
      [],
    ],
    ['a bad image', waiting('ImagePullBackOff'), ['imagePull ErrImagePull: container main: ErrImagePull: why']],
    ['a bad name', waiting('InvalidImageName'), ['imageName InvalidImageName: container main: InvalidImageName: why']],
    [
      'a missing key',
      waiting('CreateContainerConfigError'),
      ['config CreateContainerConfigError: container main: CreateContainerConfigError: why'],
    ],
    [
      'a first crash',
      '{phase: Running, containerStatuses: [{name: main, ready: false, restartCount: 0, state: {terminated: {exitCode: 137, reason: OOMKilled}}}]}',
      ['crashLoop CrashLoopBackOff: container main: CrashLoopBackOff: exit code 137 (OOMKilled)'],
    ],
    [
      'a third crash',
      crashed(3, '{waiting: {reason: CrashLoopBackOff}}'),
      ['crashLoop CrashLoopBackOff: container main: CrashLoopBackOff: exit code 3 (Error), 3 restarts!'],
    ],
    [
      'a moment between crashes',
      crashed(3, '{running: {}}'),
      ['crashLoop CrashLoopBackOff: container main: CrashLoopBackOff: exit code 3 (Error), 3 restarts (pausing)'],
    ],
    [
      'an init container',
      '{phase: Pending, initContainerStatuses: [{name: init, ready: false, restartCount: 0, state: {waiting: {reason: ErrImagePull, message: why}}}]}',
      ['imagePull ErrImagePull: container init: ErrImagePull: why'],
    ],
    [
      'no node',
      '{phase: Pending, conditions: [{type: PodScheduled, status: "False", reason: Unschedulable, message: 0/3 nodes}]}',
      ['unschedulable Unschedulable: Unschedulable: 0/3 nodes'],
    ],
  ])('%s', (_name, status, expected) => {
    const found = podSignals(pod(status)).map(
      ({ name, reason, message, isCertain, isPausing }) =>
        `${name} ${reason}: ${message}${isCertain ? '!' : ''}${isPausing === true ? ' (pausing)' : ''}`,
    );
    expect(found).toEqual(expected);
  });
});

describe('signals of an object', () => {
  it.each([
    ['Progressing', 'Updating', 'x', undefined],
    ['Degraded', 'ReplicaFailure', 'pods "web" is forbidden: exceeded quota: small', 'quota'],
    ['Degraded', 'ReplicaFailure', 'admission webhook denied the request', 'refused'],
    ['Degraded', 'JobFailed', 'x', 'refused'],
    ['Degraded', 'ProgressDeadlineExceeded', 'x', 'degraded'],
    ['Degraded', 'ReplicaFailure', 'failed calling webhook: no endpoints', 'degraded'],
    ['Degraded', 'CrashLoopBackOff', 'of a Pod of its own', 'crashLoop'],
    ['Degraded', 'Stalled', 'x', 'degraded'],
  ] as const)('%s %s (%s) is %s', (status, reason, message, name) => {
    expect(healthSignal({ status, reason, message })?.name).toBe(name);
  });
});

/** Rollouts whose watches are told what a test says. */
function follow(manifest: KubeObject) {
  const told: { target: WatchTarget; tell: (event: WatchEvent) => void }[] = [];
  const closed: string[] = [];
  const watches: Watches = {
    open: (target, tell) => {
      told.push({ target, tell });
      return () => closed.push(target.kind);
    },
  };
  const changed = Date.parse('2026-01-01T00:00:00Z');
  let now = 1_000;
  let notified = 0;
  const rollouts = createRollouts(
    watches,
    () => now,
    () => (notified += 1),
  );
  const ref = { apiVersion: manifest.apiVersion, kind: manifest.kind, namespace: 'shop', name: manifest.metadata.name };
  const workload: Workload = { key: 'web', ref, uid: 'owner', manifest, changed };
  rollouts.follow('d', 'account', [workload]);
  const tell = (kind: string, event: WatchEvent): void => {
    now += 1_000;
    for (const one of told) if (one.target.kind === kind) one.tell(event);
  };
  const see = (kind: string, object: KubeObject, type: 'changed' | 'deleted' = 'changed'): void =>
    tell(kind, { type, object });
  return { tell, rollouts, told, closed, see, notified: () => notified, workload };
}

const deployment = read(
  'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\nspec: {selector: {matchLabels: {app: web}, matchExpressions: [{key: tier, operator: In, values: [a, b]}]}}\n',
);
const statefulSet = read(
  'apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: web, namespace: shop}\nspec: {selector: {matchLabels: {app: web}}}\n',
);
const newest = 'controller-revision-hash: new';
const heard = (reason: string, message: string, about: string, time = '2026-01-01T00:00:10Z'): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Event',
  metadata: { name: `${about}.${reason}` },
  reason,
  message,
  involvedObject: { uid: about },
  lastTimestamp: time,
});
const replicaSet = (hash: string, revision: number, owner = 'owner'): KubeObject =>
  read(
    `apiVersion: apps/v1\nkind: ReplicaSet\nmetadata: {name: web-${hash}, uid: ${hash}, labels: {pod-template-hash: ${hash}}, annotations: {deployment.kubernetes.io/revision: "${revision}"}, ownerReferences: [{uid: ${owner}}]}\n`,
  );

describe('a rollout', () => {
  it('watches no more than the workload selects', () => {
    const { told } = follow(deployment);
    expect(told.map(({ target }) => `${target.kind} ${target.selector ?? target.fields}`)).toEqual([
      'Pod app=web,tier in (a,b)',
      'ReplicaSet app=web,tier in (a,b)',
      'Event type=Warning',
      'Event reason=TriggeredScaleUp',
    ]);
  });

  it('of a Deployment counts the pods of its newest revision only', () => {
    const { rollouts, see } = follow(deployment);
    see('ReplicaSet', replicaSet('old', 1));
    see('ReplicaSet', replicaSet('new', 2));
    see('ReplicaSet', replicaSet('foreign', 2, 'somebody'));
    see('Pod', pod(waiting('ErrImagePull'), 'web-old', 'pod-template-hash: old'));
    see('Pod', pod(waiting('ErrImagePull'), 'web-foreign', 'pod-template-hash: foreign'));
    expect(rollouts.signals('d', 'web', '2')).toEqual([]);
    see('Pod', pod(waiting('ErrImagePull'), 'web-new'));
    expect(rollouts.signals('d', 'web', '2').map(({ pod: at, since }) => [at?.name, since])).toEqual([
      ['web-new', 7_000],
    ]);
    // Its controller has not seen the last change yet.
    expect(rollouts.signals('d', 'web', undefined)).toEqual([]);
    // Back at the old template: that is the newest now.
    see('ReplicaSet', replicaSet('old', 3));
    expect(rollouts.signals('d', 'web', '3').map(({ pod: at }) => at?.name)).toEqual(['web-old']);
  });

  it('counts tries to pull an image, and keeps when it began', () => {
    const { rollouts, see } = follow(deployment);
    see('ReplicaSet', replicaSet('new', 1));
    const signals = () => rollouts.signals('d', 'web', '1').map(({ since, isCertain }) => [since, isCertain]);
    see('Pod', pod(waiting('ErrImagePull')));
    see('Pod', pod(waiting('ErrImagePull')));
    see('Pod', pod(waiting('ImagePullBackOff')));
    expect(signals()).toEqual([[3_000, false]]);
    see('Pod', pod(waiting('ErrImagePull')));
    expect(signals()).toEqual([[3_000, true]]);
    see('Pod', pod(waiting('ErrImagePull')), 'deleted');
    expect(signals()).toEqual([]);
  });

  it.each([
    ['StatefulSet', 'controller-revision-hash', 'web-2'],
    ['DaemonSet', 'pod-template-generation', '2'],
  ])('of a %s knows its pods by %s', (kind, name, revision) => {
    const manifest = read(
      `apiVersion: apps/v1\nkind: ${kind}\nmetadata: {name: web}\nspec: {selector: {matchLabels: {app: web}}}\n`,
    );
    const { rollouts, see } = follow(manifest);
    see('Pod', pod(waiting('InvalidImageName'), 'web-a', `${name}: "${revision}"`, 'owner'));
    see('Pod', pod(waiting('InvalidImageName'), 'web-b', `${name}: other`, 'owner'));
    see('Pod', pod(waiting('InvalidImageName'), 'web-c', `${name}: "${revision}"`, 'somebody'));
    expect(rollouts.signals('d', 'web', revision).map(({ pod: at }) => at?.name)).toEqual(['web-a']);
  });

  it('tells only what says something else, and ends with its watches', () => {
    const { rollouts, see, notified, closed, workload } = follow(deployment);
    const running =
      '{phase: Running, containerStatuses: [{name: main, ready: true, restartCount: 0, state: {running: {}}}]}';
    for (let count = 0; count < 100; count += 1) see('Pod', pod(running, `web-${count}`));
    expect(notified()).toBe(0);
    see('Pod', pod(waiting('ErrImagePull')));
    see('Pod', pod(waiting('ErrImagePull')));
    expect(notified()).toBe(1);
    rollouts.follow('d', 'account', [workload]);
    expect(closed).toEqual([]);
    rollouts.follow('d', 'account', [{ ...workload, uid: 'made again' }]);
    expect(closed).toEqual(['Pod', 'ReplicaSet']);
    rollouts.follow('d', 'account', []);
    expect(closed).toEqual(['Pod', 'ReplicaSet', 'Pod', 'ReplicaSet', 'Event', 'Event']);
  });

  it('does not count the restarts that a pod had before', () => {
    const { rollouts, see } = follow(statefulSet);
    const at = (restarts: number, created: string): KubeObject => {
      const made = pod(crashed(restarts, '{waiting: {reason: CrashLoopBackOff}}'), 'web-0', newest, 'owner');
      return { ...made, metadata: { ...made.metadata, creationTimestamp: created } };
    };
    const certain = () => rollouts.signals('d', 'web', 'new').map(({ isCertain }) => isCertain);
    see('Pod', at(57, '2025-12-24T00:00:00Z'));
    expect(certain()).toEqual([false]);
    see('Pod', at(59, '2025-12-24T00:00:00Z'));
    expect(certain()).toEqual([false]);
    see('Pod', at(60, '2025-12-24T00:00:00Z'));
    expect(certain()).toEqual([true]);
    see('Pod', at(60, '2025-12-24T00:00:00Z'), 'deleted');
    // A pod of this rollout has no past.
    see('Pod', at(3, '2026-01-01T00:00:01Z'));
    expect(certain()).toEqual([true]);
  });

  it('hears that pods are refused, until one is made', () => {
    const { rollouts, see } = follow(statefulSet);
    const signals = () => rollouts.signals('d', 'web', 'new').map(({ name, message }) => `${name}: ${message}`);
    const text = 'create Pod web-0 in StatefulSet web failed error: pods "web-0" is forbidden: exceeded quota: small';
    see('Event', heard('FailedCreate', text, 'owner', '2025-12-31T23:59:00Z'));
    expect(signals()).toEqual([]);
    see('Event', heard('FailedCreate', text, 'somebody', '2026-01-01T00:00:10Z'));
    expect(signals()).toEqual([]);
    see('Event', heard('FailedCreate', text, 'owner', '2026-01-01T00:00:10Z'));
    expect(signals()).toEqual([`quota: FailedCreate: ${text}`]);
    // Its controller has not seen the new template yet: it may be the old one that is refused.
    expect(rollouts.signals('d', 'web', undefined)).toEqual([]);
    const made = pod('{phase: Pending}', 'web-0', newest, 'owner');
    see('Pod', { ...made, metadata: { ...made.metadata, creationTimestamp: '2026-01-01T00:00:12Z' } });
    expect(signals()).toEqual([]);
  });

  it('does not hold against a new rollout what was said of the one before', () => {
    const { rollouts, see, workload } = follow(statefulSet);
    const signals = () => rollouts.signals('d', 'web', 'new').map(({ name }) => name);
    see('Event', heard('FailedCreate', 'denied the request', 'owner', '2026-01-01T00:00:10Z'));
    expect(signals()).toEqual(['refused']);
    const later = { ...workload, changed: workload.changed + 10_500 };
    rollouts.follow('d', 'account', [later]);
    expect(signals()).toEqual([]);
    see('Event', heard('FailedCreate', 'denied the request', 'owner', '2026-01-01T00:00:11Z'));
    expect(signals()).toEqual(['refused']);
  });

  it('hears that a volume misses its source, while the pod waits', () => {
    const { rollouts, see } = follow(statefulSet);
    const signals = () => rollouts.signals('d', 'web', 'new').map(({ name, message }) => `${name}: ${message}`);
    see('Pod', pod('{phase: Pending}', 'web-0', newest, 'owner'));
    see('Event', heard('FailedMount', 'Multi-Attach error for volume "data"', 'web-0'));
    expect(signals()).toEqual([]);
    see('Event', heard('FailedMount', 'MountVolume.SetUp failed for volume "c" : configmap "c" not found', 'web-0'));
    expect(signals()).toEqual([
      'config: FailedMount: MountVolume.SetUp failed for volume "c" : configmap "c" not found',
    ]);
    // Its volumes are there by now: it only takes long to pull its image.
    see(
      'Pod',
      pod(
        '{phase: Pending, conditions: [{type: PodReadyToStartContainers, status: "True"}]}',
        'web-0',
        newest,
        'owner',
      ),
    );
    expect(signals()).toEqual([]);
    see('Pod', pod('{phase: Running}', 'web-0', newest, 'owner'));
    expect(signals()).toEqual([]);
  });

  it('does not count a refusal that it hears of after the pod that could be made', () => {
    const { rollouts, see } = follow(statefulSet);
    const made = pod('{phase: Pending}', 'web-0', newest, 'owner');
    see('Pod', { ...made, metadata: { ...made.metadata, creationTimestamp: '2026-01-01T00:00:12Z' } });
    see('Event', heard('FailedCreate', 'exceeded quota', 'owner', '2026-01-01T00:00:10Z'));
    expect(rollouts.signals('d', 'web', 'new')).toEqual([]);
    see('Event', heard('FailedCreate', 'exceeded quota', 'owner', '2026-01-01T00:00:13Z'));
    expect(rollouts.signals('d', 'web', 'new').map(({ name }) => name)).toEqual(['quota']);
  });

  it('waits for a node that an autoscaler brings', () => {
    const { rollouts, see } = follow(statefulSet);
    const nowhere = '{phase: Pending, conditions: [{type: PodScheduled, status: "False", reason: Unschedulable}]}';
    const signals = () => rollouts.signals('d', 'web', 'new').map(({ name, pod: at }) => `${name} ${at?.name}`);
    see('Pod', pod(nowhere, 'web-0', newest, 'owner'));
    see('Pod', pod(nowhere, 'web-1', newest, 'owner'));
    expect(signals()).toEqual(['unschedulable web-0', 'unschedulable web-1']);
    see('Event', heard('TriggeredScaleUp', 'pod triggered scale-up', 'web-0'));
    expect(signals()).toEqual(['unschedulable web-1']);
  });

  it('forgets what a new list does not have', () => {
    const { rollouts, see, tell } = follow(deployment);
    see('ReplicaSet', replicaSet('new', 2));
    see('Pod', pod(waiting('ErrImagePull')));
    expect(rollouts.signals('d', 'web', '2')).toHaveLength(1);
    tell('ReplicaSet', { type: 'synced', present: new Set() });
    expect(rollouts.signals('d', 'web', '2')).toEqual([]);
    see('ReplicaSet', replicaSet('new', 2));
    tell('Pod', { type: 'synced', present: new Set() });
    expect(rollouts.signals('d', 'web', '2')).toEqual([]);
  });

  it('says what it can not watch', () => {
    const { rollouts, tell, notified } = follow(deployment);
    const error = new Error('pods is forbidden');
    tell('Pod', { type: 'failed', error });
    tell('Pod', { type: 'failed', error });
    expect(notified()).toBe(1);
    expect(rollouts.troubles('d')).toEqual([{ kind: 'Pod', error }]);
    tell('Pod', { type: 'opened' });
    expect(rollouts.troubles('d')).toEqual([]);
  });
});
