import { setTimeout as sleep } from 'node:timers/promises';
import { isObject, type Json, parseJson, textAt } from '../../diff/json.ts';
import { delayAfter } from '../../sync/back-off.ts';
import { ApiError } from '../../sync/errors.ts';
import { isKubeObject, type KubeObject } from '../../sync/types.ts';
import type { KubeHttp, KubeRequest } from './http.ts';
import { itemsOf } from './lists.ts';
import { lines, watchError } from './watch-events.ts';

/** A collection to follow. */
export interface WatchSpec {
  readonly path: () => Promise<string>;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly impersonate?: string;
  /** Told whenever it is tried, and whenever the API server says anything, be it only that nothing happened. */
  readonly onSign?: () => void;
  /** Told how many events a watch has missed, when everything is read again. */
  readonly onMissed?: (count: number) => void;
}

/** What happens in a collection. */
export type CollectionEvent =
  | { readonly type: 'changed' | 'deleted'; readonly object: KubeObject }
  /** Everything that exists has been told; whatever is not among `uids` is not in the collection any more. */
  | { readonly type: 'synced'; readonly uids: ReadonlySet<string> }
  | { readonly type: 'failed'; readonly error: Error }
  /** The watch is open, for the first time or after a failure that was told: everything is seen from here on. */
  | { readonly type: 'opened' };

/** Milliseconds and counts. */
export interface WatchLimits {
  readonly pageSize: number;
  /** How long the API server keeps a watch open before it ends it politely. */
  readonly duration: number;
  /** A watch that says nothing for this long, not even a bookmark, is taken for dead. Bookmarks come about once a minute. */
  readonly silence: number;
  /** How long an API server may take to tell all there is in a watch, before that is taken for something it can't do. */
  readonly start: number;
  readonly minDelay: number;
  readonly maxDelay: number;
}

export const watchDefaults: WatchLimits = {
  pageSize: 500,
  duration: 480_000,
  silence: 150_000,
  start: 60_000,
  minDelay: 100,
  maxDelay: 30_000,
};

/** One collection being followed. */
interface Follower {
  readonly http: KubeHttp;
  readonly spec: WatchSpec;
  readonly tell: (event: CollectionEvent) => void;
  readonly limits: WatchLimits;
  readonly stop: AbortSignal;
  /** That the watch is open was told, and no failure since. */
  told: boolean;
  /** As far as is known the API server can begin a watch with all there is, so that no list is needed. */
  canStream: boolean;
  /** The next watch begins so. */
  streams: boolean;
  /** Where the next watch goes on; undefined where everything must be told first. */
  from: string | undefined;
  /** Failures one after the other. */
  failures: number;
  /** What was told last of each object, by uid; undefined before everything was told once. */
  seen: Map<string, string> | undefined;
}

/**
 * Follows a collection until it is closed: a watch with bookmarks that begins with all there is, or, where that is not
 * served, a paged list and a watch from where it ended. A watch that ends goes on where it was; only when the API server has
 * forgotten that point (410) everything is read again, and what the watch had missed is counted. Every failure is told and
 * tried again with growing, jittered delays.
 * @returns a function that closes it
 */
export function follow(
  http: KubeHttp,
  spec: WatchSpec,
  onEvent: (event: CollectionEvent) => void,
  limits: WatchLimits = watchDefaults,
): () => void {
  const stop = new AbortController();
  const start = { told: false, canStream: true, streams: true, from: undefined, failures: 0, seen: undefined };
  void run({ http, spec, tell: onEvent, limits, stop: stop.signal, ...start });
  return () => stop.abort();
}

async function run(follower: Follower): Promise<void> {
  const { limits, stop } = follower;
  while (!stop.aborted) {
    const started = performance.now();
    const isQuick = (): boolean => performance.now() - started < limits.minDelay * 10;
    follower.spec.onSign?.();
    try {
      if (follower.from === undefined && !follower.streams) await list(follower);
      await watch(follower);
      // A watch that ends at once is as bad as one that fails: without a pause it would be opened again in a tight loop.
      follower.failures = isQuick() ? follower.failures + 1 : 0;
      if (follower.failures > 0) await pause(follower, undefined);
    } catch (error) {
      await recover(follower, isQuick(), error);
    }
  }
}

async function recover(follower: Follower, isQuick: boolean, error: unknown): Promise<void> {
  if (follower.from === undefined && isForList(follower, error)) return;
  follower.failures = isQuick ? follower.failures + 1 : 1;
  if (mustRelist(error)) follower.from = undefined;
  await fail(follower, error);
}

/**
 * Whether what went wrong at the beginning of a watch asks for a list instead, at once: the API server says that it does
 * not begin so, or never came to the end of it. After any other trouble the next try is a list too, but for who may not.
 */
function isForList(follower: Follower, error: unknown): boolean {
  if (!follower.streams) return false;
  const isRefused = error instanceof ApiError && error.class === 'permanent';
  if (isRefused) follower.canStream = false;
  follower.streams = error instanceof ApiError && error.class === 'forbidden';
  return isRefused || error instanceof UnfinishedStart;
}

/** Not all there is was told. */
class UnfinishedStart extends Error {}

async function fail(follower: Follower, error: unknown): Promise<void> {
  if (follower.stop.aborted) return;
  if (follower.failures > 1 || !isConnectionLoss(error)) {
    follower.told = false;
    follower.tell({ type: 'failed', error: asError(error) });
  }
  await pause(follower, error);
}

/** The point in time is forgotten, or what was seen may not be what is there. The list tells when all is well again. */
function mustRelist(error: unknown): boolean {
  return !(error instanceof ApiError) || error.class !== 'transient';
}

/** A connection that the other side closed is no failure by itself. */
function isConnectionLoss(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 0 || error.class === 'expired');
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

async function pause({ limits, stop, failures }: Follower, error: unknown): Promise<void> {
  const backOff = delayAfter(failures, { first: limits.minDelay, longest: limits.maxDelay });
  const asked = error instanceof ApiError ? (error.retryAfter ?? 0) : 0;
  const delay = Math.max(asked, backOff * (0.5 + Math.random() / 2));
  await sleep(delay, undefined, { signal: stop }).catch(() => undefined);
}

/** Reads the whole collection in pages. A watch goes on at the point in time at which it was so. */
async function list(follower: Follower): Promise<void> {
  const { http, spec, limits } = follower;
  const roll = beginRoll(follower);
  let next: string | undefined;
  let version = '';
  do {
    const page = { limit: String(limits.pageSize), ...(next === undefined ? {} : { continue: next }) };
    const { body } = await http.request({ ...(await base(spec)), query: { ...selectors(spec), ...page } });
    for (const object of itemsOf(body)) roll.call(object);
    next = textAt(body, 'metadata', 'continue') || undefined;
    version = textAt(body, 'metadata', 'resourceVersion') ?? version;
  } while (next !== undefined);
  roll.end();
  follower.from = version;
  follower.streams = follower.canStream;
}

/** Everything that exists, told one by one. */
interface Roll {
  call(object: KubeObject): void;
  end(): void;
}

/** What is told again is compared with what was told before: a difference is an event that the watch has missed. */
function beginRoll(follower: Follower): Roll {
  const before = follower.seen;
  const seen = new Map<string, string>();
  let missed = 0;
  return {
    call: (object) => {
      const { uid = '', resourceVersion = '' } = object.metadata;
      seen.set(uid, resourceVersion);
      if (before !== undefined && before.get(uid) !== resourceVersion) missed += 1;
      follower.tell({ type: 'changed', object });
    },
    end: () => {
      for (const uid of before?.keys() ?? []) if (!seen.has(uid)) missed += 1;
      follower.seen = seen;
      if (missed > 0) follower.spec.onMissed?.(missed);
      follower.tell({ type: 'synced', uids: new Set(seen.keys()) });
    },
  };
}

async function base(spec: WatchSpec): Promise<KubeRequest> {
  const identity = spec.impersonate === undefined ? {} : { impersonate: spec.impersonate };
  return { method: 'GET', path: await spec.path(), ...identity };
}

function selectors({ labelSelector, fieldSelector }: WatchSpec): Record<string, string> {
  return {
    ...(labelSelector === undefined ? {} : { labelSelector }),
    ...(fieldSelector === undefined ? {} : { fieldSelector }),
  };
}

function tellOpen(follower: Follower): void {
  if (follower.told) return;
  follower.told = true;
  follower.tell({ type: 'opened' });
}

/**
 * Follows until the watch ends: from where it was, or being told all there is first.
 * @throws UnfinishedStart when it ended before that
 */
async function watch(follower: Follower): Promise<void> {
  const { http, spec, limits, stop, from } = follower;
  const isStart = from === undefined;
  const start = isStart
    ? { sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan' }
    : { resourceVersion: from };
  const query = {
    ...selectors(spec),
    ...start,
    watch: 'true',
    allowWatchBookmarks: 'true',
    timeoutSeconds: String(Math.round((limits.duration * (0.9 + Math.random() / 5)) / 1000)),
  };
  const request = { ...(await base(spec)), query };
  const silence = new AbortController();
  const timer = setTimeout(() => silence.abort(), limits.silence);
  const late = isStart ? setTimeout(() => silence.abort(), limits.start) : undefined;
  const beginning: Beginning = { roll: isStart ? beginRoll(follower) : undefined };
  try {
    const stream = await http.stream(request, AbortSignal.any([stop, silence.signal]));
    tellOpen(follower);
    for await (const line of lines(stream)) {
      timer.refresh();
      spec.onSign?.();
      handOn(parseJson(line), follower, beginning);
      if (beginning.roll === undefined) clearTimeout(late);
    }
  } finally {
    clearTimeout(timer);
    clearTimeout(late);
  }
  if (beginning.roll !== undefined) throw new UnfinishedStart('the watch ended too early');
}

/** What is told while a watch begins with all there is; nothing afterwards. */
interface Beginning {
  roll: Roll | undefined;
}

/** Hands one event on, and notes the point in time that it marks. */
function handOn(event: Json, follower: Follower, beginning: Beginning): void {
  const type = textAt(event, 'type');
  const object = isObject(event) ? event['object'] : undefined;
  if (type === 'ERROR') throw watchError(object);
  if (type !== 'BOOKMARK' && isKubeObject(object)) tellObject(follower, type === 'DELETED', object, beginning);
  if (type === 'BOOKMARK' && textAt(object, 'metadata', 'annotations', 'k8s.io/initial-events-end') === 'true') {
    beginning.roll?.end();
    beginning.roll = undefined;
  }
  // Before the end of the beginning no point in time says that all before it was told.
  if (beginning.roll === undefined) follower.from = textAt(object, 'metadata', 'resourceVersion') ?? follower.from;
}

function tellObject(follower: Follower, isDeleted: boolean, object: KubeObject, { roll }: Beginning): void {
  if (!isDeleted && roll !== undefined) {
    roll.call(object);
    return;
  }
  const { uid = '', resourceVersion = '' } = object.metadata;
  if (isDeleted) follower.seen?.delete(uid);
  else follower.seen?.set(uid, resourceVersion);
  follower.tell({ type: isDeleted ? 'deleted' : 'changed', object });
}
