import { ApiError } from '../errors.ts';
import { isPrunedFirst, mayBeUnserved } from '../options.ts';
import { type Entry, isPending } from '../release/record.ts';
import { keyOfReference, providerOf, referencesOf } from './references.ts';

/** Whether an object can't be tried before an earlier object of the same release is there. */
export function isDeferred(entry: Entry, entries: ReadonlyMap<string, Entry>, isServed: boolean): boolean {
  if (!isServed) return mayBeUnserved(entry.manifest) || providersOf(entry, entries).length > 0;
  const { namespace } = entry.ref;
  const home = namespace === undefined ? undefined : entries.get(`/Namespace//${namespace}`);
  return home !== undefined && isNew(home);
}

/** What of the same release defines the kind of an object, or serves it. */
function providersOf(entry: Entry, entries: ReadonlyMap<string, Entry>): Entry[] {
  return [...entries.values()].filter(
    ({ manifest, removed }) => !removed && providerOf(manifest)?.(entry.manifest) === true,
  );
}

function isNew({ removed, applied }: Entry): boolean {
  return !removed && applied === undefined;
}

/**
 * Whether a refusal is about something that the same release brings: a Role for its RoleBinding, a ServiceAccount for its
 * Pod, a newer schema of its kind, the Service of a webhook. It is tried when that is there.
 */
export function comesInTime(entry: Entry, entries: ReadonlyMap<string, Entry>, error: unknown): boolean {
  if (!(error instanceof ApiError)) return false;
  // A webhook that has side effects can't be asked what it would do.
  if (error.status === 400 && error.message.includes('does not support dry run')) return true;
  if (error.class === 'absent' || error.class === 'forbidden') return needsNew(entry, entries);
  if (hasOtherSchema(entry, entries, error) || hasRoom(entry, entries, error)) return true;
  return error.class === 'environment' && isWebhookComing(error.message, entries);
}

/** The kind itself changes with the release, so that its new schema may take what the old one does not. */
function hasOtherSchema(entry: Entry, entries: ReadonlyMap<string, Entry>, error: ApiError): boolean {
  const isOfContent = error.status === 500 || error.status === 422;
  return isOfContent && error.class === 'permanent' && providersOf(entry, entries).some(isPending);
}

/** What is in the way goes before anything is applied. */
function hasRoom({ ref, applied }: Entry, entries: ReadonlyMap<string, Entry>, { status }: ApiError): boolean {
  if (status !== 422 || applied !== undefined) return false;
  return [...entries.values()].some(
    (other) => other.removed && other.ref.kind === ref.kind && isPrunedFirst(other.manifest),
  );
}

function needsNew(entry: Entry, entries: ReadonlyMap<string, Entry>): boolean {
  return referencesOf(entry.manifest).some((reference) => {
    const other = entries.get(keyOfReference(reference));
    return other !== undefined && isNew(other);
  });
}

const webhookService = /failed calling webhook.*https:\/\/([a-z0-9-]+)\.([a-z0-9-]+)\.svc/;

/** Whether the Service that a webhook is called by, or what runs behind it, comes or changes with the release. */
function isWebhookComing(message: string, entries: ReadonlyMap<string, Entry>): boolean {
  const [, name, namespace] = webhookService.exec(message) ?? [];
  if (name === undefined) return false;
  const service = entries.get(`/Service/${namespace}/${name}`);
  if (service === undefined || service.removed) return false;
  return (
    isPending(service) ||
    [...entries.values()].some(
      (one) => one.ref.namespace === namespace && one.ref.kind !== 'ConfigMap' && isPending(one),
    )
  );
}
