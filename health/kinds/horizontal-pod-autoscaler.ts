import { type Json, objectsAt, parseJson, textAt } from '../../diff/json.ts';
import type { KubeObject } from '../../sync/types.ts';
import { degraded, type HealthContext, healthy, progressing, progressingUntil, type Verdict } from '../scale.ts';
import { type Condition, conditionsAt, explain } from './conditions.ts';

/** Reasons of conditions that a person must look at: what is scaled, or how, is not as written. */
const lasting = new Set(['FailedGetScale', 'FailedUpdateScale', 'InvalidSelector', 'InvalidMetricSourceType']);

/** Metrics that are missing. Those of pods that have just started always are, for a while. */
const missing = /^FailedGet\w+Metric$|^FailedComputeMetricsReplicas$/;

/** For how long metrics may be missing after they were there, or after the autoscaler was made, in milliseconds. */
const metricsPatience = 300_000;

/** An autoscaler is healthy while it can scale. In autoscaling/v1 its conditions stand in an annotation. */
export function horizontalPodAutoscaler(object: KubeObject, context: HealthContext): Verdict {
  const conditions = conditionsOf(object);
  if (conditions.length === 0) return progressing('NotObserved', 'its controller has not seen it yet');
  const failed = conditions.filter(({ status }) => status === 'False');
  const broken = failed.find(({ reason }) => lasting.has(reason));
  if (broken !== undefined) return degraded(broken.reason, explain(broken));
  const blind = failed.find(({ reason }) => missing.test(reason));
  if (blind !== undefined) return withoutMetrics(blind, context);
  return healthy('AbleToScale');
}

function conditionsOf(object: KubeObject): Condition[] {
  const written = textAt(object, 'metadata', 'annotations', 'autoscaling.alpha.kubernetes.io/conditions');
  if (objectsAt(object, 'status', 'conditions').length > 0 || written === undefined)
    return conditionsAt(object, 'status', 'conditions');
  return conditionsAt({ conditions: parsed(written) }, 'conditions');
}

/** What is no JSON was not written by the API server. */
function parsed(text: string): Json {
  try {
    return parseJson(text);
  } catch {
    return [];
  }
}

function withoutMetrics(blind: Condition, { now }: HealthContext): Verdict {
  const end = blind.since + metricsPatience;
  // None of them is ready: whether that is a failure is told of them, not of what scales them.
  if (blind.message.includes('pods might be unready')) return progressing(blind.reason, explain(blind));
  if (now < end) return progressingUntil(end, blind.reason, explain(blind));
  return degraded(blind.reason, explain(blind));
}
