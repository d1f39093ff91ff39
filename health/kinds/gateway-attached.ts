import { type JsonObject, numberAt, objectsAt, textAt } from '../../diff/json.ts';
import type { KubeObject } from '../../sync/types.ts';
import { degraded, type HealthRule, healthy, progressing, type Verdict, worstOf } from '../scale.ts';
import { type Condition, conditionsAt, explain } from './conditions.ts';

/** Where a kind that attaches to others says how each of those took it, and what each of those is called there. */
interface Attachment {
  readonly list: 'parents' | 'ancestors';
  readonly ref: 'parentRef' | 'ancestorRef';
}

/** Routes of the Gateway API: HTTPRoute, GRPCRoute, TLSRoute, TCPRoute, UDPRoute. */
export const gatewayRoute: HealthRule = (object) => byAttachments(object, { list: 'parents', ref: 'parentRef' });

/** Policies of the Gateway API, such as BackendTLSPolicy, and those of its implementations. */
export const gatewayPolicy: HealthRule = (object) => byAttachments(object, { list: 'ancestors', ref: 'ancestorRef' });

/** It is as healthy as the worst of those that it is attached to says: accepted, and all that it refers to found. */
function byAttachments(object: KubeObject, { list, ref }: Attachment): Verdict {
  const generation = numberAt(object, 'metadata', 'generation') ?? 0;
  const verdicts = objectsAt(object, 'status', list).map((one) => byOne(one, textAt(one, ref, 'name'), generation));
  return worstOf(verdicts) ?? progressing('NotAttached', 'nothing that it is attached to has taken it yet');
}

function byOne(one: JsonObject, name: string | undefined, generation: number): Verdict {
  const of = name === undefined ? '' : `${name}: `;
  const conditions = conditionsAt(one, 'conditions');
  if (conditions.some((seen) => (seen.generation ?? generation) < generation))
    return progressing('GenerationLag', `${of}has not seen the last change yet`);
  const bad = conditions.find(isBad);
  if (bad !== undefined) {
    const isYetToCome = bad.status === 'Unknown' || bad.reason === 'Pending';
    return (isYetToCome ? progressing : degraded)(bad.reason || bad.type, `${of}${explain(bad)}`);
  }
  const isTaken = conditions.some(({ type }) => type === 'Accepted');
  return isTaken ? healthy('Accepted') : progressing('NotAccepted', `${of}is not accepted yet`);
}

function isBad({ type, status }: Condition): boolean {
  if (type === 'PartiallyInvalid' || type === 'Conflicted') return status === 'True';
  return (type === 'Accepted' || type === 'ResolvedRefs' || type === 'Programmed') && status !== 'True';
}
