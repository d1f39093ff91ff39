import { at, isObject, type JsonObject, textAt } from '../../diff/json.ts';
import { degraded, healthy, progressing, suspended, type Verdict, worstOf } from '../scale.ts';
import { isTerminal, wordsOf } from './reasons.ts';

/** Where controllers say in a word or two how an object is. */
const fields = ['phase', 'state', 'status', 'health'];
/** Where some say it who put a name before: `jobDeploymentStatus`, `PostgresClusterStatus`. */
const namedField = /(?:Phase|State|Status|Health|Progress)$/;

/** Where they say why. */
const reasons = [
  'message',
  'phaseReason',
  'failureReason',
  'failureMessage',
  'reason',
  'error',
  'errorMessage',
  'lastError',
  'errors',
  'validationErrors',
  'statusMessage',
];

const held = /^(?:paused|suspended|stopped|hibernated|disabled|requires approval)$/;
const good =
  /\b(?:active|attached|available|bound|complete|completed|created|deployed|established|finished|green|healthy|initialized|installed|ok|online|ready|released|running|success|successful|succeeded|synced|valid)\b/;
const bad = /\b(?:faulted|lost|crashed|red|failing|inconclusive)\b/;
const negated = /\b(?:not|un\w+|never|no|partially)\b/;
const waiting = /ing\b|^(?:new|queued|scheduled|unknown|init|yellow|accepted|submitted|in progress)$/;

/** Kinds that run, and are done: while they run they are on their way. */
const running = /(?:Run|Job|Workflow|Backup|Restore|Task|Build|Test|Migration)$/;

/** What a status says by a word instead of conditions; undefined where it has no such word, or one that tells nothing. */
export function byPhase(kind: string, status: JsonObject): Verdict | undefined {
  const isRun = running.test(kind);
  for (const field of fields) {
    const found = meaningOf(textAt(status, field), status, isRun);
    if (found !== undefined) return found;
  }
  const named = Object.keys(status).filter((key) => namedField.test(key));
  return worstOf(named.flatMap((key) => meaningOf(wordAt(status, key), status, isRun) ?? []));
}

/** `status.jobStatus`, or `status.applicationState.state`. */
function wordAt(status: JsonObject, key: string): string | undefined {
  const inner = status[key];
  if (!isObject(inner)) return textAt(status, key);
  return fields.map((field) => textAt(inner, field)).find((text) => text !== undefined);
}

function meaningOf(phase: string | undefined, status: JsonObject, isRun: boolean): Verdict | undefined {
  if (phase === undefined || phase === '') return undefined;
  const words = wordsOf(phase);
  const why = reasons.map((field) => wordsAt(status, field)).find((text) => text !== '');
  const message = why === undefined ? `is ${phase}` : `is ${phase}: ${why}`;
  if (held.test(words)) return suspended(phase, message);
  if (bad.test(words) || isTerminal(phase)) return degraded(phase, message);
  if (isRun && words === 'running') return progressing(phase, message);
  if (good.test(words) && !negated.test(words)) return healthy(phase);
  if (waiting.test(words) || negated.test(words)) return progressing(phase, message);
  return undefined;
}

/** A text, or a list of texts, as one. */
function wordsAt(status: JsonObject, field: string): string {
  const value = at(status, field);
  if (typeof value === 'string') return value;
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string').join('; ') : '';
}
