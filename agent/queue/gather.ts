/**
 * Adds keys, but of many additions in a short time only the first at once and one more at its end: what a watch tells of a
 * thousand objects, one by one, is worth a few turns and not a thousand.
 * @param window milliseconds for a key
 */
export function gathering(
  { add, addAfter }: { add(key: string): void; addAfter(key: string, delay: number): void },
  window: (key: string) => number,
): (key: string) => void {
  const last = new Map<string, number>();
  return (key) => {
    const now = performance.now();
    const left = (last.get(key) ?? Number.NEGATIVE_INFINITY) + window(key) - now;
    if (left > 0) {
      addAfter(key, left);
      return;
    }
    last.set(key, now);
    add(key);
  };
}
