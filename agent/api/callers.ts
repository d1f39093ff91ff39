import { createHash } from 'node:crypto';
import { at, isObject, textAt, textsAt, toJson } from '../../diff/json.ts';
import { forgetOldest } from '../../sync/bounded.ts';
import { ApiError } from '../../sync/errors.ts';
import type { Log } from '../../sync/ports.ts';
import type { KubeHttp } from '../kube/http.ts';
import { type Action, type May, maySubject, type Subject } from '../kube/may.ts';
import { Problem } from './problems.ts';

/** Who calls, and what they may do. */
export interface Caller {
  /** The name as the API server knows it; written into requests. */
  readonly name: string;
  /** Whether the API server was asked who they are. Who was not is never shown a log. */
  readonly isKnown: boolean;
  readonly may: May;
}

/** Tells who calls from the header `Authorization`. @throws Problem Unauthenticated, ClusterUnavailable, Busy */
export type Identify = (authorization: string | undefined) => Promise<Caller>;

/** Whoever can connect to the loopback address of this machine: they may do all but read logs. */
export function trustLoopback(): Identify {
  const caller: Caller = { name: 'loopback', isKnown: false, may: async () => true };
  return async () => caller;
}

/** How long an answer of the API server about a token or a right counts, in milliseconds. */
const lifetime = 10_000;
const mostRemembered = 5_000;

/** A token that was refused is not asked about again for so long, in milliseconds. */
const refusedFor = 3_000;
/** Questions to the API server that are under way at once: whose a token is, and what its owner may do. */
const [mostTokens, mostRights] = [4, 8];
/** Connections that these questions need, so that none waits for another kind. */
export const reviewConnections = mostTokens + mostRights;
/** Questions of a kind that wait for their turn. */
const mostWaiting = 100;

/** The audience that tokens for this API must name: those for the API server itself are refused. */
const audience = 'lockstep';

/**
 * Asks the API server who a bearer token belongs to, and what they may do.
 * @param now milliseconds
 * @param log told why it can't be asked: who is not known yet is not told that
 */
export function askApiServer(http: KubeHttp, now: () => number, log: Log): Identify {
  const callers = remembering<Promise<Caller>>(now);
  // Strangers who send tokens wait in a line of their own: it does not hold up those who are known.
  const welcome = new Set<string>();
  const [strangers, known] = [takingTurns(mostTokens), takingTurns(mostRights)];
  const hide = (error: unknown): never => {
    if (!(error instanceof ApiError)) throw error;
    log.warn({ problem: error.message }, 'the API server can not be asked who calls');
    throw new Problem('ClusterUnavailable', 'the API server can not be asked who calls');
  };
  return (authorization) => {
    const token = /^Bearer ([\x21-\x7e]{1,8192})$/i.exec(authorization ?? '')?.[1];
    if (token === undefined) throw new Problem('Unauthenticated', 'a bearer token is needed');
    const key = createHash('sha256').update(token).digest('base64');
    return callers(key, async () => {
      const line = welcome.has(key) ? known : strangers;
      welcome.delete(key);
      const subject = await line(() => reviewToken(http, token).catch(hide));
      welcome.add(key);
      forgetOldest(welcome, mostRemembered);
      return callerOf(http, subject, now, known);
    });
  };
}

async function reviewToken(http: KubeHttp, token: string): Promise<Subject> {
  const body = toJson({
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenReview',
    spec: { token, audiences: [audience] },
  });
  const path = '/apis/authentication.k8s.io/v1/tokenreviews';
  const answer = await http.request({ method: 'POST', path, body, contentType: 'application/json' });
  const status = at(answer.body, 'status');
  const isForUs = at(status, 'authenticated') === true && textsAt(status, 'audiences').includes(audience);
  if (!isForUs) throw new Problem('Unauthenticated', `the token is not valid for the audience ${audience}`);
  const user = at(status, 'user');
  const extra = at(user, 'extra');
  return {
    username: textAt(user, 'username') ?? '',
    uid: textAt(user, 'uid'),
    groups: textsAt(user, 'groups'),
    extra: isObject(extra) ? Object.fromEntries(Object.keys(extra).map((name) => [name, textsAt(extra, name)])) : {},
  };
}

function callerOf(http: KubeHttp, subject: Subject, now: () => number, inTurn: TakingTurns): Caller {
  const rights = remembering<Promise<boolean>>(now);
  const may = (action: Action): Promise<boolean> =>
    rights(toJson(action), () => inTurn(() => maySubject(http, subject, action)));
  return { name: subject.username, isKnown: true, may };
}

/** Remembers answers for a while. */
function remembering<T extends Promise<unknown>>(now: () => number): (key: string, ask: () => T) => T {
  const known = new Map<string, { at: number; answer: T }>();
  return (key, ask) => {
    const before = known.get(key);
    if (before !== undefined && now() - before.at < lifetime) return before.answer;
    const answer = ask();
    known.delete(key);
    known.set(key, { at: now(), answer });
    answer.catch((error: unknown) => {
      // What could not be asked is asked again; what was refused stays so for a moment.
      const entry = known.get(key);
      if (entry?.answer !== answer) return;
      if (error instanceof Problem && error.code === 'Unauthenticated') entry.at -= lifetime - refusedFor;
      else known.delete(key);
    });
    forgetOldest(known, mostRemembered);
    return answer;
  };
}

type TakingTurns = <T>(ask: () => Promise<T>) => Promise<T>;

/** Few questions at once and not too many that wait: strangers must not keep the agent from its work. */
function takingTurns(mostAsked: number): TakingTurns {
  let asked = 0;
  const waiting: (() => void)[] = [];
  return async (ask) => {
    if (asked >= mostAsked) {
      if (waiting.length >= mostWaiting) throw new Problem('Busy', 'too many callers have to be asked about');
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else asked += 1;
    try {
      return await ask();
    } finally {
      // The place goes to who waits longest.
      const next = waiting.shift();
      if (next === undefined) asked -= 1;
      else next();
    }
  };
}
