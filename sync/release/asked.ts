/** That somebody asked for the tip to be released. */
export interface Asked {
  /** The one plan that was meant. */
  readonly plan: string | undefined;
  /** The content that was weighed since, and waits: for another one it was not said. */
  readonly input?: string;
}

/** What of a session tells whether that was done. */
interface Asking {
  readonly syncAsked: Asked | undefined;
  /** What was weighed last. */
  readonly weighed: string | undefined;
  /** Why that is not released. */
  readonly planTrouble: { readonly stalled: boolean; readonly input: string } | undefined;
}

/** What a person asked for, unless that was said of another content. */
export function askedFor({ syncAsked }: Asking, input: string): Asked | undefined {
  return syncAsked?.input === undefined || syncAsked.input === input ? syncAsked : undefined;
}

/**
 * What is still asked for after a turn. It is done with one that looked at the tip, or waits with that content for what
 * opens by itself: a `sync` is not lost behind a dependency or a closed window.
 */
export function stillAsked({ syncAsked, planTrouble, weighed }: Asking): Asked | undefined {
  if (syncAsked === undefined || weighed === undefined) return syncAsked;
  const isWaiting = planTrouble !== undefined && !planTrouble.stalled;
  return isWaiting ? { ...syncAsked, input: planTrouble.input } : undefined;
}
