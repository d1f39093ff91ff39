import { isObject, type Json, type JsonObject, objectsAt, textAt } from '../../diff/json.ts';
import type { KubeObject } from '../../sync/types.ts';
import { degraded, type HealthRule, healthy, progressing, type Verdict, worstOf } from '../scale.ts';
import { type Condition, conditionsAt, explain } from './conditions.ts';
import { generationOf } from './generation.ts';

/** Where a kind that attaches to others says how each of those took it, and what each of those is called there. */
interface Attachment {
  readonly list: 'parents' | 'ancestors';
  readonly ref: 'parentRef' | 'ancestorRef';
}

/** Routes of the Gateway API: HTTPRoute, GRPCRoute, TLSRoute, TCPRoute, UDPRoute. */
export const gatewayRoute: HealthRule = (object) => byAttachments(object, { list: 'parents', ref: 'parentRef' });

/** Policies of the Gateway API, such as BackendTLSPolicy. */
export const gatewayPolicy: HealthRule = (object) => byAttachments(object, { list: 'ancestors', ref: 'ancestorRef' });

/** It is as healthy as the worst of those that it is attached to says: accepted, and all that it refers to found. */
function byAttachments(object: KubeObject, { list, ref }: Attachment): Verdict {
  const generation = generationOf(object);
  const all = objectsAt(object, 'status', list);
  const verdicts = all.map((one) => byOne(one, textAt(one, ref, 'name'), generation));
  const wanted = objectsAt(object, 'spec', 'parentRefs');
  if (list === 'parents' && wanted.length === 0) return worstOf(verdicts) ?? healthy('NotAttached');
  const lost = wanted.find((one) => !all.some((told) => isSame(one, told[ref])));
  if (lost !== undefined) verdicts.push(progressing('NotAttached', `${textAt(lost, 'name')} has not taken it yet`));
  return worstOf(verdicts) ?? progressing('NotAttached', 'nothing that it is attached to has taken it yet');
}

function isSame(wanted: JsonObject, told: Json | undefined): boolean {
  return ['name', 'sectionName'].every((field) => textAt(wanted, field) === textAt(told, field));
}

/** What the attachments of a kind of another group say, which has such a list; undefined where it has none. */
export function byAttachment(object: KubeObject): Verdict | undefined {
  if (objectsAt(object, 'status', 'ancestors').length > 0) return gatewayPolicy(object, { now: 0 });
  return objectsAt(object, 'status', 'parents').some((one) => isObject(one['parentRef']))
    ? gatewayRoute(object, { now: 0 })
    : undefined;
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
