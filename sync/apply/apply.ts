import { at } from '../../diff/json.ts';
import { withoutPlaces } from '../../diff/places.ts';
import { ApiError, type FieldConflict, isForbidden, LockstepError } from '../errors.ts';
import type { Cluster } from '../ports.ts';
import { mayBeScaled, scaledBy } from '../scalers.ts';
import { type KubeObject, keyOf, refOf, titleOf } from '../types.ts';

/** One apply. */
export interface ApplyRequest {
  /** The manifest with its stamp. */
  readonly object: KubeObject;
  /** The incarnation that is expected; one request then both checks and writes. */
  readonly uid: string | undefined;
  readonly manager: string;
  readonly dryRun: boolean;
  readonly mayTake: (conflict: FieldConflict) => boolean;
}

/** What came of it. */
export interface ApplyResult {
  readonly object: KubeObject;
  readonly created: boolean;
  /** Fields that were taken from other managers. */
  readonly taken: readonly FieldConflict[];
  /** What else a person should know. */
  readonly notes?: readonly string[];
}

/**
 * Applies an object: first without force, and with force only when every field in the way may be taken.
 * @throws LockstepError FieldConflict, Terminating; ApiError
 */
export async function applyObject(cluster: Cluster, request: ApplyRequest): Promise<ApplyResult> {
  const result = await attempt(cluster, request, false);
  if (at(result.object, 'metadata', 'deletionTimestamp') !== undefined) throw terminating(result.object);
  return result;
}

/** An object on its way out is waited for, and what holds it is named. */
export function terminating(object: KubeObject): LockstepError {
  return new LockstepError('Terminating', `${leavingText(object)}; it is made again when it is gone`);
}

/** That an object is on its way out, and which finalizers hold it. */
export function leavingText(object: KubeObject): string {
  const finalizers = at(object, 'metadata', 'finalizers');
  const holders = Array.isArray(finalizers) ? finalizers.filter((name) => name !== 'foregroundDeletion') : [];
  const title = titleOf(refOf(object));
  return holders.length > 0 ? `${title} is being deleted, held by ${holders.join(', ')}` : `${title} is being deleted`;
}

async function attempt(
  cluster: Cluster,
  request: ApplyRequest,
  force: boolean,
  taken: readonly FieldConflict[] = [],
): Promise<ApplyResult> {
  const { object, uid, manager, dryRun } = request;
  const body = uid === undefined ? object : { ...object, metadata: { ...object.metadata, uid } };
  try {
    return { ...(await cluster.apply(body, { manager, force, dryRun })), taken };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (uid !== undefined && isOtherIncarnation(error))
      return attempt(cluster, { ...request, uid: undefined }, force, taken);
    if (force || error.conflicts.length === 0) throw error;
    const scaler = await scalerOf(cluster, object, error.conflicts);
    if (scaler !== undefined)
      return leftTo(
        scaler,
        await attempt(cluster, { ...request, object: withoutPlaces(object, [['spec', 'replicas']]) }, force, taken),
      );
    const kept = error.conflicts.filter((conflict) => !request.mayTake(conflict));
    if (kept.length > 0) throw conflictError(object, kept);
    return attempt(cluster, request, true, error.conflicts);
  }
}

function leftTo(scaler: string, result: ApplyResult): ApplyResult {
  return { ...result, notes: [`spec.replicas is left to ${scaler}`] };
}

/**
 * The autoscaler that keeps the count of an object, in words; undefined when there is none. Who may not look must reckon
 * with one. KEDA works by one, too.
 */
async function scalerOf(
  cluster: Cluster,
  object: KubeObject,
  conflicts: readonly FieldConflict[],
): Promise<string | undefined> {
  const { namespace } = object.metadata;
  if (namespace === undefined || !mayBeScaled(object, conflicts)) return undefined;
  const kind = { apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler' };
  try {
    const scalers = await cluster.list(kind, namespace, '');
    const scaler = scalers.find((one) => scaledBy({ ...one, ...kind }) === keyOf(refOf(object)));
    return scaler === undefined ? undefined : titleOf(refOf({ ...scaler, ...kind }));
  } catch (error) {
    if (isForbidden(error)) return 'whoever scales it (HorizontalPodAutoscalers may not be listed)';
    throw error;
  }
}

/** 409 without conflicts: the object is gone. 422 at metadata.uid: it was made again. */
function isOtherIncarnation(error: ApiError): boolean {
  if (error.status === 409 && error.conflicts.length === 0) return true;
  return error.status === 422 && /metadata\.uid/.test(error.message);
}

function conflictError(object: KubeObject, conflicts: readonly FieldConflict[]): LockstepError {
  const fields = conflicts.map(({ field, manager }) => `${field} (owned by ${manager})`).join(', ');
  return new LockstepError('FieldConflict', `${titleOf(refOf(object))}: not taken from other managers: ${fields}`);
}
