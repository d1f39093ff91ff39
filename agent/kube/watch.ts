import { setTimeout as sleep } from 'node:timers/promises';
import { isObject, type Json, objectsAt, parseJson, textAt } from '../../diff/json.ts';
import { ApiError } from '../../sync/errors.ts';
import { isKubeObject, type KubeObject } from '../../sync/types.ts';
import type { KubeHttp, KubeRequest } from './http.ts';

/** A collection to follow. */
export interface WatchSpec {
  readonly path: () => Promise<string>;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly impersonate?: string;
}

/** What happens in a collection. */
export type CollectionEvent =
  | { readonly type: 'changed' | 'deleted'; readonly object: KubeObject }
  /** Everything that exists has been told; whatever is not among `uids` is not in the collection any more. */
  | { readonly type: 'synced'; readonly uids: ReadonlySet<string> }
  | { readonly type: 'failed'; readonly error: Error };

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

export const watchDefaults: WatchLimits = { pageSize: 500, duration: 480_000, silence: 150_000, minDelay: 100, maxDelay: 30_000 };

/**
 * Follows a collection until it is closed: a paged list, then a watch with bookmarks from where the list ended. A watch
 * that ends goes on where it was; only when the API server has forgotten that point (410) is the list read again. Every
 * failure is told and tried again with growing, jittered delays.
 */
export function follow(http: KubeHttp, spec: WatchSpec, onEvent: (event: CollectionEvent) => void, limits: WatchLimits = watchDefaults): () => void {
  const stop = new AbortController();
  void run(http, spec, onEvent, limits, stop.signal);
  return () => stop.abort();
}

async function run(http: KubeHttp, spec: WatchSpec, onEvent: (event: CollectionEvent) => void, limits: WatchLimits, stop: AbortSignal): Promise<void> {
  let from: string | undefined;
  let failures = 0;
  while (!stop.aborted) {
    try {
      from ??= await list(http, spec, onEvent, limits);
      const started = performance.now();
      from = await watch(http, spec, onEvent, limits, from, stop);
      const lasted = performance.now() - started;
      failures = lasted < limits.minDelay * 10 ? failures + 1 : 0;
      if (failures > 0) await pause(limits, failures, undefined, stop);
    } catch (error) {
      if (stop.aborted) return;
      if (error instanceof ApiError && error.class === 'expired') {
        from = undefined;
        continue;
      }
      failures += 1;
      from = error instanceof ApiError && error.class === 'not-served' ? undefined : from;
      if (failures > 1 || !isEndOfStream(error)) onEvent({ type: 'failed', error: asError(error) });
      await pause(limits, failures, error, stop);
    }
  }
}

/** A watch that the other side closed is no failure by itself. */
function isEndOfStream(error: unknown): boolean {
  return error instanceof ApiError && error.status === 0;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

async function pause(limits: WatchLimits, failures: number, error: unknown, stop: AbortSignal): Promise<void> {
  const backOff = Math.min(limits.maxDelay, limits.minDelay * 2 ** (failures - 1));
  const asked = error instanceof ApiError ? (error.retryAfter ?? 0) : 0;
  const delay = Math.max(asked, backOff * (0.5 + Math.random() / 2));
  await sleep(delay, undefined, { signal: stop }).catch(() => undefined);
}

/** Reads the whole collection in pages and answers the point in time at which it was so. */
async function list(http: KubeHttp, spec: WatchSpec, onEvent: (event: CollectionEvent) => void, limits: WatchLimits): Promise<string> {
  const uids = new Set<string>();
  let next: string | undefined;
  let version = '';
  do {
    const query = { ...selectors(spec), limit: String(limits.pageSize), ...(next === undefined ? {} : { continue: next }) };
    const { body } = await http.request({ ...(await base(spec)), query });
    const type = { apiVersion: textAt(body, 'apiVersion') ?? '', kind: (textAt(body, 'kind') ?? '').replace(/List$/, '') };
    for (const item of objectsAt(body, 'items')) {
      const object: Json = { ...type, ...item };
      if (!isKubeObject(object)) continue;
      uids.add(object.metadata.uid ?? '');
      onEvent({ type: 'changed', object });
    }
    next = textAt(body, 'metadata', 'continue') || undefined;
    version = textAt(body, 'metadata', 'resourceVersion') ?? version;
  } while (next !== undefined);
  onEvent({ type: 'synced', uids });
  return version;
}

async function base(spec: WatchSpec): Promise<KubeRequest> {
  const identity = spec.impersonate === undefined ? {} : { impersonate: spec.impersonate };
  return { method: 'GET', path: await spec.path(), ...identity };
}

function selectors(spec: WatchSpec): Record<string, string> {
  return {
    ...(spec.labelSelector === undefined ? {} : { labelSelector: spec.labelSelector }),
    ...(spec.fieldSelector === undefined ? {} : { fieldSelector: spec.fieldSelector }),
  };
}

/** Follows from a point in time until the watch ends, and answers the point that was reached. */
async function watch(http: KubeHttp, spec: WatchSpec, onEvent: (event: CollectionEvent) => void, limits: WatchLimits, from: string, stop: AbortSignal): Promise<string> {
  const query = {
    ...selectors(spec),
    watch: 'true',
    allowWatchBookmarks: 'true',
    resourceVersion: from,
    timeoutSeconds: String(Math.round((limits.duration * (0.9 + Math.random() / 5)) / 1000)),
  };
  const silence = new AbortController();
  const timer = setTimeout(() => silence.abort(), limits.silence);
  let reached = from;
  try {
    const stream = await http.stream({ ...(await base(spec)), query }, AbortSignal.any([stop, silence.signal]));
    for await (const line of lines(stream)) {
      timer.refresh();
      reached = tell(parseJson(line), onEvent) ?? reached;
    }
  } catch (error) {
    if (error instanceof ApiError || stop.aborted) throw error;
    // The connection broke in the middle: nothing is lost, the next watch goes on from what was reached.
  } finally {
    clearTimeout(timer);
  }
  return reached;
}

/** Hands one event on and answers the point in time that it marks. */
function tell(event: Json, onEvent: (event: CollectionEvent) => void): string | undefined {
  const type = textAt(event, 'type');
  const object = isObject(event) ? event['object'] : undefined;
  if (type === 'ERROR') {
    const code = isObject(object) && typeof object['code'] === 'number' ? object['code'] : 500;
    const message = textAt(object, 'message') ?? 'the watch failed';
    throw new ApiError(message, { status: code, reason: textAt(object, 'reason') ?? '', class: code === 410 ? 'expired' : 'transient' });
  }
  const version = textAt(object, 'metadata', 'resourceVersion');
  if (type !== 'BOOKMARK' && isKubeObject(object)) onEvent({ type: type === 'DELETED' ? 'deleted' : 'changed', object });
  return version;
}

async function* lines(stream: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of stream) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) if (part !== '') yield part;
  }
}
