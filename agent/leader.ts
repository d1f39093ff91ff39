import { createHash, randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { isObject, type Json, type JsonObject, numberAt, textAt, toJson } from '../diff/json.ts';
import { ApiError, isAbsent, isConflict, LockstepError, messageOf } from '../sync/errors.ts';
import type { Log } from '../sync/ports.ts';
import type { KubeHttp } from './kube/http.ts';

/** Milliseconds. */
interface LeaseTimes {
  /** How long a lease is worth without being renewed. */
  readonly duration: number;
  readonly renew: number;
  readonly retry: number;
}

/** Whoever waits sees up to one try late that a lease was renewed last, and one more that it ran out: 15 s in all, with room. */
const leaseDefaults: LeaseTimes = { duration: 12_000, renew: 3_000, retry: 1_000 };

/** An agent that leads: the one that writes. */
export interface Leadership {
  /** The number of this leadership. Every later leader has a higher one. */
  readonly epoch: number;
  /** For how many milliseconds the API server did not answer before this agent led: nothing went on in that time. */
  readonly outage: number;
  /** How many milliseconds of the lease are left, measured by a clock that nobody can set. */
  left(): number;
  /** Makes sure, by a renewal now, that this agent still leads. @throws LockstepError Fenced, ApiError */
  prove(): Promise<void>;
  /** Resolves when another agent leads, or the lease could not be renewed in time. */
  readonly lost: Promise<string>;
  /** Gives up, because somebody else is known to lead. */
  resign(why: string): void;
  /** Gives the lease back, so that the next agent need not wait for its end. */
  release(): Promise<void>;
}

/** The lease of agents that serve the same namespaces. Those that serve others do not get in each other's way. */
export function leaseName(watchNamespaces: readonly string[]): string {
  if (watchNamespaces.length === 0) return 'lockstep-agent';
  const list = [...watchNamespaces].sort().join(' ');
  return `lockstep-agent-${createHash('sha256').update(list).digest('hex').slice(0, 10)}`;
}

/**
 * Waits until this agent leads, and keeps it leading. A lease that runs out is taken over after it was seen not to be
 * renewed for its whole duration; one of a process of this very machine that is gone is taken at once.
 */
export async function lead(
  http: KubeHttp,
  namespace: string,
  name: string,
  log: Log,
  stop: AbortSignal,
  times: LeaseTimes = leaseDefaults,
): Promise<Leadership> {
  const lease = createLease(http, namespace, name, holderName(), times);
  let told = '';
  const tell = (message: string): void => {
    if (message !== told) log.warn({ lease: name, problem: message }, 'the agent does not lead yet');
    told = message;
  };
  let outage = 0;
  let brokenSince: number | undefined;
  while (!stop.aborted) {
    const asked = performance.now();
    try {
      const taken = await lease.take();
      // Who led before gave up when its lease had run out.
      if (brokenSince !== undefined) outage += asked - brokenSince + times.duration;
      // Between two looks that both were answered another agent was at work: it has dealt with what was before.
      else if (lease.isRenewed()) outage = 0;
      brokenSince = undefined;
      if (taken !== undefined) return keep(lease, taken, outage, times, log);
      tell('another agent leads');
    } catch (error) {
      if (isTransient(error)) brokenSince ??= asked;
      tell(messageOf(error));
    }
    await sleep(times.retry, undefined, { signal: stop }).catch(() => undefined);
  }
  throw new Error('stopped while another agent was leading');
}

/** A moment by two clocks: one that nobody can set, and one that goes on while the machine sleeps. */
interface Moment {
  readonly steady: number;
  readonly wall: number;
}

const thisMoment = (): Moment => ({ steady: performance.now(), wall: Date.now() });

interface Taken {
  readonly epoch: number;
  readonly version: string;
  /** When the lease was asked for: it is worth its duration from then on. */
  readonly at: Moment;
}

interface Lease {
  /** Takes the lease if it is free. */
  take(): Promise<Taken | undefined>;
  /** Whether somebody else has renewed it between the last two looks. */
  isRenewed(): boolean;
  /** @throws ApiError of status 409 when somebody else holds it */
  renew(taken: Taken, holder?: string): Promise<Taken>;
}

function createLease(http: KubeHttp, namespace: string, name: string, holder: string, times: LeaseTimes): Lease {
  const collection = `/apis/coordination.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/leases`;
  let seen: { version: string; at: number } | undefined;
  let isRenewed = false;

  async function write(epoch: number, version: string | undefined, as: string): Promise<Taken> {
    const started = thisMoment();
    const now = new Date().toISOString().replace('Z', '000Z');
    const spec: JsonObject = {
      holderIdentity: as,
      leaseDurationSeconds: Math.ceil(times.duration / 1000),
      leaseTransitions: epoch,
      renewTime: now,
    };
    const isNew = version === undefined;
    const metadata = { name, namespace, ...(isNew ? {} : { resourceVersion: version }) };
    const answer = await http.request({
      method: isNew ? 'POST' : 'PUT',
      path: isNew ? collection : `${collection}/${name}`,
      body: toJson({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec }),
      contentType: 'application/json',
      left: () => times.duration / 3,
    });
    return { epoch, version: textAt(answer.body, 'metadata', 'resourceVersion') ?? '', at: started };
  }

  async function read(): Promise<Json | undefined> {
    try {
      return (await http.request({ method: 'GET', path: `${collection}/${name}` })).body;
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
  }

  /** Whether nobody holds it any more. What others call the time is not looked at, only whether they still write. */
  function isFree(live: Json, version: string): boolean {
    const holding = textAt(live, 'spec', 'holderIdentity') ?? '';
    if (holding === '' || isGone(holding)) return true;
    isRenewed = seen !== undefined && seen.version !== version;
    if (seen?.version !== version) seen = { version, at: performance.now() };
    const duration = (numberAt(live, 'spec', 'leaseDurationSeconds') ?? 0) * 1000;
    return performance.now() - seen.at > Math.max(duration, times.duration);
  }

  return {
    isRenewed: () => isRenewed,
    take: async () => {
      isRenewed = false;
      const live = await read();
      const version = textAt(live, 'metadata', 'resourceVersion');
      if (live !== undefined && version !== undefined && !isFree(live, version)) return undefined;
      const epoch = (isObject(live) ? (numberAt(live, 'spec', 'leaseTransitions') ?? 0) : 0) + 1;
      try {
        return await write(epoch, version, holder);
      } catch (error) {
        if (isConflict(error)) return undefined;
        throw error;
      }
    },
    renew: async ({ epoch, version }, as = holder) => {
      try {
        return await write(epoch, version, as);
      } catch (error) {
        if (!isConflict(error)) throw error;
        // The answer to an earlier write of our own may have been lost.
        const live = await read();
        if (textAt(live, 'spec', 'holderIdentity') !== holder) throw error;
        return write(epoch, textAt(live, 'metadata', 'resourceVersion'), as);
      }
    },
  };
}

function isTransient(error: unknown): boolean {
  return error instanceof ApiError && error.class === 'transient';
}

function keep(lease: Lease, first: Taken, outage: number, times: LeaseTimes, log: Log): Leadership {
  let taken = first;
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;
  const left = (): number => {
    const now = thisMoment();
    const passed = Math.max(now.steady - taken.at.steady, now.wall - taken.at.wall);
    return isOver ? 0 : times.duration - passed;
  };
  let tellLost: (why: string) => void = () => undefined;
  const lost = new Promise<string>((resolve) => {
    tellLost = (why) => {
      isOver = true;
      resolve(why);
    };
  });
  let renewing: Promise<void> | undefined;
  /** One renewal at a time: two would be in each other's way. */
  const renewOnce = (): Promise<void> => {
    renewing ??= lease
      .renew(taken)
      .then((renewed) => {
        taken = renewed;
      })
      .finally(() => {
        renewing = undefined;
      });
    return renewing;
  };
  /** Why the lease is lost, if it is. */
  const renew = async (): Promise<string | undefined> => {
    try {
      await renewOnce();
      return undefined;
    } catch (error) {
      if (isConflict(error) || isAbsent(error)) return 'another agent has taken the lease, or it was deleted';
      log.warn({ problem: messageOf(error) }, 'the lease can not be renewed');
      return left() > 0 ? undefined : 'the lease could not be renewed in time';
    }
  };
  const schedule = (delay: number): void => {
    timer = setTimeout(async () => {
      const why = await renew();
      if (why !== undefined) tellLost(why);
      else if (!isOver) schedule(left() < times.duration / 2 ? times.retry : times.renew);
    }, delay);
  };
  schedule(times.renew);
  return {
    epoch: first.epoch,
    outage,
    left,
    lost,
    resign: (why) => tellLost(why),
    prove: async () => {
      try {
        await renewOnce();
      } catch (error) {
        if (!isConflict(error) && !isAbsent(error)) throw error;
        tellLost('another agent has taken the lease, or it was deleted');
        throw new LockstepError('Fenced', 'this agent does not lead any more');
      }
    },
    release: async () => {
      const isHeld = !isOver;
      isOver = true;
      clearTimeout(timer);
      if (isHeld) await lease.renew(taken, '').catch(() => undefined);
    },
  };
}

const machine = `${process.env['POD_NAME'] ?? hostname()}/${processSpace()}`;

/** A name that no other process has: the machine, the process on it, and a word by chance. */
function holderName(): string {
  return `${machine}/${process.pid}/${randomUUID().slice(0, 8)}`;
}

/** Processes that can't see each other have other numbers here. */
function processSpace(): string {
  try {
    // Two machines of one name differ by how they were started, and two containers on one machine by their namespace.
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').slice(0, 8);
    return `${boot}-${/\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? ''}`;
  } catch {
    return '';
  }
}

/** Whether a holder was a process here that does not run any more. Of others nothing is known. */
function isGone(holder: string): boolean {
  const [host, space, pid = ''] = holder.split('/');
  if (`${host}/${space}` !== machine || space === '') return false;
  if (Number(pid) === process.pid) return true;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH';
  }
}
