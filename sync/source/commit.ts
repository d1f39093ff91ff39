import { LockstepError } from '../errors.ts';
import type { Commit } from '../types.ts';

/** A commit, as far as it is read. */
export interface ParsedCommit {
  readonly tree: string;
  readonly parents: readonly string[];
  readonly shown: Commit;
}

/**
 * Reads what is needed of a commit's headers and the first line of its message.
 * @throws LockstepError SourceUnsupported
 */
export function parseCommit(data: Buffer, revision: string): ParsedCommit {
  const text = data.toString('utf8');
  const blank = text.indexOf('\n\n');
  const headers = blank < 0 ? text : text.slice(0, blank);
  const tree = /^tree ([0-9a-f]{40})$/m.exec(headers)?.[1];
  if (tree === undefined) throw new LockstepError('SourceUnsupported', `${revision} is no commit, or a broken one`);
  const [, author = '', seconds = '0'] = /^author (.*?) <[^>]*> (\d{1,12})/m.exec(headers) ?? [];
  const subject = blank < 0 ? '' : (text.slice(blank + 2).split('\n', 1)[0] ?? '');
  const parents = [...headers.matchAll(/^parent ([0-9a-f]{40})$/gm)].map(([, parent = '']) => parent);
  const time = new Date(Number(seconds) * 1000).toISOString();
  return { tree, parents, shown: { revision, author, subject: subject.slice(0, 200), time } };
}
