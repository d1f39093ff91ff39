/**
 * Runs a task for each item, at most `limit` at once, and answers the results in the order of the items.
 * A task that throws ends the whole, once what was begun has ended too; tasks that may fail on their own account must
 * catch.
 */
export async function inParallel<T, R>(
  items: readonly T[],
  limit: number,
  task: (item: T) => Promise<R>,
): Promise<R[]> {
  const results = new Array<R>(items.length);
  const failures: unknown[] = [];
  let next = 0;
  async function lane(): Promise<void> {
    while (next < items.length && failures.length === 0) {
      const index = next;
      next += 1;
      try {
        results[index] = await task(items[index] as T);
      } catch (error) {
        failures.push(error);
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, lane));
  if (failures.length > 0) throw failures[0];
  return results;
}

/** Lets everything else that is due run first: work on thousands of objects must not keep webhooks and probes waiting. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Does something with all items, some at a time, and lets everything else run in between. */
export async function inSlices<T>(
  items: readonly T[],
  size: number,
  task: (slice: readonly T[]) => void,
): Promise<void> {
  for (let at = 0; at < items.length; at += size) {
    if (at > 0) await breathe();
    task(items.slice(at, at + size));
  }
}
