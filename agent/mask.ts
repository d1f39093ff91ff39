const registered = new Set<string>();
let pattern: RegExp | undefined;

/** Shorter values would mask ordinary words. */
const shortest = 6;

/** Remembers a value that must never be seen in any output, in plain and in base64. */
export function registerSecret(value: string): void {
  if (value.length < shortest || registered.has(value)) return;
  registered.add(value);
  registered.add(Buffer.from(value).toString('base64'));
  pattern = undefined;
}

/** The text with every registered value replaced. */
export function maskText(text: string): string {
  if (registered.size === 0) return text;
  pattern ??= new RegExp(
    [...registered]
      .sort((a, b) => b.length - a.length)
      .map(escapePattern)
      .join('|'),
    'g',
  );
  return text.replace(pattern, '***');
}

function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
