const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const longest = 365 * 24 * 3_600_000;

/** Milliseconds of a duration such as `90s` or `1h30m`. The schema has already refused other texts. */
export function parseDuration(text: string): number {
  let total = 0;
  for (const [, amount = '0', unit = 's'] of text.matchAll(/([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)/g))
    total += Number(amount) * (units[unit] ?? 0);
  return Math.min(total, longest);
}
