import { conditionsOf } from '../../health/analysis.ts';
import type { Expressions } from '../../health/evaluate.ts';
import { expressionsOf } from '../../health/own-rules.ts';
import type { Delivery } from './delivery.ts';

/** Expressions in CEL, and where they stand in a Delivery: `spec.health.rules[0]`. */
export interface Written {
  readonly where: string;
  readonly expressions: Expressions;
}

/** All that a Delivery holds of CEL. */
export function writtenIn({ rules, analysis }: Pick<Delivery, 'rules' | 'analysis'>): Written[] {
  const metrics = analysis.map((metric, index) => ({
    where: `spec.health.analysis[${index}]`,
    expressions: conditionsOf(metric),
  }));
  return [
    ...rules.map((rule, index) => ({ where: `spec.health.rules[${index}]`, expressions: expressionsOf(rule) })),
    ...metrics.filter(({ expressions }) => Object.keys(expressions.texts).length > 0),
  ];
}
