import { LockstepError } from '../errors.ts';
import type { Commit } from '../types.ts';
import type { GitObject } from './pack-format.ts';

/** A commit, as far as it is read. */
export interface ParsedCommit {
  readonly tree: string;
  readonly parents: readonly string[];
  readonly shown: Commit;
}

/** Headers are longer only by signatures, of which this many bytes hold any. */
const longestHeaders = 256 * 1024;
/** What stands first in a commit, in this order and no other. What comes behind it decides nothing. */
const head = /^tree ([0-9a-f]{40})\n((?:parent [0-9a-f]{40}\n)*)author ([^\n]*)\n/;

/**
 * Reads what is needed of a commit's headers and the first line of its message.
 * @throws LockstepError SourceUnsupported
 */
export function parseCommit({ type, data }: GitObject, revision: string): ParsedCommit {
  const blank = data.indexOf('\n\n');
  const end = blank < 0 ? data.length : blank + 1;
  const [, tree, parents = '', line = ''] = head.exec(data.toString('utf8', 0, Math.min(end, longestHeaders))) ?? [];
  if (type !== 'commit' || tree === undefined)
    throw new LockstepError('SourceUnsupported', `${revision} is no commit, or a broken one`);
  const subject = blank < 0 ? '' : (data.toString('utf8', blank + 2, blank + 2_000).split('\n', 1)[0] ?? '');
  const mail = line.indexOf(' <');
  const seconds = Number(/> (\d{1,11}) /.exec(line)?.[1] ?? 0);
  const shown = {
    revision,
    author: (mail < 0 ? line : line.slice(0, mail)).slice(0, 200),
    subject: subject.slice(0, 200),
    time: new Date(seconds * 1000).toISOString(),
  };
  return {
    tree,
    parents: parents
      .split('\n')
      .map((one) => one.slice('parent '.length))
      .filter((one) => one !== ''),
    shown,
  };
}
