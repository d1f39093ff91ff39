import { ApiError, isUnanswered } from '../../sync/errors.ts';
import type { Kinds } from '../../sync/ports.ts';
import { type DiscoveredKinds, discoverKinds } from './discovery.ts';
import type { KubeHttp } from './http.ts';

/** A login that was read: equal fingerprints are equal logins. */
export interface Login {
  readonly fingerprint: string;
  connect(): KubeHttp;
}

/** Milliseconds after which a login is read again, and how soon that may be done when it does not serve. */
const lifetime = { usual: 60_000, doubted: 2_000 };
/** Milliseconds after which an answer is late, and after which a cluster that is asked whether it is there is silent. */
const patience = { answer: 2_000, sign: 3_000 };
/** Milliseconds between two looks at a silent cluster: doubled each time. */
const looks = { first: 1_000, longest: 30_000 };

/** A silent cluster: every request fails by this. */
interface Silence {
  readonly error: ApiError;
  readonly look: NodeJS.Timeout;
}

/**
 * Another cluster's API server. Its login is read again now and then, and when it is refused: then everything goes on with
 * the new one. When an answer is late, the cluster is asked whether it is there; while it is not, every request fails at
 * once, also those under way, and it is looked at again now and then: nobody waits for it who has something else to do.
 * @param title how it is named to people
 * @param read reads the login; what it throws is what every request fails by
 */
export function createRemote(title: string, read: () => Promise<Login>, now: () => number): KubeHttp {
  let current: { readonly login: Login; readonly http: KubeHttp; readonly readAt: number } | undefined;
  let reading: Promise<KubeHttp> | undefined;
  let isChecking = false;
  let isDoubted = false;
  let isClosed = false;
  let silence: Silence | undefined;
  let fallen = fall();

  async function refresh(): Promise<KubeHttp> {
    const login = await read();
    const before = current;
    isDoubted = false;
    if (before?.login.fingerprint === login.fingerprint) {
      current = { ...before, readAt: now() };
      return before.http;
    }
    const http = login.connect();
    current = { login, http, readAt: now() };
    // What is open there ends, and is opened again with the new login.
    await before?.http.close();
    return http;
  }

  async function connection(): Promise<KubeHttp> {
    const age = current === undefined ? Number.POSITIVE_INFINITY : now() - current.readAt;
    if (current !== undefined && age < (isDoubted ? lifetime.doubted : lifetime.usual)) return current.http;
    reading ??= refresh().finally(() => {
      reading = undefined;
    });
    return reading;
  }

  async function ask<T>(send: (http: KubeHttp) => Promise<T>): Promise<T> {
    if (silence !== undefined) throw silence.error;
    const http = await connection();
    const late = setTimeout(() => void check(http), patience.answer);
    try {
      return await Promise.race([send(http), fallen.promise]);
    } catch (error) {
      throw note(http, error);
    } finally {
      clearTimeout(late);
    }
  }

  /** What an error means for the requests to come. */
  function note(http: KubeHttp, error: unknown): unknown {
    if (!(error instanceof ApiError)) return error;
    if (error.status === 401) isDoubted = true;
    if (!isUnanswered(error) || error === silence?.error) return error;
    // A connection that was closed for a new login says nothing of the cluster.
    return http === current?.http ? fallSilent(error) : unanswered(title, error);
  }

  async function check(http: KubeHttp): Promise<void> {
    if (isChecking) return;
    isChecking = true;
    const error = await signOf(http);
    isChecking = false;
    if (error !== undefined && http === current?.http) fallSilent(error);
  }

  function fallSilent(error: ApiError): ApiError {
    isDoubted = true;
    if (silence !== undefined || isClosed) return unanswered(title, error);
    silence = { error: unanswered(title, error), look: lookAfter(looks.first) };
    fallen.reject(silence.error);
    fallen = fall();
    connectAnew();
    return silence.error;
  }

  /** Connections on which nothing came may never carry anything again. */
  function connectAnew(): void {
    if (current === undefined) return;
    const { login, http, readAt } = current;
    current = { login, http: login.connect(), readAt };
    void http.close();
  }

  function lookAfter(delay: number): NodeJS.Timeout {
    return setTimeout(() => void look(delay), delay).unref();
  }

  async function look(delay: number): Promise<void> {
    // Why a login can't be read is for the next request to tell.
    const error = await connection().then(signOf, () => undefined);
    if (isClosed || silence === undefined) return;
    if (error !== undefined) connectAnew();
    silence = error === undefined ? undefined : { ...silence, look: lookAfter(Math.min(2 * delay, looks.longest)) };
  }

  return {
    request: (request) => ask((http) => http.request(request)),
    text: (request) => ask((http) => http.text(request)),
    stream: (request, signal) => ask((http) => http.stream(request, signal)),
    close: async () => {
      isClosed = true;
      clearTimeout(silence?.look);
      await current?.http.close();
    },
  };
}

/** What all requests under way wait for, beside their answers. */
function fall(): PromiseWithResolvers<never> {
  const fallen = Promise.withResolvers<never>();
  fallen.promise.catch(() => undefined);
  return fallen;
}

/** Why a cluster gives no sign of being there; undefined when it gives one, even a refusal. */
async function signOf(http: KubeHttp): Promise<ApiError | undefined> {
  const sign = http.request({ method: 'GET', path: '/version' }).then(
    () => undefined,
    (error: unknown) => (error instanceof ApiError && isUnanswered(error) ? error : undefined),
  );
  const late = Promise.withResolvers<ApiError>();
  const timer = setTimeout(() => late.resolve(silent), patience.sign);
  return Promise.race([sign, late.promise]).finally(() => clearTimeout(timer));
}

const silent = new ApiError('no answer from the API server: it is silent', {
  status: 0,
  reason: 'Silent',
  class: 'transient',
});

function unanswered(title: string, error: ApiError): ApiError {
  const { status, reason, class: kind } = error;
  return new ApiError(`${title}: ${error.message}`, { status, reason, class: kind, cause: error });
}

/** The kinds that a cluster serves which may not be there yet: none is known before it was asked. */
export function lateKinds(http: KubeHttp): Kinds {
  let known: DiscoveredKinds | undefined;
  let first: Promise<DiscoveredKinds> | undefined;
  return {
    find: (apiVersion, kind) => known?.find(apiVersion, kind),
    findAny: (group, kind) => known?.findAny(group, kind),
    isGone: (group, kind) => known?.isGone(group, kind) ?? false,
    refresh: async () => {
      if (known !== undefined) return known.refresh();
      first ??= discoverKinds(http).finally(() => {
        first = undefined;
      });
      known = await first;
    },
  };
}
