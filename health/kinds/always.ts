import { healthy, type Verdict } from '../scale.ts';

/** Kinds that work as soon as they exist. */
export function always(): Verdict {
  return healthy();
}
