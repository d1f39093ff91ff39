import { Errors } from 'isomorphic-git';
import { LockstepError, messageOf } from '../errors.ts';
import { NotOurs, StatusError } from './upload-pack.ts';

/** What a file system answers that has no room, no right to write, no open file left, or is broken. */
const storageTroubles: ReadonlySet<unknown> = new Set([
  'ENOSPC',
  'EDQUOT',
  'EROFS',
  'EACCES',
  'EMFILE',
  'ENFILE',
  'EIO',
]);

/** Whether the agent's own folder is in the way, and not the server: what connections meet has a code of its own. */
export function isStorageTrouble(error: unknown): boolean {
  return storageTroubles.has((error as NodeJS.ErrnoException).code);
}

/**
 * An error with its code, whatever has thrown it.
 * @param href of the repository, as it is shown
 */
export function sourceError(error: unknown, href: string): LockstepError {
  if (error instanceof LockstepError) return error;
  const cause = { cause: error };
  if (isStorageTrouble(error))
    return new LockstepError('StorageFailed', `${href} can't be stored: ${messageOf(error)}`, cause);
  const status = statusOf(error);
  if (status !== undefined) {
    const code = status === 401 || status === 403 ? 'SourceUnauthorized' : 'SourceUnreachable';
    return new LockstepError(code, `${href} answered HTTP ${status}`, cause);
  }
  if (error instanceof NotOurs)
    return new LockstepError('RefNotFound', `${href} does not hand out the commit: ${messageOf(error)}`, cause);
  return new LockstepError('SourceUnreachable', `${href} can't be read: ${messageOf(error)}`, cause);
}

function statusOf(error: unknown): number | undefined {
  if (error instanceof StatusError) return error.status;
  return error instanceof Errors.HttpError ? error.data.statusCode : undefined;
}
