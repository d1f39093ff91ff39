import { inParallel } from '../../sync/parallel.ts';
import { type Ended, goodOf, type ReleaseRecord } from '../../sync/release/record.ts';
import { type ObjectRef, titleOf } from '../../sync/types.ts';
import { type PageQuery, paged } from './route.ts';
import { planLineParts, viewEnded, viewKept, withoutReason } from './views/history.ts';
import type { ReleaseView } from './views/schemas.ts';

/** Questions about rights that are asked at once. */
const parallelReviews = 8;

/**
 * All that is recorded of one release, each object for who may get it.
 * @param may whether the one who asks may get an object
 * @param which a page of its objects; all of them without it
 */
export async function tellRelease(
  record: ReleaseRecord,
  line: Ended,
  may: (ref: ObjectRef) => Promise<boolean>,
  which: PageQuery = { limit: Number.POSITIVE_INFINITY },
): Promise<ReleaseView> {
  const kept = [...(goodOf(record, line.sequence)?.objects.entries() ?? [])];
  const { items, next } = paged(kept, ([key]) => key, which);
  const objects = await inParallel(items, parallelReviews, async ([, one]) => viewKept(one, await may(one.ref)));
  const plan = await shownPlan(line.plan, record, may);
  const leftBehind = [...(line.leftBehind ?? [])];
  const more = next === undefined ? {} : { continue: next };
  const approval = line.approvedBy === undefined ? {} : { approvedBy: line.approvedBy };
  return { ...viewEnded(line), startedAt: line.startedAt, ...approval, plan, leftBehind, objects, ...more };
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
