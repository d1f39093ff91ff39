import { maskObject } from '../../../diff/mask.ts';
import type { Ended, Kept } from '../../../sync/release/record.ts';
import { titleOf } from '../../../sync/types.ts';
import type { HistoryView, ReleaseView } from './schemas.ts';

/** A line of history. */
export function viewEnded({ sequence, revision, author, subject, verdict, time, cause }: Ended): HistoryView {
  return { sequence, revision, author, subject, verdict, time, ...(cause === undefined ? {} : { cause }) };
}

/** An object of a good release as it may be shown: in full to who may get it, otherwise only what it is called. */
export function viewKept(
  { ref, wave, uid, manifest, answer }: Kept,
  isVisible: boolean,
): ReleaseView['objects'][number] {
  const named = { title: titleOf(ref), wave, uid, isHidden: !isVisible };
  if (!isVisible) return named;
  return {
    ...named,
    manifest: maskObject(manifest),
    ...(answer === undefined ? {} : { answer: maskObject(answer) }),
  };
}

/** A line of a plan for who may not see the object: what was done, and with what. */
export function withoutReason(line: string): string {
  return planLineParts(line).whole;
}

/** The title of the object that a line of a plan speaks of. */
export function planLineParts(line: string): { whole: string; title: string } {
  const [whole = line, title = ''] = /^\S+ (\S+ [^\s:]+)/.exec(line) ?? [];
  return { whole, title };
}
