import { forgetOldest } from '../../bounded.ts';
import type { ChartRequest } from '../../ports.ts';
import type { ChartRepositories, FetchedArchive } from './chart-repository.ts';
import { digestOfBytes } from './registry.ts';

/** The digests of archives about which their index tells none. */
export interface LearnedDigests {
  /**
   * The digest that the archive has now: it is asked for again each time, by what its server called it; where that calls it nothing,
   * once an hour.
   * @param keep given the archive when it was fetched
   */
  of(request: ChartRequest, url: string, keep: Keep): Promise<string>;
  /** What was learned was wrong: another answer has come since. */
  forget(request: ChartRequest, url: string): void;
}

type Keep = (digest: string, bytes: Buffer) => Promise<void>;

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

  async function learn(key: string, { bytes, sign }: FetchedArchive, keep: Keep): Promise<string> {
    const digest = digestOfBytes(bytes);
    if (digest !== kept.get(key)?.digest) await keep(digest, bytes);
    kept.delete(key);
    kept.set(key, { digest, sign, at: now() });
    forgetOldest(kept, mostKept);
    return digest;
  }

  return {
    of: async (request, url, keep) => {
      const key = keyOf(request, url);
      const before = kept.get(key);
      if (before?.sign === undefined) {
        if (before !== undefined && now() - before.at < hour) return before.digest;
        return learn(key, await repositories.archive(request, url, maxBytes), keep);
      }
      const news = await repositories.newArchive(request, url, maxBytes, before.sign);
      return news === undefined ? before.digest : learn(key, news, keep);
    },
    forget: (request, url) => void kept.delete(keyOf(request, url)),
  };
}

/** What one repository says by one login is nothing to others. */
function keyOf({ repository, credentials }: ChartRequest, url: string): string {
  return `${repository} ${credentials?.fingerprint ?? ''} ${url}`;
}
