import { inParallel } from '../../sync/parallel.ts';
import { type Ended, goodOf, type ReleaseRecord } from '../../sync/release/record.ts';
import { type ObjectRef, titleOf } from '../../sync/types.ts';
import { planLineParts, viewEnded, viewKept, withoutReason } from './views/history.ts';
import type { ReleaseView } from './views/schemas.ts';

/** Questions about rights that are asked at once. */
const parallelReviews = 8;

/**
 * All that is recorded of one release, each object for who may get it.
 * @param may whether the one who asks may get an object
 */
export async function tellRelease(
  record: ReleaseRecord,
  line: Ended,
  may: (ref: ObjectRef) => Promise<boolean>,
): Promise<ReleaseView> {
  const kept = [...(goodOf(record, line.sequence)?.objects.values() ?? [])];
  const objects = await inParallel(kept, parallelReviews, async (one) => viewKept(one, await may(one.ref)));
  const plan = await shownPlan(line.plan, record, may);
  return { ...viewEnded(line), startedAt: line.startedAt, plan, leftBehind: [...(line.leftBehind ?? [])], objects };
}

/** What was planned for objects that may be seen; of all others, only that something was. */
async function shownPlan(
  plan: readonly string[],
  record: ReleaseRecord,
  may: (ref: ObjectRef) => Promise<boolean>,
): Promise<string[]> {
  const known = [...record.goods.flatMap(({ objects }) => [...objects.values()]), ...record.entries.values()];
  const refs = new Map(known.map(({ ref }) => [titleOf(ref), ref]));
  return inParallel(plan, parallelReviews, async (line) => {
    const ref = refs.get(planLineParts(line).title);
    return ref !== undefined && (await may(ref)) ? line : withoutReason(line);
  });
}
