import { degraded, healthy, progressing, suspended, type Verdict, worstOf } from '../scale.ts';
import { type Condition, degradedBy, explain, progressingBy } from './conditions.ts';
import { type Polarity, polarityOf, wholes } from './polarity.ts';
import { isOver, isTerminal, isUnderWay } from './reasons.ts';

/** Crossplane waits for what an object refers to, under the reason of an error. */
const notYet = /may not (?:yet be|be) ready/;

/** So many conditions are told as the cause. */
const shownCauses = 2;

/**
 * What conditions say by the names that controllers share: whether a person asked it to stand still, whether the whole of
 * it works, whether what was written was taken, and what goes on or is wrong. The worst counts. Where the whole does not
 * work, parts of it may say why, and that waiting will not help. Undefined when none of them has a name that is known.
 */
export function byConvention(conditions: readonly Condition[]): Verdict | undefined {
  const named = Map.groupBy(conditions, ({ type }) => polarityOf(type));
  const of = (polarity: Polarity | undefined): readonly Condition[] => named.get(polarity) ?? [];
  const held = of('held').find(isTrue) ?? of('busy').find((one) => isTrue(one) && one.reason === 'RequiresApproval');
  if (held !== undefined) return suspended(held.reason || held.type, explain(held));
  const told = [
    ...of('bad').filter(isTrue).map(degradedBy),
    ...summaryOf(of('whole'), of('end'), of('part')),
    ...of('fits').map(byState),
    ...of('busy').filter(isTrue).flatMap(byWork),
  ];
  const found = worstOf(told);
  if (found === undefined || found.status === 'Healthy') return found;
  // Conditions of which nobody knows what they are for decide nothing, but they may tell why.
  const others = found.status === 'Degraded' ? [...of('part'), ...of(undefined)] : of('part');
  return explained(found, [
    ...told.filter((one) => one.status === 'Degraded').map(({ message }) => message),
    ...others.filter(isBroken).map((one) => `${one.type}: ${explain(one)}`),
  ]);
}

/** Of what goes on running, neither that something has ended nor what its parts do says anything. */
function summaryOf(
  whole: readonly Condition[],
  end: readonly Condition[],
  part: readonly Condition[],
): readonly Verdict[] {
  const [first] = whole.toSorted((a, b) => wholes.indexOf(a.type) - wholes.indexOf(b.type));
  return first === undefined ? [...end.map(byEnd), ...part.map(byState)] : [byState(first)];
}

function isTrue({ status }: Condition): boolean {
  return status === 'True';
}

/** It says itself that waiting does not help: by its reason, or by a severity, as Cluster API and Azure write it. */
function isBroken({ status, reason, message, severity }: Condition): boolean {
  if (status !== 'False' || severity === 'Info' || severity === 'Warning' || notYet.test(message)) return false;
  return severity === 'Error' || isTerminal(reason);
}

function byState(found: Condition): Verdict {
  if (isTrue(found)) return healthy(found.reason || found.type);
  return isBroken(found) ? degradedBy(found) : progressingBy(found);
}

/** That it ended says how in its reason; and what has not succeeded for a reason has failed, unless that says that it goes on. */
function byEnd(found: Condition): Verdict {
  if (isTrue(found)) return isTerminal(found.reason) ? degradedBy(found) : healthy(found.reason || found.type);
  const says = found.reason !== '' && !isUnderWay(found.reason);
  const hasFailed = found.type === 'Succeeded' && found.status === 'False' && says;
  return hasFailed ? degradedBy(found) : byState(found);
}

function byWork(found: Condition): Verdict[] {
  if (isOver(found.reason)) return [];
  if (isTerminal(found.reason)) return [degradedBy(found)];
  return [progressing(found.reason || found.type, explain(found))];
}

/** Why a whole does not work is told by what else is wrong. */
function explained(found: Verdict, causes: readonly string[]): Verdict {
  const news = [...new Set(causes)].filter((cause) => !found.message.includes(cause)).slice(0, shownCauses);
  if (causes.length === 0) return found;
  const message = [found.message, ...news].join('; ');
  return { ...(found.status === 'Degraded' ? found : degraded('NotWorking', '')), message };
}
