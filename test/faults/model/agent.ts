import { createHmac } from 'node:crypto';
import { createDeliveries, type Deliveries } from '../../../agent/deliveries.ts';
import { createDeliveryWriter } from '../../../agent/delivery-writer.ts';
import { createEvents } from '../../../agent/events.ts';
import { createCluster } from '../../../agent/kube/cluster.ts';
import { fenced } from '../../../agent/kube/http.ts';
import { createLineage } from '../../../agent/lineage.ts';
import { createNeighbours } from '../../../agent/neighbours.ts';
import type { Hint } from '../../../agent/queue/queue.ts';
import type { Seals } from '../../../agent/record-key.ts';
import { createRecordSecrets } from '../../../agent/record-secrets.ts';
import { createRecords } from '../../../agent/records.ts';
import { createRegistry, type Registry } from '../../../agent/registry.ts';
import { noRules } from '../../../health/own-rules.ts';
import { createRollouts } from '../../../health/rollouts.ts';
import { createWatcher } from '../../../health/watcher.ts';
import { unlimited } from '../../../sync/limits.ts';
import type { Clock, Log, Measure } from '../../../sync/ports.ts';
import { readManifests } from '../../../sync/render/plain.ts';
import type { Step } from '../../../sync/world.ts';
import type { Random } from '../random.ts';
import { type ApiServer, modelKinds } from './api-server.ts';
import type { Git } from './git.ts';
import { connectTo, type Network, type Sender } from './network.ts';
import type { Time } from './time.ts';
import { createModelWatches, type WatchFaults } from './watches.ts';

/** Everything around agents. */
export interface Stage {
  readonly server: ApiServer;
  readonly git: Git;
  readonly time: Time;
  readonly random: Random;
  readonly network: Network;
  readonly watches: WatchFaults;
  readonly lease: Lease;
  readonly measure: Measure;
  /** By how much wall time was set, in milliseconds. */
  wallOffset: number;
  /** Told of what agents log. */
  onLog(agent: ModelAgent, data: object, message: string): void;
}

/** Who leads, and when that was renewed last. */
export interface Lease {
  epoch: number;
  holder: ModelAgent | undefined;
  renewedAt: number;
  /** When the leadership of each epoch ran out, as far as it has. */
  readonly ends: Map<number, number>;
}

/** An agent in the model: the real loop over modelled time and network. */
export interface ModelAgent {
  readonly name: string;
  readonly registry: Registry;
  readonly sender: Sender;
  /** Ends it as a power failure would. */
  kill(): void;
  /** SIGSTOP and SIGCONT. */
  stop(): void;
  goOn(): void;
  /** It dies when it comes to this step for the nth time. */
  dieAt(step: Step, count: number): void;
  cutWatches(): void;
}

/** Milliseconds, as agents have them by default: agent/leader.ts. */
const times = { duration: 12_000, renew: 3_000, retry: 1_000 };
const key = 'the key of the model';

const seals: Seals = {
  make: async (parts) => sealOf(parts),
  fits: async (seal, parts) => seal === sealOf(parts),
  fingerprint: async (text) => sealOf([text]),
};

function sealOf(parts: readonly (string | Buffer)[]): string {
  const hmac = createHmac('sha256', key);
  for (const part of parts) hmac.update(part).update('|');
  return hmac.digest('base64');
}

/** Starts an agent, which waits until it leads. */
export function startAgent(stage: Stage, name: string): ModelAgent {
  const { time, lease } = stage;
  let waiting: (() => void)[] | undefined;
  let [epoch, renewedAt] = [0, 0];
  let death: { step: Step; count: number } | undefined;
  let cut = (): void => undefined;
  const sender = {
    name,
    isDead: false,
    get epoch() {
      return epoch;
    },
    awake: () => (waiting === undefined ? Promise.resolve() : new Promise<void>((resolve) => waiting?.push(resolve))),
  };
  const agent: ModelAgent = {
    name,
    registry: createRegistry(),
    sender,
    kill: () => {
      sender.isDead = true;
      lease.ends.set(epoch, Math.min(time.now(), lease.ends.get(epoch) ?? Number.POSITIVE_INFINITY));
    },
    stop: () => {
      waiting ??= [];
    },
    goOn: () => {
      const all = waiting ?? [];
      waiting = undefined;
      for (const resume of all) resume();
    },
    dieAt: (step, count) => {
      death = { step, count };
    },
    cutWatches: () => cut(),
  };
  const left = (): number => times.duration - (time.now() - renewedAt);

  function reach(step: Step): void {
    if (death?.step !== step) return;
    death.count -= 1;
    if (death.count > 0) return;
    agent.kill();
    throw new Error(`killed at ${step}`);
  }

  /** A lease is taken when it is free, or was not renewed for its whole duration. */
  async function lead(): Promise<void> {
    for (;;) {
      await sender.awake();
      if (sender.isDead) return;
      const isFree = lease.holder === undefined || time.now() - lease.renewedAt > times.duration;
      if (isFree) break;
      await time.sleep(times.retry);
    }
    lease.epoch += 1;
    lease.holder = agent;
    epoch = lease.epoch;
    renewedAt = time.now();
    lease.renewedAt = renewedAt;
    void keepLeading();
    cut = work(stage, agent, epoch, left, reach);
  }

  async function keepLeading(): Promise<void> {
    while (!sender.isDead) {
      await time.sleep(times.renew);
      await sender.awake();
      if (sender.isDead) return;
      if (lease.holder !== agent || left() <= 0) return agent.kill();
      renewedAt = time.now();
      lease.renewedAt = renewedAt;
    }
  }

  void lead();
  return agent;
}

/** @returns cuts every watch */
function work(
  stage: Stage,
  agent: ModelAgent,
  epoch: number,
  left: () => number,
  reach: (step: Step) => void,
): () => void {
  const { server, git, time, random, network } = stage;
  const { registry, sender } = agent;
  const clock: Clock = {
    now: () => time.now() + stage.wallOffset,
    steady: () => time.now(),
    sleep: (milliseconds) => time.sleep(milliseconds),
  };
  const log = logOf(stage, agent);
  const http = fenced(connectTo(server, time, random, network, sender), left);
  const queue = createModelQueue(time, sender, (uid, hints) => deliveries.work(uid, hints));
  const modelWatches = createModelWatches(server, time, random, stage.watches, () => sender.isDead);
  const cluster = createCluster(http, modelKinds, undefined, async () => undefined);
  const watcher = createWatcher(
    modelWatches,
    () => ({ now: clock.now(), bindingMode: () => undefined }),
    queue.add,
    () => undefined,
  );
  const rollouts = createRollouts(modelWatches, clock.steady, queue.add);
  const leader = { epoch, prove: async () => undefined, resign: () => agent.kill() };
  const records = createRecords(createRecordSecrets(http, 'lockstep-system'), seals, leader);
  const events = createEvents(http, clock, log);
  const heard = (uid: string): void => deliveries.heard(uid);
  const deliveries: Deliveries = createDeliveries({
    clock,
    log,
    registry,
    records,
    outage: 0,
    rules: { problemOf: async () => 'nothing', forget: () => undefined },
    watcher,
    events,
    writer: createDeliveryWriter(http, events),
    lineage: createLineage(registry, () => unlimited),
    neighbours: createNeighbours({ registry, clock, log, limits: () => unlimited, enqueue: queue.add, heard }),
    forgetValues: () => undefined,
    siteAt: () => ({ kinds: modelKinds, far: undefined }),
    enqueue: queue.add,
    enqueueAfter: (uid) => queue.add(uid),
    isShared: false,
    world: {
      clock,
      log,
      charts: {
        locate: () => Promise.reject(new Error('there are no charts')),
        read: () => Promise.reject(new Error('there are no charts')),
      },
      engine: { render: () => Promise.reject(new Error('nothing is rendered here')), close: async () => undefined },
      manifests: { read: async (_owner, path, text) => readManifests(path, text) },
      agentNamespace: 'lockstep-system',
      records,
      rules: { of: () => noRules, broken: () => undefined },
      fingerprint: seals.fingerprint,
      watcher,
      rollouts,
      measure: stage.measure,
      reach,
      cluster: () => cluster,
      sources: git.sources,
      isEnding: async () => false,
      tellNamespace: () => undefined,
      credentials: () => Promise.reject(new Error('there are no credentials')),
      trustedKeys: async () => [],
      unsealer: async () => ({ open: async () => undefined }),
      values: async () => [],
    },
  });
  const all = { identity: '', apiVersion: 'lockstep.dev/v1alpha1', kind: 'Delivery', selector: '' };
  modelWatches.open(all, (event) =>
    deliveries.onEvent(
      'Delivery',
      undefined,
      event.type === 'synced' ? { type: 'synced', uids: event.present } : event,
    ),
  );
  return modelWatches.cutAll;
}

function logOf(stage: Stage, agent: ModelAgent): Log {
  const note = (data: object, message: string): void => stage.onLog(agent, data, message);
  return { debug: note, info: note, warn: note, error: note };
}

/** The queue of an agent on modelled time: a key runs once at a time, and once more when it was added meanwhile. */
function createModelQueue(
  time: Time,
  sender: Sender,
  work: (key: string, hints: ReadonlySet<Hint>) => Promise<number | undefined>,
) {
  const running = new Set<string>();
  const wanted = new Map<string, Set<Hint>>();
  const failures = new Map<string, number>();
  const timers = new Map<string, number>();

  function add(key: string, hint?: Hint): void {
    const hints = wanted.get(key) ?? new Set();
    wanted.set(key, hint === undefined ? hints : hints.add(hint));
    if (!running.has(key)) void run(key);
  }

  async function run(key: string): Promise<void> {
    running.add(key);
    await sender.awake();
    const hints = wanted.get(key) ?? new Set();
    wanted.delete(key);
    if (sender.isDead) return;
    const again = await work(key, hints).then(
      (milliseconds) => {
        failures.delete(key);
        return milliseconds;
      },
      () => {
        const tries = (failures.get(key) ?? 0) + 1;
        failures.set(key, tries);
        return Math.min(60_000, 500 * 2 ** tries);
      },
    );
    running.delete(key);
    if (wanted.has(key)) void run(key);
    else if (again !== undefined) addAfter(key, again);
  }

  function addAfter(key: string, milliseconds: number): void {
    const at = time.now() + milliseconds;
    timers.set(key, at);
    time.after(milliseconds, () => {
      if (timers.get(key) === at && !sender.isDead) add(key);
    });
  }

  return { add };
}
