import { managedEntries } from '../diff/field-sets.ts';
import type { JsonObject } from '../diff/json.ts';
import type { KnownName } from './annotations.ts';
import { annotation, groupOf, type KubeObject, label } from './types.ts';

/** The label by which watches find what a Delivery manages; its value is the Delivery's short uid. */
export const deliveryLabel = 'lockstep.dev/delivery';
/** Namespace and name of the Delivery, for people. */
export const ownerAnnotation = 'lockstep.dev/owner';
/** The release that last changed the object. */
export const releaseAnnotation = 'lockstep.dev/release';

/** All names of the stamp: refused in Git, and left out of every comparison. */
export const stampNames: readonly KnownName[] = [deliveryLabel, ownerAnnotation, releaseAnnotation];

/** Who stamps: a Delivery, and one release of it. */
export interface Stamp {
  readonly shortUid: string;
  readonly owner: string;
  readonly release: number;
}

/** The first 12 hexadecimal digits of a uid: enough to tell Deliveries apart, short enough for a label and a manager. */
export function shortUid(uid: string): string {
  return uid.replaceAll('-', '').slice(0, 12);
}

/** The field manager of a Delivery. A name each lets the API server itself tell two Deliveries apart. */
export function fieldManager(uid: string): string {
  return managerOf(shortUid(uid));
}

const managerPrefix = 'lockstep-';

function managerOf(short: string): string {
  return `${managerPrefix}${short}`;
}

/** Whether a field manager is a Delivery's, whichever. */
export function isDeliveryManager(manager: string): boolean {
  return manager.startsWith(managerPrefix);
}

/** The manifest as it is sent: with the stamp on it. */
export function stamped(manifest: KubeObject, stamp: Stamp): KubeObject {
  const { metadata } = manifest;
  const labels: JsonObject = { ...(metadata['labels'] as JsonObject | undefined), [deliveryLabel]: stamp.shortUid };
  const annotations: JsonObject = {
    ...(metadata['annotations'] as JsonObject | undefined),
    [ownerAnnotation]: stamp.owner,
    [releaseAnnotation]: String(stamp.release),
  };
  return { ...manifest, metadata: { ...metadata, labels, annotations } };
}

/** Labels are copied from object to object by controllers; what a Delivery has applied bears its manager. */
export function isAppliedBy(live: KubeObject, short: string): boolean {
  return managedEntries(live).some(({ manager }) => manager === managerOf(short));
}

/** `APP:GROUP/KIND:NAMESPACE/NAME`: one that names another object was copied with everything else. */
function isTracked(live: KubeObject, tracking: string): boolean {
  const [, kind, name] = tracking.split(':');
  if (kind === undefined || name === undefined) return true;
  const own = `${live.metadata.namespace ?? ''}/${live.metadata.name}`;
  return kind === `${groupOf(live.apiVersion)}/${live.kind}` && (name === own || name === live.metadata.name);
}

/** The tool that an object says it belongs to, or undefined when it is free or made by hand. */
export function foreignOwner(live: KubeObject, ownShortUid: string): string | undefined {
  const stamp = label(live, deliveryLabel);
  if (stamp !== undefined && stamp !== ownShortUid && isAppliedBy(live, stamp))
    return `the Delivery ${annotation(live, ownerAnnotation) ?? stamp}`;
  const tracking = annotation(live, 'argocd.argoproj.io/tracking-id');
  if (tracking !== undefined && isTracked(live, tracking)) return `the Argo CD application ${tracking.split(':')[0]}`;
  const flux = label(live, 'kustomize.toolkit.fluxcd.io/name') ?? label(live, 'helm.toolkit.fluxcd.io/name');
  if (flux !== undefined) return `the Flux object ${flux}`;
  const release = annotation(live, 'meta.helm.sh/release-name');
  if (release !== undefined) return `the Helm release ${release}`;
  return undefined;
}
