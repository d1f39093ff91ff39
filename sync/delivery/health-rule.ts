import type { Static } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { isObject, type Json } from '../../diff/json.ts';
import { type OwnRule, questions } from '../../health/own-rules.ts';
import { LockstepError } from '../errors.ts';
import { healthRule } from './schema.ts';

/**
 * A health rule as it was written.
 * @param where it stands, for the message
 * @throws LockstepError InvalidRule
 */
export function ownRule({ group = '', ...rule }: Static<typeof healthRule>, where: string): OwnRule {
  if (questions.some((name) => rule[name] !== undefined)) return { group, ...rule };
  throw new LockstepError('InvalidRule', `${where}: it asks for none of ${questions.join(', ')}`);
}

/**
 * A health rule as it stands in a file.
 * @throws LockstepError InvalidRule
 */
export function readRule(value: Json, where: string): OwnRule {
  const unknown = isObject(value) ? Object.keys(value).find((key) => !(key in healthRule.properties)) : undefined;
  if (unknown !== undefined) throw new LockstepError('InvalidRule', `${where}: there is no field ${unknown}`);
  if (Value.Check(healthRule, value)) return ownRule(value, where);
  const first = Value.Errors(healthRule, value).First();
  throw new LockstepError(
    'InvalidRule',
    `${where}${(first?.path ?? '').replaceAll('/', '.')}: ${first?.message ?? 'is not valid'}`,
  );
}
