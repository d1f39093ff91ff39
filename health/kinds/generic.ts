import { at, isObject, type JsonObject, numberAt, textAt } from '../../diff/json.ts';
import type { KubeObject } from '../../sync/types.ts';
import { degraded, type HealthContext, progressing, type Verdict, worstOf } from '../scale.ts';
import { type Condition, conditionsAt } from './conditions.ts';
import { byConvention } from './convention.ts';
import { byAttachment } from './gateway-attached.ts';
import { currentConditions } from './generation.ts';
import { byPhase, isRun } from './phases.ts';
import { polarityOf } from './polarity.ts';
import { bySilence } from './silence.ts';

/**
 * The rule for every kind that has none of its own: conditions by the names that controllers share, words such as
 * status.phase, counts of replicas, then silence. Where several speak, the worst counts.
 */
export function generic(object: KubeObject, context: HealthContext): Verdict {
  const status = at(object, 'status');
  if (!isObject(status)) return bySilence(object, context);
  const { current, old } = currentConditions(object);
  const conditions = byConvention(current);
  const lag = old.find(({ type }) => polarityOf(type) === 'whole' || polarityOf(type) === 'fits');
  const late = lag && progressing('GenerationLag', `${lag.type} is about an older generation`);
  const phase = withCause(byPhase(object.kind, status), object);
  const held = [conditions, phase].find((one) => one?.status === 'Suspended');
  if (held !== undefined) return held;
  const told = [byFailure(status), conditions, late, phase, byAttachment(object), byReplicas(object), byFlag(status)];
  const found = worstOf(told.filter((one) => one !== undefined)) ?? bySilence(object, context);
  const isRunning = found.status === 'Healthy' && isRun(object.kind) && !hasEnded(current, phase);
  return isRunning ? progressing('Running', 'is not done yet') : found;
}

/** A kind that runs is well once it says that it has ended, or that it is as a whole; that parts of it are says nothing. */
function hasEnded(conditions: readonly Condition[], phase: Verdict | undefined): boolean {
  const ends = conditions.some(({ type, status }) => {
    const polarity = polarityOf(type);
    return status === 'True' && (polarity === 'end' || polarity === 'whole');
  });
  return ends || phase?.status === 'Healthy';
}

/** The fields by which Cluster API and others tell of what they will not try again. */
function byFailure(status: JsonObject): Verdict | undefined {
  const told = (field: string): string => textAt(status, field) ?? textAt(status, 'deprecated', 'v1beta1', field) ?? '';
  const reason = told('failureReason');
  const message = told('failureMessage') || (textAt(status, 'error', 'message') ?? '');
  if (reason === '' && message === '') return undefined;
  return degraded(reason || 'Failed', [reason, message].filter((part) => part !== '').join(': '));
}

/** A word that says that it failed, but not why: a condition that is not as it should be may. */
function withCause(found: Verdict | undefined, object: KubeObject): Verdict | undefined {
  if (found?.status !== 'Degraded' || found.message.includes(': ')) return found;
  const cause = conditionsAt(object, 'status', 'conditions').find(
    ({ status, message }) => status === 'False' && message !== '',
  );
  return cause === undefined ? found : { ...found, message: `${found.message}: ${cause.message}` };
}

/** Kinds that run pods of their own count them as Kubernetes does. */
function byReplicas(object: KubeObject): Verdict | undefined {
  const wanted = numberAt(object, 'spec', 'replicas') ?? numberAt(object, 'spec', 'instances');
  const there = ['availableReplicas', 'readyReplicas', 'readyInstances', 'instances']
    .map((field) => numberAt(object, 'status', field))
    .find((count) => count !== undefined);
  if (wanted === undefined) return undefined;
  if (there !== undefined && there < wanted)
    return progressing('Unavailable', `${there} of ${wanted} replicas are available`);
  const updated = numberAt(object, 'status', 'updatedReplicas');
  const partition = at(object, 'spec', 'updateStrategy', 'partition') ?? 0;
  if (updated === undefined || typeof partition !== 'number' || updated >= wanted - partition) return undefined;
  return progressing('Updating', `${updated} of ${wanted} replicas are updated`);
}

/** `ready: false` instead of a condition; true alone says little. */
function byFlag(status: JsonObject): Verdict | undefined {
  const flag = ['ready', 'readyToUse', 'created'].find((name) => typeof status[name] === 'boolean');
  return flag !== undefined && status[flag] === false ? progressing('NotReady', `${flag} is false`) : undefined;
}
