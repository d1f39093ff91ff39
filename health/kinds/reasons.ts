/** Words in reasons of what does not get better by waiting, as far as anyone can tell. */
const terminal =
  /\bexit code|\b(?:failed|failure|error|errors|err|errored|invalid|denied|forbidden|rejected|refused|unauthorized|missing|deleted|conflict|conflicts|unsupported|exceeded|back off|backoff|expired|timed out|timeout|mismatch|misconfigured|aborted|cancelled|canceled|degraded|unhealthy|exhausted|incompatible|unrecoverable|unable|cannot|couldnt|insufficient|fatal|exception|throwable|unmanaged|(?:not|no such|does not) (?:found|exist|exists|supported|allowed|permitted|enough|resource))\b/;

/** What says so itself is still under way, whatever else it names. */
const underWay = /^(?:waiting|pending|retrying|in progress)\b/;

/** Words of progress that are said when it is over. */
const over = /\b(?:complete|completed|available|succeeded|success|done|finished)\b/;

/** The words of a reason, in small letters: `ErrImagePull` is `err image pull`. */
export function wordsOf(reason: string): string {
  return reason
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1 $2')
    .replace(/[^A-Za-z0-9]+/g, ' ')
    .trim()
    .toLowerCase();
}

/** Whether a reason, or another few words, tells of what waiting does not mend. */
export function isTerminal(reason: string): boolean {
  const words = wordsOf(reason);
  return !underWay.test(words) && terminal.test(words);
}

/** Whether a reason says that what was to be done is done. */
export function isOver(reason: string): boolean {
  return over.test(wordsOf(reason));
}

/** Whether a reason says that it goes on. */
export function isUnderWay(reason: string): boolean {
  const words = wordsOf(reason);
  return underWay.test(words) || /\b(?:running|started|progressing|pending)\b/.test(words);
}
