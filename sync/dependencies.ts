import type { Cause } from './release/standing.ts';

/** A Delivery as others see it that depend on it. Deliveries are named as `shop/web`. */
export interface Dependency {
  readonly dependsOn: readonly string[];
  /** Whether its last good release is what Git says now. */
  readonly isGood: boolean;
  /** How it stands, in words. */
  readonly stands: string;
}

/** Names of Deliveries, and how they stand; undefined for those that are not served. */
export type Look = (name: string) => Dependency | undefined;

/**
 * What a Delivery waits for among those that it depends on; undefined when all of them are good. Those that depend on each
 * other in a circle wait for ever: that is told, with the circle.
 */
export function unmetDependency(name: string, dependsOn: readonly string[], look: Look): Cause | undefined {
  if (dependsOn.length === 0) return undefined;
  const circle = circleFrom(name, dependsOn, look);
  if (circle !== undefined)
    return { reason: 'DependencyCycle', message: `depends on itself: ${circle.join(' → ')}; none of them can go on` };
  const waits = dependsOn.flatMap((other) => {
    const known = look(other);
    if (known === undefined) return [`${other}: this agent serves no Delivery of that name`];
    return known.isGood ? [] : [`${other}: ${known.stands}`];
  });
  if (waits.length === 0) return undefined;
  return { reason: 'DependencyNotReady', message: `waits for ${waits.join('; ')}` };
}

/** The way from a Delivery back to itself, if there is one. */
function circleFrom(name: string, dependsOn: readonly string[], look: Look): string[] | undefined {
  const seen = new Set<string>();
  const walk = (at: string, next: readonly string[], way: readonly string[]): string[] | undefined => {
    for (const other of next) {
      if (other === name) return [...way, at, name];
      if (seen.has(other)) continue;
      seen.add(other);
      const found = walk(other, look(other)?.dependsOn ?? [], [...way, at]);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return walk(name, dependsOn, []);
}
