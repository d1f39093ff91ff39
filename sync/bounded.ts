/** What a Map and a Set have in common: keys in the order in which they were added. */
interface Ordered<K> {
  readonly size: number;
  keys(): IterableIterator<K>;
  delete(key: K): boolean;
}

/** Forgets what was added first, where more than `most` are remembered: what strangers send never grows without end. */
export function forgetOldest<K>(remembered: Ordered<K>, most: number): void {
  for (const key of remembered.keys()) {
    if (remembered.size <= most) return;
    remembered.delete(key);
  }
}
