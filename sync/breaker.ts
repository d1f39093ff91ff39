import type { Cause } from './release/standing.ts';

/** When failures of many count as the fault of what they share. Milliseconds, and parts of one. */
const limits = { within: 5 * 60_000, deliveries: 5, namespaces: 3, share: 0.3, withheld: 30 * 60_000 };

/** Stops verdicts of the whole installation while its Deliveries fail for one cause that is none of theirs. */
export interface Breaker {
  /**
   * Takes note that a release would fail.
   * @param served the namespaces that hold Deliveries, each once
   * @param now steady time
   * @returns why it must not be judged; undefined when it may
   */
  withholds(failure: Failure, served: ReadonlySet<string>, now: number): string | undefined;
  /** What verdicts are withheld for. */
  open(served: ReadonlySet<string>, now: number): string[];
}

/** A release that would fail. */
export interface Failure {
  readonly uid: string;
  readonly namespace: string;
  readonly cause: Cause;
}

interface Note {
  readonly namespace: string;
  /** When it failed first and last, without a pause in between. */
  readonly since: number;
  readonly at: number;
}

export function createBreaker(): Breaker {
  /** By what they share, and by Delivery: each counts once, however often it fails. */
  const notes = new Map<string, Map<string, Note>>();

  function recent(shared: string, now: number): Note[] {
    const all = notes.get(shared) ?? new Map<string, Note>();
    for (const [uid, { at }] of all) if (now - at >= limits.within) all.delete(uid);
    if (all.size === 0) notes.delete(shared);
    return [...all.values()];
  }

  function isOpen(shared: string, served: ReadonlySet<string>, now: number): boolean {
    const failing = recent(shared, now);
    // However many Deliveries a namespace has, its say counts once: no tenant can stop the verdicts of all others.
    const namespaces = new Set(failing.map(({ namespace }) => namespace));
    const isMany = failing.length >= limits.deliveries && namespaces.size >= limits.namespaces;
    return isMany && namespaces.size >= limits.share * served.size;
  }

  return {
    withholds: ({ uid, namespace, cause }, served, now) => {
      const shared = sharedBy(cause);
      if (shared === undefined) return undefined;
      recent(shared, now);
      const known = notes.get(shared) ?? new Map<string, Note>();
      const since = known.get(uid)?.since ?? now;
      notes.set(shared, known.set(uid, { namespace, since, at: now }));
      // It may be what the releases themselves have brought: only their way back ends it then.
      if (now - since >= limits.withheld || !isOpen(shared, served, now)) return undefined;
      const count = recent(shared, now).length;
      return `${count} Deliveries fail because of ${shared}: nothing is rolled back for that for half an hour`;
    },
    open: (served, now) => [...notes.keys()].filter((shared) => isOpen(shared, served, now)),
  };
}

/** What an image can't be pulled for that is no fault of whoever named it. */
const unreachable =
  /dial tcp|timeout|timed out|connection re|no such host|TLS handshake|x509|unexpected EOF|i\/o |too ?many ?requests|\b(429|50[0234])\b/i;

/** What of an installation a failure points at; undefined where it is the release's own. */
export function sharedBy({ reason, message }: Cause): string | undefined {
  const webhook = /failed calling webhook "([^"]+)"/.exec(message)?.[1];
  if (webhook !== undefined) return `the webhook ${webhook}`;
  if (reason === 'ErrImagePull' && unreachable.test(withoutNames(message)))
    return `the registry ${registryIn(message)}`;
  if (reason === 'Unschedulable') return 'nodes that take no pods';
  if (reason === 'ProgressDeadlineExceeded') return 'a cluster in which nothing goes on';
  return undefined;
}

/** Names and addresses may hold any word: what is wrong stands between them. */
function withoutNames(message: string): string {
  return message.replace(/\\?"[^"]*"/g, '').replace(/\S+:\S+/g, '');
}

/** The host of an image, as container runtimes name it: without one it is Docker's. */
function registryIn(message: string): string {
  const image = /(?:image|reference) \\?"([^"\\]+)/.exec(message)?.[1] ?? '';
  const [host = '', ...path] = image.split('/');
  return path.length > 0 && /[.:]|^localhost$/.test(host) ? host : 'docker.io';
}
