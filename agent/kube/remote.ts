import { textAt } from '../../diff/json.ts';
import { ApiError, isAbsent, isForbidden, isUnanswered, LockstepError } from '../../sync/errors.ts';
import type { KubeHttp } from './http.ts';

/** A login that was read: equal fingerprints are equal logins. */
export interface Login {
  readonly fingerprint: string;
  connect(): KubeHttp;
  /** Throws when it may not be used any more. */
  check(): void;
}

/** Milliseconds after which a login is read again, and how soon that may be done when it does not serve. */
const lifetime = { usual: 30_000, doubted: 2_000 };
/** Milliseconds after which an answer is late, and after which a cluster that is asked whether it is there is silent. */
const patience = { answer: 2_000, sign: 3_000 };
/** Milliseconds between two looks at a silent cluster: doubled each time. */
const looks = { first: 1_000, longest: 30_000 };

/** What is kept of a silent cluster. */
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
export function createRemote(title: string, read: () => Promise<Login>, now: () => number): Remote {
  let current: { readonly login: Login; readonly http: KubeHttp; readonly readAt: number } | undefined;
  let reading: Promise<KubeHttp> | undefined;
  let checking: Promise<void> | undefined;
  /** When something was heard of the cluster last. */
  let heardAt = now();
  let isDoubted = false;
  let isClosed = false;
  let silence: Silence | undefined;
  let known: { readonly fingerprint: string; readonly identity: string | undefined } | undefined;
  /** Ends what is under way. */
  const underWay = new Set<(error: ApiError) => void>();

  async function refresh(): Promise<KubeHttp> {
    const before = current;
    const login = await read().catch(async (error: unknown) => {
      // Who may not be asked, or has no login any more, is not listened to either.
      if (error instanceof LockstepError) {
        current = undefined;
        await before?.http.close();
      }
      throw error;
    });
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

  async function ask<T>(send: (http: KubeHttp) => Promise<T>, isGivenUp = () => false): Promise<T> {
    if (silence !== undefined) throw silence.error;
    const http = await connection();
    current?.login.check();
    const late = setTimeout(() => void check(http), patience.answer);
    const { promise: ended, reject: end } = Promise.withResolvers<never>();
    underWay.add(end);
    try {
      const answer = await Promise.race([send(http), ended]);
      heardAt = now();
      return answer;
    } catch (error) {
      throw note(http, error, isGivenUp());
    } finally {
      underWay.delete(end);
      clearTimeout(late);
    }
  }

  /** What an error means: one connection that broke is no silence yet, and one that we gave up is none at all. */
  function note(http: KubeHttp, error: unknown, isGivenUp: boolean): unknown {
    if (!(error instanceof ApiError)) return error;
    if (error.status === 401) isDoubted = true;
    if (!isUnanswered(error) || error === silence?.error) return error;
    if (!isGivenUp) void check(http);
    return unanswered(title, error);
  }

  async function check(http: KubeHttp): Promise<void> {
    if (isClosed || silence !== undefined || http !== current?.http) return;
    checking ??= lookForSign(http, current.login).finally(() => {
      checking = undefined;
    });
    await checking;
  }

  async function lookForSign(http: KubeHttp, login: Login): Promise<void> {
    const error = await signOf(login);
    if (error === undefined) heardAt = now();
    else if (http === current?.http && !isClosed && silence === undefined) fallSilent(error);
  }

  function fallSilent(error: ApiError): void {
    isDoubted = true;
    silence = { error: unanswered(title, error), look: lookAfter(looks.first) };
    for (const end of underWay) end(silence.error);
    if (current === undefined) return;
    // Connections on which nothing came may never carry anything again.
    const { login, http, readAt } = current;
    current = { login, http: login.connect(), readAt };
    void http.close();
  }

  function lookAfter(delay: number): NodeJS.Timeout {
    return setTimeout(() => void look(delay), delay).unref();
  }

  async function look(delay: number): Promise<void> {
    // Why a login can't be read is for the next request to tell.
    const error = await connection().then(
      () => (current === undefined ? undefined : signOf(current.login)),
      () => undefined,
    );
    if (isClosed || silence === undefined) return;
    if (error === undefined) heardAt = now();
    silence = error === undefined ? undefined : { ...silence, look: lookAfter(Math.min(2 * delay, looks.longest)) };
  }

  return {
    request: (request) => ask((http) => http.request(request)),
    text: (request) => ask((http) => http.text(request)),
    stream: (request, signal) =>
      ask(
        (http) => http.stream(request, signal),
        () => signal.aborted,
      ),
    silence: () => (silence === undefined ? undefined : { error: silence.error, since: heardAt }),
    makeSure: async () => {
      if (current !== undefined && now() - heardAt > patience.answer) await check(current.http);
    },
    identity: async () => {
      await connection();
      const before = current;
      if (before === undefined) return undefined;
      if (known?.fingerprint === before.login.fingerprint) return known.identity;
      const identity = await ask(identityOf);
      known = { fingerprint: before.login.fingerprint, identity };
      return identity;
    },
    close: async () => {
      isClosed = true;
      clearTimeout(silence?.look);
      await current?.http.close();
    },
  };
}

/** Another cluster's API server. */
export interface Remote extends KubeHttp {
  /** What every request fails by while the cluster does not answer, and when it was heard last. */
  silence(): { readonly error: ApiError; readonly since: number } | undefined;
  /** Asks the cluster for a sign where nothing was heard of it for a while: who only waits would not notice its silence. */
  makeSure(): Promise<void>;
  /** What tells clusters apart; undefined where the login may not see it. @throws ApiError, and what reading the login throws */
  identity(): Promise<string | undefined>;
}

/** A namespace that every cluster has, and that is never made again. */
async function identityOf(http: KubeHttp): Promise<string | undefined> {
  try {
    const { body } = await http.request({ method: 'GET', path: '/api/v1/namespaces/kube-system' });
    return textAt(body, 'metadata', 'uid');
  } catch (error) {
    if (isForbidden(error) || isAbsent(error)) return undefined;
    throw error;
  }
}

/**
 * Why a cluster gives no sign of being there; undefined when it gives one, even a refusal. It is asked over a connection of
 * its own: those that there are may be busy with answers that take their time.
 */
async function signOf(login: Login): Promise<ApiError | undefined> {
  const http = login.connect();
  const sign = http.request({ method: 'GET', path: '/version' }).then(
    () => undefined,
    (error: unknown) => (error instanceof ApiError && isUnanswered(error) ? error : undefined),
  );
  const late = Promise.withResolvers<ApiError>();
  const timer = setTimeout(() => late.resolve(silent), patience.sign);
  const found = await Promise.race([sign, late.promise]);
  clearTimeout(timer);
  void http.close();
  return found;
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
