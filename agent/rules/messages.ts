import type { JsonObject } from '../../diff/json.ts';
import type { Answer, Expressions } from '../../health/evaluate.ts';

/** What the thread is asked: what expressions come to for some values, or, without any, whether they are well written. */
export interface Task {
  readonly expressions: Expressions;
  readonly values?: JsonObject;
}

/** What a task came to. Tasks are answered in the order in which they were sent. */
export interface Outcome {
  readonly problems?: readonly string[];
  readonly answers?: Readonly<Record<string, Answer>>;
  /** How long it took, in milliseconds. */
  readonly took: number;
}

/** What the thread says: that it can begin, and then what each task came to. */
export type Reply = 'ready' | Outcome;
