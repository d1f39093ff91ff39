interface Asking<T> {
  readonly running: Promise<T>;
  next: Promise<T> | undefined;
}

/**
 * Shares answers among those who ask the same. An answer is only shared by who asked before it was asked for: what is under
 * way may be older than the news that somebody heard of, so all who come meanwhile wait for it, and share the next one.
 */
export function sharing<T>(): (key: string, ask: () => Promise<T>) => Promise<T> {
  const asking = new Map<string, Asking<T>>();

  function begin(key: string, ask: () => Promise<T>): Promise<T> {
    const running = ask();
    const entry: Asking<T> = { running, next: undefined };
    asking.set(key, entry);
    const end = (): void => {
      if (asking.get(key) === entry) asking.delete(key);
    };
    running.then(end, end);
    return running;
  }

  return (key, ask) => {
    const before = asking.get(key);
    if (before === undefined) return begin(key, ask);
    before.next ??= before.running.then(
      () => begin(key, ask),
      () => begin(key, ask),
    );
    return before.next;
  };
}
