import { textAt } from '../diff/json.ts';
import { annotation, groupOf, type KubeObject, type Problem, refOf, titleOf } from './types.ts';

/** More Deliveries are in no repository. */
const mostChildren = 500;

/** Whether an object is a Delivery, or a set of them. */
export function isDelivery({ apiVersion, kind }: Pick<KubeObject, 'apiVersion' | 'kind'>): boolean {
  return groupOf(apiVersion) === 'lockstep.dev' && (kind === 'Delivery' || kind === 'DeliverySet');
}

/** What one is told from others by, also where a set has the name of a Delivery. */
export function childName({ kind, metadata }: Pick<KubeObject, 'kind' | 'metadata'>): string {
  return `${kind} ${metadata.namespace}/${metadata.name}`;
}

/**
 * What is wrong with the Deliveries that a Delivery holds. That they may do no more than it may is held where they are served.
 * @param own what the Delivery is told from others by
 * @param above the same of those that it stands in, from the nearest
 */
export function childProblems(manifests: readonly KubeObject[], own: string, above: readonly string[]): Problem[] {
  const children = manifests.filter(isDelivery);
  const problems = children.flatMap((child): Problem[] => {
    const name = childName(child);
    const object = titleOf(refOf(child));
    if (above.includes(name)) return [{ object, message: `holds ${own} itself: Deliveries would hold each other` }];
    if (name !== own || annotation(child, 'lockstep.dev/self') === 'managed') return [];
    return [{ object, message: 'is this Delivery itself; the annotation lockstep.dev/self: managed allows that' }];
  });
  if (children.length <= mostChildren) return problems;
  return [...problems, { message: `there are ${children.length} Deliveries, and ${mostChildren} are allowed in one` }];
}

/** What becomes of a Delivery of a set that nothing is generated for any more. */
export type SetDeletion = 'confirm' | 'delete' | 'orphan';

/**
 * Why a Delivery that left its set stays: it was made when the set said another thing of what leaves it, and what it says now counts.
 * @param deletion what the set says now; undefined for what is no set
 */
export function keptBySet(manifest: KubeObject, deletion: SetDeletion | undefined): string | undefined {
  if (deletion === undefined || deletion === 'delete' || !isDelivery(manifest)) return undefined;
  const isAllowed = annotation(manifest, 'lockstep.dev/prune') === 'allowed';
  const before = textAt(manifest, 'spec', 'deletionPolicy') === 'orphan' ? 'orphan' : 'delete';
  if (!isAllowed || before === deletion) return undefined;
  return `deletion is ${deletion} now, and was ${before} when it was made: somebody must confirm it`;
}

/** Whether all that a Delivery has goes with it. */
export function takesAllAlong(manifest: KubeObject): boolean {
  if (annotation(manifest, 'lockstep.dev/prune') === 'allowed') return false;
  return isDelivery(manifest) && (textAt(manifest, 'spec', 'deletionPolicy') ?? 'delete') === 'delete';
}
