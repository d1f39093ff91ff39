import { setTimeout as sleep } from 'node:timers/promises';
import { isObject, type Json, numberAt, parseJson, textAt } from '../../diff/json.ts';
import { delayAfter } from '../../sync/back-off.ts';
import { ApiError } from '../../sync/errors.ts';
import { isKubeObject, type KubeObject } from '../../sync/types.ts';
import type { KubeHttp, KubeRequest } from './http.ts';
import { itemsOf } from './lists.ts';

/** A collection to follow. */
export interface WatchSpec {
  readonly path: () => Promise<string>;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly impersonate?: string;
  /** Told whenever it is tried, and whenever the API server says anything, be it only that nothing happened. */
  readonly onSign?: () => void;
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
  readonly minDelay: number;
  readonly maxDelay: number;
}

const watchDefaults: WatchLimits = {
  pageSize: 500,
  duration: 480_000,
  silence: 150_000,
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
}

/**
 * Follows a collection until it is closed: a paged list, then a watch with bookmarks from where the list ended. A watch
 * that ends goes on where it was; only when the API server has forgotten that point (410) is the list read again. Every
 * failure is told and tried again with growing, jittered delays.
 * @returns a function that closes it
 */
export function follow(
  http: KubeHttp,
  spec: WatchSpec,
  onEvent: (event: CollectionEvent) => void,
  limits: WatchLimits = watchDefaults,
): () => void {
  const stop = new AbortController();
  void run({ http, spec, tell: onEvent, limits, stop: stop.signal, told: false });
  return () => stop.abort();
}

async function run(follower: Follower): Promise<void> {
  const { limits, stop } = follower;
  let from: string | undefined;
  let failures = 0;
  while (!stop.aborted) {
    const started = performance.now();
    follower.spec.onSign?.();
    try {
      from ??= await list(follower);
      from = await watch(follower, from);
      // A watch that ends at once is as bad as one that fails: without a pause it would be opened again in a tight loop.
      failures = performance.now() - started < limits.minDelay * 10 ? failures + 1 : 0;
      if (failures > 0) await pause(follower, failures, undefined);
    } catch (error) {
      failures += 1;
      from = mustRelist(error) ? undefined : from;
      await fail(follower, failures, error);
    }
  }
}

async function fail(follower: Follower, failures: number, error: unknown): Promise<void> {
  if (follower.stop.aborted) return;
  if (failures > 1 || !isConnectionLoss(error)) {
    follower.told = false;
    follower.tell({ type: 'failed', error: asError(error) });
  }
  await pause(follower, failures, error);
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

async function pause({ limits, stop }: Follower, failures: number, error: unknown): Promise<void> {
  const backOff = delayAfter(failures, { first: limits.minDelay, longest: limits.maxDelay });
  const asked = error instanceof ApiError ? (error.retryAfter ?? 0) : 0;
  const delay = Math.max(asked, backOff * (0.5 + Math.random() / 2));
  await sleep(delay, undefined, { signal: stop }).catch(() => undefined);
}

/** Reads the whole collection in pages and answers the point in time at which it was so. */
async function list({ http, spec, tell, limits }: Follower): Promise<string> {
  const uids = new Set<string>();
  let next: string | undefined;
  let version = '';
  do {
    const page = { limit: String(limits.pageSize), ...(next === undefined ? {} : { continue: next }) };
    const { body } = await http.request({ ...(await base(spec)), query: { ...selectors(spec), ...page } });
    for (const object of itemsOf(body)) {
      uids.add(object.metadata.uid ?? '');
      tell({ type: 'changed', object });
    }
    next = textAt(body, 'metadata', 'continue') || undefined;
    version = textAt(body, 'metadata', 'resourceVersion') ?? version;
  } while (next !== undefined);
  tell({ type: 'synced', uids });
  return version;
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

/** Follows from a point in time until the watch ends, and answers the point that was reached. */
async function watch(follower: Follower, from: string): Promise<string> {
  const { http, spec, tell, limits, stop } = follower;
  const query = {
    ...selectors(spec),
    watch: 'true',
    allowWatchBookmarks: 'true',
    resourceVersion: from,
    timeoutSeconds: String(Math.round((limits.duration * (0.9 + Math.random() / 5)) / 1000)),
  };
  const request = { ...(await base(spec)), query };
  const silence = new AbortController();
  const timer = setTimeout(() => silence.abort(), limits.silence);
  let reached = from;
  try {
    const stream = await http.stream(request, AbortSignal.any([stop, silence.signal]));
    tellOpen(follower);
    for await (const line of lines(stream)) {
      timer.refresh();
      spec.onSign?.();
      reached = handOn(parseJson(line), tell) ?? reached;
    }
  } finally {
    clearTimeout(timer);
  }
  return reached;
}

/** Hands one event on and answers the point in time that it marks. */
function handOn(event: Json, tell: (event: CollectionEvent) => void): string | undefined {
  const type = textAt(event, 'type');
  const object = isObject(event) ? event['object'] : undefined;
  if (type === 'ERROR') throw watchError(object);
  if (type !== 'BOOKMARK' && isKubeObject(object)) tell({ type: type === 'DELETED' ? 'deleted' : 'changed', object });
  return textAt(object, 'metadata', 'resourceVersion');
}

function watchError(status: Json | undefined): ApiError {
  const code = numberAt(status, 'code') ?? 500;
  const details = { status: code, reason: textAt(status, 'reason') ?? '' };
  return new ApiError(textAt(status, 'message') ?? 'the watch failed', {
    ...details,
    class: code === 410 ? 'expired' : 'transient',
  });
}

/** The whole lines of a stream. When the connection breaks they end: nothing is lost, the next watch goes on from there. */
async function* lines(stream: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for await (const chunk of stream) {
      const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n');
      rest = parts.pop() ?? '';
      for (const part of parts) if (part !== '') yield part;
    }
  } catch {
    return;
  }
}
