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
  let now = 1_000;
  let notified = 0;
  const rollouts = createRollouts(
    watches,
    () => now,
    () => (notified += 1),
  );
  const ref = { apiVersion: manifest.apiVersion, kind: manifest.kind, namespace: 'shop', name: manifest.metadata.name };
  const workload: Workload = { key: 'web', ref, uid: 'owner', manifest };
  rollouts.follow('d', 'account', [workload]);
  const see = (kind: string, object: KubeObject, type: 'changed' | 'deleted' = 'changed'): void => {
    now += 1_000;
    for (const { target, tell } of told) if (target.kind === kind) tell({ type, object });
  };
  return { rollouts, told, closed, see, notified: () => notified, workload };
}

const deployment = read(
  'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\nspec: {selector: {matchLabels: {app: web}, matchExpressions: [{key: tier, operator: In, values: [a, b]}]}}\n',
);
const replicaSet = (hash: string, revision: number, owner = 'owner'): KubeObject =>
  read(
    `apiVersion: apps/v1\nkind: ReplicaSet\nmetadata: {name: web-${hash}, labels: {pod-template-hash: ${hash}}, annotations: {deployment.kubernetes.io/revision: "${revision}"}, ownerReferences: [{uid: ${owner}}]}\n`,
  );

describe('a rollout', () => {
  it('watches no more than the workload selects', () => {
    const { told } = follow(deployment);
    expect(told.map(({ target }) => `${target.kind} ${target.selector}`)).toEqual([
      'Pod app=web,tier in (a,b)',
      'ReplicaSet app=web,tier in (a,b)',
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
    expect(rollouts.signals('d', 'web', '2').map(({ pod: { name }, since }) => [name, since])).toEqual([
      ['web-new', 7_000],
    ]);
    // Its controller has not seen the last change yet.
    expect(rollouts.signals('d', 'web', undefined)).toEqual([]);
    // Back at the old template: that is the newest now.
    see('ReplicaSet', replicaSet('old', 3));
    expect(rollouts.signals('d', 'web', '3').map(({ pod: { name } }) => name)).toEqual(['web-old']);
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
    expect(rollouts.signals('d', 'web', revision).map(({ pod: { name: at } }) => at)).toEqual(['web-a']);
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
    expect(closed).toHaveLength(4);
  });
});
