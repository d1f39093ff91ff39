import { at, type JsonObject, numberAt, textAt } from '../diff/json.ts';
import type { Health, KubeObject } from '../sync/types.ts';
import { condition, explain } from './kinds/conditions.ts';
import { containerStatuses, endOf, lastEnd } from './kinds/pod.ts';

/** How long each signal of failure must last before a release fails by it, in milliseconds; 0 is at once. */
export const signalDefaults = {
  /** An image can't be pulled; two tries count too, however quick they were. */
  imagePull: 30_000,
  /** No image has such a name. */
  imageName: 0,
  /** A container ends again and again; three restarts count too. */
  crashLoop: 60_000,
  /** A container can't be made: a ConfigMap, a Secret or a key is missing, or its command is. */
  config: 15_000,
  /** No node takes the pod. */
  unschedulable: 60_000,
  /** A quota leaves no room. */
  quota: 15_000,
  /** Pods are refused for good, or a Job failed. */
  refused: 0,
  /** Anything else that is Degraded. */
  degraded: 15_000,
} as const;

export type SignalName = keyof typeof signalDefaults;
/** How long each signal must last; Infinity turns it off. */
export type SignalTimes = Readonly<Record<SignalName, number>>;

/** Something that says that waiting will not help, as far as anyone can tell. */
export interface Signal {
  readonly name: SignalName;
  /** A stable word, as Kubernetes has it where it has one. */
  readonly reason: string;
  /** What is wrong, with container and exit code. */
  readonly message: string;
  /** It does not have to last: enough tries were seen. */
  readonly isCertain: boolean;
  /** Right now it is not so: between two crashes a container runs. It goes on counting, but fails nothing. */
  readonly isPausing?: boolean;
  /** The container concerned, where it is one. */
  readonly container?: string;
}

const enoughRestarts = 3;

const none: ReadonlyMap<string, number> = new Map();

/**
 * What the containers of a pod say. Tries to pull an image can't be read from one state: whoever follows the pod counts them.
 * @param before restarts of each container that do not count
 */
export function podSignals(pod: KubeObject, before: ReadonlyMap<string, number> = none): Signal[] {
  const phase = textAt(pod, 'status', 'phase');
  // A pod that has ended is replaced by its owner, and a Job counts its own failures.
  if (phase === 'Succeeded' || phase === 'Failed' || at(pod, 'metadata', 'deletionTimestamp') !== undefined) return [];
  const found = containerStatuses(pod).flatMap((status) => containerSignal(status, before) ?? []);
  const scheduled = condition(pod, 'PodScheduled');
  if (scheduled?.status !== 'False' || scheduled.reason !== 'Unschedulable') return found;
  return [...found, { name: 'unschedulable', reason: 'Unschedulable', message: explain(scheduled), isCertain: false }];
}

const waitingSignals: Readonly<Record<string, { name: SignalName; reason: string }>> = {
  InvalidImageName: { name: 'imageName', reason: 'InvalidImageName' },
  ErrImagePull: { name: 'imagePull', reason: 'ErrImagePull' },
  ImagePullBackOff: { name: 'imagePull', reason: 'ErrImagePull' },
  CreateContainerConfigError: { name: 'config', reason: 'CreateContainerConfigError' },
  CreateContainerError: { name: 'config', reason: 'CreateContainerError' },
  RunContainerError: { name: 'config', reason: 'RunContainerError' },
};

function containerSignal(status: JsonObject, before: ReadonlyMap<string, number>): Signal | undefined {
  const waiting = textAt(status, 'state', 'waiting', 'reason') ?? '';
  const name = textAt(status, 'name') ?? '';
  const container = `container ${name}`;
  const known = waitingSignals[waiting];
  if (known !== undefined) {
    const message = `${container}: ${known.reason}: ${textAt(status, 'state', 'waiting', 'message') ?? waiting}`;
    return { ...known, message, isCertain: false, container: name };
  }
  const restarts = (numberAt(status, 'restartCount') ?? 0) - (before.get(name) ?? 0);
  const crash = crashSignal(status, container, waiting, restarts);
  return crash === undefined ? undefined : { ...crash, container: name };
}

/** A container that ended badly and is not ready since: between two crashes it runs for a moment. */
function crashSignal(status: JsonObject, container: string, waiting: string, restarts: number): Signal | undefined {
  const hasFailed = (numberAt(status, 'state', 'terminated', 'exitCode') ?? 0) !== 0;
  const isDown = waiting === 'CrashLoopBackOff' || hasFailed;
  const isBack = status['ready'] === true;
  if (isBack || (!isDown && restarts === 0)) return undefined;
  const end = lastEnd(status) ?? (hasFailed ? endOf(status, 'state') : undefined);
  if (end === undefined) return undefined;
  const message = `${container}: CrashLoopBackOff: ${end}`;
  const isCertain = isDown && restarts >= enoughRestarts;
  return { name: 'crashLoop', reason: 'CrashLoopBackOff', message, isCertain, ...(isDown ? {} : { isPausing: true }) };
}

const ownSignals: Readonly<Record<string, SignalName>> = {
  CrashLoopBackOff: 'crashLoop',
  Unschedulable: 'unschedulable',
};

/** What is refused for good is told apart from what a webhook, a quota or an account may let pass in a moment. */
export function refusalSignal(message: string): SignalName {
  if (message.includes('exceeded quota')) return 'quota';
  if (message.includes('error looking up service account')) return 'degraded';
  return /denied the request|violates PodSecurity|is invalid|is forbidden/.test(message) ? 'refused' : 'degraded';
}

/** What the health of an object itself says. */
export function healthSignal(health: Health): Signal | undefined {
  if (health.status !== 'Degraded') return undefined;
  const signal = (name: SignalName): Signal => ({
    name,
    reason: health.reason,
    message: health.message,
    isCertain: false,
  });
  if (health.reason === 'ReplicaFailure') return signal(refusalSignal(health.message));
  if (health.reason === 'JobFailed') return signal('refused');
  return signal(waitingSignals[health.reason]?.name ?? ownSignals[health.reason] ?? 'degraded');
}
