import { Errors } from 'isomorphic-git';
import { LockstepError, messageOf } from '../errors.ts';

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

/** An error with its code, whatever has thrown it. */
export function sourceError(error: unknown, url: URL): LockstepError {
  if (error instanceof LockstepError) return error;
  if (isStorageTrouble(error)) {
    return new LockstepError('StorageFailed', `${url.href} can't be stored: ${messageOf(error)}`, { cause: error });
  }
  if (error instanceof Errors.HttpError) {
    const status = error.data.statusCode;
    const unauthorized = status === 401 || status === 403;
    return new LockstepError(
      unauthorized ? 'SourceUnauthorized' : 'SourceUnreachable',
      `${url.href} answered HTTP ${status}`,
      { cause: error },
    );
  }
  if (error instanceof Errors.NotFoundError)
    return new LockstepError('RefNotFound', `${url.href} does not hold the reference`, { cause: error });
  return new LockstepError('SourceUnreachable', `${url.href} can't be read: ${messageOf(error)}`, { cause: error });
}
