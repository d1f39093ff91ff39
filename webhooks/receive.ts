import { createHash } from 'node:crypto';
import { type Json, parseJson } from '../diff/json.ts';
import { forgetOldest } from '../sync/bounded.ts';
import type { Log } from '../sync/ports.ts';
import { matchPush, type Subscriber } from './match.ts';
import type { HookRequest, Notice } from './notice.ts';
import { providers } from './providers/all.ts';
import type { Provider } from './providers/provider.ts';

/** How a request to a receiver ended: the words of the metric. */
export type HookResult = 'accepted' | 'ignored' | 'duplicate' | 'malformed' | 'unsigned' | 'limited' | 'unknown';

/** What a request to a receiver is answered. */
export interface HookAnswer {
  readonly result: HookResult;
  /** Why, where it was not accepted. */
  readonly reason?: string;
  /** The Deliveries that are looked at now. */
  readonly syncs: readonly string[];
}

/** What receiving needs of the world. */
export interface ReceiverDeps {
  readonly log: Log;
  /** The secrets of a provider, any of which may sign; none means that its receiver does not exist. */
  secrets(provider: string): readonly string[];
  subscribers(): readonly Subscriber[];
  /**
   * Asks for a look at the source of a Delivery.
   * @param paths the files that were changed; undefined where that is not known
   */
  sync(uid: string, paths: readonly string[] | undefined): void;
  /** Milliseconds of wall time. */
  now(): number;
}

/**
 * The deliveries that are remembered, so that one that is sent again costs nothing. One that was ignored is not: sent again
 * once there is a Delivery for it, it counts.
 */
const rememberedIds = 1_000;
/** So many wrong signatures of one address are answered and logged one by one, in this many milliseconds. */
const forgiven = { times: 30, within: 60_000 };
/** The most addresses that are counted. */
const countedAddresses = 10_000;

/**
 * Receives webhooks. What a body says is a hint and nothing else: it picks the Deliveries whose source is looked at; the
 * revision that counts is the one that Git tells itself.
 * @returns answers at once; the work is done by the queue
 */
export function createReceiver(deps: ReceiverDeps): (provider: string, request: HookRequest) => HookAnswer {
  const seen = new Map<string, string>();
  const failures = new Map<string, { since: number; count: number }>();

  /** Whether this is one wrong signature too many. Who knows the secret is never limited by those who do not. */
  function isTooMany(address: string): boolean {
    const now = deps.now();
    const known = failures.get(address);
    const since = known !== undefined && now - known.since < forgiven.within ? known.since : now;
    const count = known !== undefined && since === known.since ? known.count + 1 : 1;
    failures.delete(address);
    failures.set(address, { since, count });
    forgetOldest(failures, countedAddresses);
    return count > forgiven.times;
  }

  function refuse(provider: string, { address }: HookRequest): HookAnswer {
    if (isTooMany(address))
      return { result: 'limited', reason: 'too many requests without a right signature', syncs: [] };
    deps.log.warn({ provider, address }, 'a webhook without a right signature was refused');
    return { result: 'unsigned', reason: 'the signature is missing or wrong', syncs: [] };
  }

  /** Answers what was accepted before, and remembers what is accepted now. */
  function acceptOnce(provider: Provider, request: HookRequest, notice: Notice): HookAnswer {
    const id = provider.idOf(request);
    if (id === undefined || id.length > 200) return accept(notice);
    const key = `${provider.name} ${id}`;
    const hash = createHash('sha256').update(request.body).digest('base64');
    const before = seen.get(key);
    if (before === hash) return { result: 'duplicate', reason: `${id} was received before`, syncs: [] };
    if (before !== undefined)
      return { result: 'malformed', reason: `${id} was received before with another body`, syncs: [] };
    const answer = accept(notice);
    if (answer.result === 'accepted') seen.set(key, hash);
    forgetOldest(seen, rememberedIds);
    return answer;
  }

  function accept(notice: Notice): HookAnswer {
    if (notice.type !== 'push') return { result: notice.type, reason: notice.reason, syncs: [] };
    const matched = matchPush(notice, deps.subscribers());
    if (typeof matched === 'string') return { result: 'ignored', reason: matched, syncs: [] };
    for (const { uid } of matched) deps.sync(uid, notice.paths);
    return { result: 'accepted', syncs: matched.map(({ name }) => name).sort() };
  }

  return (name, request) => {
    const provider = providers.get(name);
    const secrets = provider === undefined ? [] : deps.secrets(name);
    if (provider === undefined || secrets.length === 0)
      return { result: 'unknown', reason: 'there is no such receiver', syncs: [] };
    const now = Math.floor(deps.now() / 1000);
    // All are tried, so that the time tells nothing about which one fits.
    const isGenuine = secrets.filter((secret) => provider.isGenuine(request, secret, now)).length > 0;
    if (!isGenuine) return refuse(name, request);
    const body = parseBody(request);
    const notice: Notice =
      body === undefined ? { type: 'malformed', reason: 'the body is no JSON text' } : provider.read(request, body);
    const answer = acceptOnce(provider, request, notice);
    deps.log.info({ provider: name, result: answer.result, syncs: answer.syncs }, 'a webhook came');
    return answer;
  };
}

/** GitHub sends its JSON as a field of a form unless it is told otherwise. */
function parseBody({ header, body }: HookRequest): Json | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(body);
    const isForm = header('content-type')?.startsWith('application/x-www-form-urlencoded') === true;
    // Programs such as curl call every body a form.
    const payload = isForm && text.startsWith('payload=') ? new URLSearchParams(text).get('payload') : undefined;
    return parseJson(payload ?? text);
  } catch {
    return undefined;
  }
}
