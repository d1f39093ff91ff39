import { objectsAt, textAt } from '../../diff/json.ts';
import type { KubeObject } from '../../sync/types.ts';
import { degraded, type HealthContext, healthy, progressing, progressingUntil, type Verdict } from '../scale.ts';
import { type Condition, condition, conditionsAt, degradedBy, explain, progressingBy } from './conditions.ts';
import { generationOf } from './generation.ts';

/** Reasons of Accepted and Programmed that say that it is not so yet. */
const notYet = new Set(['', 'Pending', 'Waiting', 'AddressNotAssigned']);

/** How long a listener may wait for its certificate, in milliseconds: whoever issues it may need the Gateway for that. */
export const certificatePatience = 300_000;

/** A Gateway is healthy when it is accepted and programmed, and each of its listeners is as it was written. */
export function gateway(object: KubeObject, { now }: HealthContext): Verdict {
  const generation = generationOf(object);
  const bad = brokenListener(object, generation, now);
  for (const type of ['Accepted', 'Programmed']) {
    const found = condition(object, type);
    if (found === undefined) return progressing(`Not${type}`, `is not ${type.toLowerCase()} yet`);
    if ((found.generation ?? generation) < generation)
      return progressing('GenerationLag', `${type} is about an older generation`);
    if (found.status === 'True') continue;
    // Why a listener is refused says more than that the whole is.
    if (bad !== undefined) return bad;
    return found.status === 'False' && !notYet.has(found.reason) ? degradedBy(found) : progressingBy(found);
  }
  return bad ?? healthy('Programmed');
}

/** What a listener says that is not well for good; what it says of an older generation does not count. */
function brokenListener(object: KubeObject, generation: number, now: number): Verdict | undefined {
  for (const listener of objectsAt(object, 'status', 'listeners')) {
    const found = conditionsAt(listener, 'conditions').find((one) => isBroken(one, generation));
    if (found === undefined) continue;
    const message = `listener ${textAt(listener, 'name')}: ${explain(found)}`;
    const end = found.since + certificatePatience;
    if (found.reason === 'InvalidCertificateRef' && now < end) return progressingUntil(end, found.reason, message);
    return degraded(found.reason || found.type, message);
  }
  return undefined;
}

function isBroken({ type, status, reason, generation: seen }: Condition, generation: number): boolean {
  if ((seen ?? generation) < generation) return false;
  if (type === 'Conflicted') return status === 'True';
  return (type === 'Accepted' || type === 'ResolvedRefs') && status === 'False' && !notYet.has(reason);
}
