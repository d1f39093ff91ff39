/** What was asked last: by whom it is waited for, and when it was asked. */
interface Asking<T> {
  readonly running: Promise<T>;
  readonly askedAt: number;
  /** Whether it was answered. */
  isKnown: boolean;
  next: Promise<T> | undefined;
}

/** Answers are kept no longer, in milliseconds. */
const kept = 30_000;

/**
 * Shares answers among those who ask the same. An answer is only shared by who asked before it was asked for, or said how
 * old it may be: what is under way may be older than the news that somebody heard of, so all who come meanwhile wait for it,
 * and share the next one. What failed is never shared with who comes later.
 * @param now milliseconds; without it no answer is kept
 * @returns a function that asks; `maxAge` is how long ago an answer may have been asked for, in milliseconds
 */
export function sharing<T>(now?: () => number): (key: string, ask: () => Promise<T>, maxAge?: number) => Promise<T> {
  const asking = new Map<string, Asking<T>>();
  const time = now ?? (() => 0);

  function begin(key: string, ask: () => Promise<T>): Promise<T> {
    const askedAt = time();
    forgetBefore(askedAt - kept);
    const running = ask();
    const entry: Asking<T> = { running, askedAt, isKnown: false, next: undefined };
    asking.set(key, entry);
    const forget = (): void => {
      if (asking.get(key) === entry) asking.delete(key);
    };
    const keep = (): void => {
      entry.isKnown = true;
    };
    running.then(now === undefined ? forget : keep, forget);
    return running;
  }

  function forgetBefore(oldest: number): void {
    for (const [key, { askedAt, isKnown }] of asking) if (isKnown && askedAt < oldest) asking.delete(key);
  }

  return (key, ask, maxAge = 0) => {
    const before = asking.get(key);
    if (before === undefined) return begin(key, ask);
    if (maxAge > 0 && before.askedAt >= time() - Math.min(maxAge, kept)) return before.running;
    if (before.isKnown) return begin(key, ask);
    before.next ??= before.running.then(
      () => begin(key, ask),
      () => begin(key, ask),
    );
    return before.next;
  };
}
