import type { ChartRequest } from '../../ports.ts';
import type { ChartRepositories } from './chart-repository.ts';
import { digestOfBytes } from './registry.ts';

/** The digests of archives about which their index tells none. */
export interface LearnedDigests {
  /**
   * The digest that the archive has now: it is asked for again each time, by what its server called it; where that calls it nothing,
   * once an hour.
   * @param keep given the archive when it was fetched
   */
  of(request: ChartRequest, url: string, keep: (digest: string, bytes: Buffer) => Promise<void>): Promise<string>;
  /** What was learned was wrong: another answer has come since. */
  forget(request: ChartRequest, url: string): void;
}

interface Learned {
  readonly digest: string;
  readonly sign: string | undefined;
  readonly at: number;
}

const hour = 3_600_000;
/** Older ones are learned again. */
const mostKept = 1_000;

/** @param maxBytes of an archive */
export function learnDigests(
  repositories: ChartRepositories,
  maxBytes: number,
  now: () => number = () => performance.now(),
): LearnedDigests {
  const kept = new Map<string, Learned>();

  function remember(key: string, learned: Learned): void {
    kept.delete(key);
    kept.set(key, learned);
    for (const oldest of kept.keys()) {
      if (kept.size <= mostKept) break;
      kept.delete(oldest);
    }
  }

  return {
    of: async (request, url, keep) => {
      const key = keyOf(request, url);
      const before = kept.get(key);
      if (before !== undefined && before.sign === undefined && now() - before.at < hour) return before.digest;
      const fetched = await repositories.archive(request, url, maxBytes, before?.sign);
      if (fetched === undefined && before !== undefined) return before.digest;
      const bytes = fetched?.bytes ?? Buffer.alloc(0);
      const digest = digestOfBytes(bytes);
      if (digest !== before?.digest) await keep(digest, bytes);
      remember(key, { digest, sign: fetched?.sign, at: now() });
      return digest;
    },
    forget: (request, url) => void kept.delete(keyOf(request, url)),
  };
}

/** What one repository says by one login is nothing to others. */
function keyOf({ repository, credentials }: ChartRequest, url: string): string {
  return `${repository} ${credentials?.fingerprint ?? ''} ${url}`;
}
