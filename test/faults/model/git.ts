import { hashText } from '../../../diff/hash.ts';
import { LockstepError } from '../../../sync/errors.ts';
import type { Sources } from '../../../sync/ports.ts';
import { file } from '../../unit/sync/support/objects.ts';

/** What one commit holds: texts of files by their names. */
export type Files = Readonly<Record<string, string>>;

export interface Commit {
  readonly revision: string;
  readonly files: Files;
  /** Releasing it fails: by its health, or because it is refused or can't be read. */
  readonly isBad: boolean;
  readonly isUnreadable: boolean;
}

/** A Git server that holds one branch. */
export interface Git {
  readonly commits: Commit[];
  readonly sources: Sources;
  push(files: Files, what: { readonly isBad: boolean; readonly isUnreadable: boolean }): Commit;
  /** What is wrong with it right now. */
  fault: 'down' | 'slow' | 'half a pack' | undefined;
  commit(revision: string): Commit | undefined;
  tip(): Commit;
}

export function createGit(sleep: (milliseconds: number) => Promise<void>): Git {
  const commits: Commit[] = [];
  const git: Git = {
    commits,
    fault: undefined,
    push: (files, what) => {
      const revision = hashText(`${commits.length}`)
        .replaceAll(/[^A-Za-z0-9]/g, '0')
        .padEnd(40, '0');
      const commit = { revision, files, ...what };
      commits.push(commit);
      return commit;
    },
    commit: (revision) => commits.find((one) => one.revision === revision),
    tip: () => {
      const tip = commits.at(-1);
      if (tip === undefined) throw new Error('nothing was pushed');
      return tip;
    },
    sources: {
      tip: async () => {
        await answer();
        const { revision } = git.tip();
        return { revision, ref: 'refs/heads/main', object: revision };
      },
      read: async (_request, { revision, ref }) => {
        await answer();
        if (git.fault === 'half a pack')
          throw new LockstepError('SourceUnreachable', 'the server broke off its answer');
        const commit = git.commit(revision);
        if (commit === undefined) throw new LockstepError('RefNotFound', `there is no ${revision}`);
        const told = { revision, author: 'Ada', subject: 'change', time: '' };
        const files = Object.entries(commit.files).map(([name, text]) => file(name, text));
        const view = () => ({ kind: 'nothing' }) as const;
        return { commit: told, ref, view, signer: undefined, tree: hashText(JSON.stringify(commit.files)), files };
      },
      follows: async () => true,
      leave: () => undefined,
      close: async () => undefined,
    },
  };

  async function answer(): Promise<void> {
    await sleep(git.fault === 'slow' ? 3_000 : 20);
    if (git.fault === 'down') throw new LockstepError('SourceUnreachable', 'the Git server does not answer');
  }
  return git;
}
