const registered = new Set<string>();
/** Of those whose secrets change, the last two generations: what was said with the one before may still come out. */
const changing = new Map<string, readonly (readonly string[])[]>();
let masks: { readonly long: readonly string[]; readonly patterns: readonly RegExp[] } | undefined;

/** Shorter values would mask ordinary words. */
const shortest = 6;

/** Remembers a value that must never be seen in any output, in plain and in base64. */
export function registerSecret(value: string): void {
  if (value.length < shortest || registered.has(value)) return;
  registered.add(value);
  registered.add(Buffer.from(value).toString('base64'));
  masks = undefined;
}

/** Whether a text is worth to be hidden: shorter ones, and words that anybody may write, would mask what is no secret. */
export function isSecretText(text: string): boolean {
  return text.length >= 8 && !/^[A-Za-z]{1,15}$/.test(text);
}

/** Remembers the secrets of somebody in place of those that they had, which stay for one more change. */
export function registerSecretsOf(owner: string, values: readonly string[]): void {
  const [last = [], ...older] = changing.get(owner) ?? [];
  if (last.length === values.length && last.every((value, index) => value === values[index])) return;
  changing.set(owner, [values, last]);
  for (const value of values) registerSecret(value);
  forgetUnlessChanging(older.flat());
}

/** Forgets the secrets of somebody who is no more. */
export function forgetSecretsOf(owner: string): void {
  const own = changing.get(owner) ?? [];
  changing.delete(owner);
  forgetUnlessChanging(own.flat());
}

/** What somebody else has too stays hidden. */
function forgetUnlessChanging(values: readonly string[]): void {
  const kept = new Set([...changing.values()].flat(2));
  for (const value of values) if (!kept.has(value)) forget(value);
}

function forget(value: string): void {
  registered.delete(value);
  registered.delete(Buffer.from(value).toString('base64'));
  masks = undefined;
}

/** Longer values are looked for one by one: no expression could hold many of them. */
const longestInPattern = 256;
/** Values in one expression. */
const mostInPattern = 200;

/** The text with every registered value replaced. It never throws, whatever is registered. */
export function maskText(text: string): string {
  if (registered.size === 0) return text;
  masks ??= makeMasks();
  let masked = text;
  for (const value of masks.long) if (masked.length >= value.length) masked = masked.replaceAll(value, '***');
  for (const pattern of masks.patterns) masked = masked.replace(pattern, '***');
  return masked;
}

/** Longer values come before shorter ones, which may be parts of them. */
function makeMasks(): { long: string[]; patterns: RegExp[] } {
  const values = [...registered].sort((a, b) => b.length - a.length);
  const short = values.filter((value) => value.length <= longestInPattern);
  const patterns: RegExp[] = [];
  for (let at = 0; at < short.length; at += mostInPattern)
    patterns.push(
      new RegExp(
        short
          .slice(at, at + mostInPattern)
          .map(escapePattern)
          .join('|'),
        'g',
      ),
    );
  return { long: values.filter((value) => value.length > longestInPattern), patterns };
}

/** The value with every registered value in its texts replaced. Names of fields are never touched. */
export function maskValue<T>(value: T): T {
  if (registered.size === 0) return value;
  return maskDeep(value) as T;
}

/**
 * Names of fields whose texts others wrote, in statuses and answers: a commit's author, the API server, whoever asks. All
 * other texts are our own, and a password that equals one of them must not change it.
 */
const freeTexts = new Set([
  ...['message', 'subject', 'author', 'cause', 'requestRefused', 'lastRequest', 'request', 'leftBehind', 'plan'],
  ...['problem', 'detail', 'text', 'manifest', 'answer', 'before', 'after', 'value'],
]);

/** The value with every registered value replaced in texts, and in all below them, that others wrote. */
export function maskFreeTexts<T>(value: T): T {
  if (registered.size === 0) return value;
  return maskFree(value) as T;
}

function maskFree(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(maskFree);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, freeTexts.has(key) ? maskDeep(inner) : maskFree(inner)]),
  );
}

function maskDeep(value: unknown): unknown {
  if (typeof value === 'string') return maskText(value);
  if (Array.isArray(value)) return value.map(maskDeep);
  if (value instanceof Error) return { type: value.name, message: maskText(value.message) };
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, maskDeep(inner)]));
}

function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
