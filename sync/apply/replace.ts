import { at } from '../../diff/json.ts';
import { ApiError, immutableFields, inOneLine } from '../errors.ts';
import { mayBeReplaced } from '../options.ts';
import { protectedKinds } from '../plan/prune.ts';
import type { Entry } from '../release/record.ts';
import { fieldManager, type Stamp, stamped } from '../stamp.ts';
import { type KubeObject, titleOf } from '../types.ts';
import { terminating } from './apply.ts';
import { type Applier, triedOn } from './entry.ts';

/** A replacement that would pass: what would be there then, and the fields because of which it is needed. */
export interface Replacement {
  readonly object: KubeObject;
  readonly replaces: readonly string[];
}

/**
 * Tries to make an object anew that can't be changed: before anything is deleted it must be known that what shall come in
 * its place would be taken.
 * @param error what the change was refused for
 * @returns undefined when that was something else
 * @throws ApiError when the object may not be replaced, which is told with the fields; or could not be made again
 */
export async function tryReplace(
  { cluster, uid, stamp }: Applier & { readonly stamp: Stamp },
  entry: Entry,
  error: unknown,
): Promise<Replacement | undefined> {
  const fields = immutableFields(error);
  if (!(error instanceof ApiError) || fields.length === 0) return undefined;
  if (protectedKinds.has(entry.ref.kind)) throw error;
  if (!isAllowed(entry)) throw withHint(error, entry, fields);
  const live = entry.ignored === undefined ? undefined : await cluster.get(entry.ref);
  const manifest = live === undefined ? entry.manifest : triedOn({ uid }, entry, entry.manifest, live);
  const object = stamped(manifest, stamp);
  return { object: (await cluster.tryCreate(object, fieldManager(uid))) ?? object, replaces: fields };
}

/** On the way back what the bad release said counts too: it was replaced by that. */
function isAllowed({ manifest, attempted }: Entry): boolean {
  return mayBeReplaced(manifest) || (attempted !== undefined && mayBeReplaced(attempted));
}

function withHint(error: ApiError, { ref }: Entry, fields: readonly string[]): ApiError {
  const hint = `${inOneLine(fields)} of ${titleOf(ref)} can not be changed; lockstep.dev/replace: allowed on it lets it be deleted and made again`;
  return error.saying(`(${hint})`);
}

/**
 * Deletes an object that can't be changed, so that it is made again. It goes with the pods that it owns, or the new one
 * would find them in its place.
 * @throws LockstepError Terminating while it is still on its way out
 */
export async function makeRoom({ cluster }: Applier, entry: Entry): Promise<void> {
  const live = await cluster.get(entry.ref);
  if (live === undefined || live.metadata.uid !== entry.applied?.uid) return;
  const isGoing = at(live, 'metadata', 'deletionTimestamp') !== undefined;
  const left = isGoing ? live : await cluster.delete(entry.ref, live, 'Foreground');
  if (left !== undefined) throw terminating(left);
}
