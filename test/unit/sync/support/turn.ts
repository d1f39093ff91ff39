import { hashText } from '../../../../diff/hash.ts';
import { textAt } from '../../../../diff/json.ts';
import { noRules } from '../../../../health/own-rules.ts';
import { createRollouts } from '../../../../health/rollouts.ts';
import { createWatcher } from '../../../../health/watcher.ts';
import { type Delivery, type Request, readDelivery } from '../../../../sync/delivery/delivery.ts';
import { LockstepError } from '../../../../sync/errors.ts';
import { unlimited } from '../../../../sync/limits.ts';
import type { ApiResource, Cluster, Snapshot, WatchEvent, Watches } from '../../../../sync/ports.ts';
import { emptyRecord, type ReleaseRecord } from '../../../../sync/release/record.ts';
import { readRecord, writeRecord } from '../../../../sync/release/stored.ts';
import type { TreeFile } from '../../../../sync/render/plain.ts';
import { readManifests } from '../../../../sync/render/plain.ts';
import { newSession, type Session, type Turn } from '../../../../sync/session.ts';
import { type KubeObject, type ObjectRef, refOf } from '../../../../sync/types.ts';
import type { World } from '../../../../sync/world.ts';
import { silent } from '../../support/silent.ts';

/** A turn in a world in memory, in which each part can be made to fail. */
export interface FakeTurn extends Omit<Turn, 'session' | 'world'> {
  session: Session;
  readonly world: { -readonly [K in keyof World]: World[K] };
  /** What the API server holds, by kind and name: namespaces are of no matter in these tests. */
  readonly objects: Map<string, KubeObject>;
  /** What was asked of the API server. */
  readonly asked: string[];
  /** How often a revision was read, and what it holds once it has no fault. */
  readonly source: {
    tip: string;
    reads: number;
    maxAges: (number | undefined)[];
    follows: boolean;
    files: TreeFile[];
    fault: Error | undefined;
  };
  /** The record as it was stored last. */
  stored: ReleaseRecord | undefined;
  /** Tells something to every open watch. */
  tell(event: WatchEvent): void;
  now: number;
}

export const uid = '11111111-2222-3333-4444-555555555555';

/** @param fault thrown instead of an answer, for requests such as `apply ConfigMap a` */
export function makeTurn(
  options: {
    spec?: object;
    record?: ReleaseRecord;
    kinds?: readonly ApiResource[];
    fault?: (request: string) => Error | undefined;
  } = {},
): FakeTurn {
  const { record = emptyRecord(), kinds = [], fault = () => undefined } = options;
  const objects = new Map<string, KubeObject>();
  const asked: string[] = [];
  const tellers = new Set<(event: WatchEvent) => void>();
  const watches: Watches = {
    open: (_target, onEvent) => {
      tellers.add(onEvent);
      return () => tellers.delete(onEvent);
    },
  };
  const nothing = new LockstepError('SourceUnreachable', 'nothing is here');
  const tip = 'a'.repeat(40);
  const source = {
    tip,
    reads: 0,
    maxAges: [] as (number | undefined)[],
    follows: true,
    files: [] as TreeFile[],
    fault: nothing as Error | undefined,
  };
  const watcher = createWatcher(
    watches,
    () => ({ now: turn.now, bindingMode: () => undefined }),
    () => undefined,
    () => undefined,
  );
  const quiet = (): void => undefined;
  const world: World = {
    clock: {
      now: () => turn.now,
      steady: () => turn.now,
      sleep: () => new Promise((resolve) => setImmediate(resolve)),
    },
    log: silent,
    limits: () => unlimited,
    agentNamespace: 'lockstep-system',
    kinds: {
      find: (apiVersion, kind) => kinds.find((known) => known.apiVersion === apiVersion && known.kind === kind),
      findAny: () => undefined,
      isGone: () => false,
      capabilities: async () => ({ version: 'v1.36.3', apis: [] }),
      refresh: async () => undefined,
    },
    above: [],
    charts: {
      locate: () => Promise.reject(new Error('there are no charts')),
      read: () => Promise.reject(new Error('there are no charts')),
    },
    engine: { render: () => Promise.reject(new Error('no engine here')), close: async () => undefined },
    manifests: { read: async (_owner, path, text) => readManifests(path, text) },
    sources: {
      tip: async ({ maxAge }) => {
        source.maxAges.push(maxAge);
        return { revision: source.tip, ref: 'refs/heads/main', object: source.tip };
      },
      read: async (_request, { revision, ref }): Promise<Snapshot> => {
        source.reads += 1;
        if (source.fault !== undefined) throw source.fault;
        const commit = { revision, author: 'Ada', subject: 'change', time: '' };
        const view = () => ({ kind: 'nothing' }) as const;
        return { commit, ref, view, signer: undefined, tree: `tree-${revision}`, files: source.files };
      },
      follows: async () => source.follows,
      leave: () => undefined,
      close: async () => undefined,
    },
    records: {
      load: async () => ({ record: emptyRecord(), problem: undefined }),
      save: async (_uid, saved) => {
        // What comes back is what could be written down.
        turn.stored = readRecord(JSON.parse(JSON.stringify(writeRecord(saved).stored)));
      },
      remove: async () => undefined,
    },
    fingerprint: async (text) => hashText(`key ${text}`).slice(0, 16),
    rules: { of: () => noRules, broken: () => undefined },
    watcher,
    measure: async () => ({ outcome: 'Error', message: 'nothing is measured here' }),
    rollouts: createRollouts(watches, () => turn.now, quiet),
    unmetDependency: () => undefined,
    withholds: () => undefined,
    isSilent: () => false,
    isOutdated: () => false,
    reach: quiet,
    cluster: () => fakeCluster(objects, asked, fault),
    isEnding: async () => false,
    credentials: () => Promise.reject(new Error('no credentials here')),
    trustedKeys: async () => [],
    unsealer: async () => ({ open: async () => undefined }),
    values: async () => [],
    event: quiet,
    tellNamespace: quiet,
    wake: quiet,
  };
  const turn: FakeTurn = {
    delivery: deliveryWith(options.spec ?? {}),
    session: newSession(record),
    world,
    objects,
    asked,
    source,
    stored: undefined,
    tell: (event) => {
      for (const teller of tellers) teller(event);
    },
    now: 1_000,
  };
  return turn;
}

/** A request as an annotation has it. */
export function requestOf(text: string): Request {
  const [verb = ''] = text.split('@');
  return { verb, by: undefined, to: undefined, plan: undefined, text };
}

function deliveryWith(spec: object): Delivery {
  const object: unknown = {
    apiVersion: 'lockstep.dev/v1alpha1',
    kind: 'Delivery',
    metadata: { name: 'app', namespace: 'shop', uid, generation: 1 },
    spec: { source: { url: 'https://git.example.com/shop' }, ...spec },
  };
  return readDelivery(object as KubeObject);
}

/** What a controller makes of an object that is annotated with `fails`. */
function withStatus(object: KubeObject): KubeObject {
  if (textAt(object, 'metadata', 'annotations', 'fails') === undefined) return object;
  return { ...object, status: { conditions: [{ type: 'Failed', status: 'True', reason: 'BackoffLimitExceeded' }] } };
}

/** Applies by replacing, and numbers incarnations and versions. */
function fakeCluster(
  objects: Map<string, KubeObject>,
  asked: string[],
  fault: (request: string) => Error | undefined,
): Cluster {
  const keyOf = (ref: ObjectRef): string => `${ref.kind} ${ref.name}`;
  const ask = (verb: string, ref: ObjectRef): string => {
    const request = `${verb} ${keyOf(ref)}`;
    asked.push(request);
    const error = fault(request);
    if (error !== undefined) throw error;
    return keyOf(ref);
  };
  return {
    get: async (ref) => objects.get(ask('get', ref)),
    apply: async (object, { dryRun }) => {
      const ref = { apiVersion: object.apiVersion, kind: object.kind, name: object.metadata.name };
      const key = ask(dryRun ? 'try' : 'apply', ref);
      const before = objects.get(key);
      const version = String(Number(before?.metadata.resourceVersion ?? 0) + 1);
      const metadata = {
        ...object.metadata,
        uid: before?.metadata.uid ?? `uid-${asked.length}`,
        resourceVersion: version,
      };
      const answer = withStatus({ ...object, metadata });
      if (!dryRun) objects.set(key, answer);
      return { object: answer, created: before === undefined };
    },
    delete: async (ref) => {
      objects.delete(ask('delete', ref));
      return undefined;
    },
    tryCreate: async (object) => {
      const key = ask('tryCreate', refOf(object));
      return objects.has(key) ? undefined : object;
    },
    patch: async (ref) => {
      const live = objects.get(ask('patch', ref));
      if (live === undefined) throw new Error(`${ref.name} is not there`);
      return live;
    },
    tryMerge: async (ref) => {
      const live = objects.get(ask('merge', ref));
      if (live === undefined) throw new Error(`${ref.name} is not there`);
      return live;
    },
    list: async () => [],
    logs: async () => '',
  };
}
