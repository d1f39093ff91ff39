import { at, isObject, type JsonObject, textAt } from '../../diff/json.ts';
import { degraded, healthy, progressing, suspended, type Verdict, worstOf } from '../scale.ts';
import { wordsOf } from './reasons.ts';

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
const bad =
  /\b(?:abnormal|aborted|back off|backoff|cannot|crash|crashed|critical|degraded|denied|err|error|errored|exceeded|expired|failed|failing|failure|faulted|inconclusive|insufficient|invalid|lost|offline|red|rejected|unable|unhealthy|unrecoverable|not enough)\b/;
/** It says itself that it is still to come, whatever else it names. */
const toCome = /^(?:waiting|wait|pending|queued|install ready|in progress|setting|preparing)\b|^failing over$/;
const good =
  /\b(?:active|attached|available|bound|complete|completed|deployed|established|finished|green|healthy|initialized|installed|ok|online|ready|released|running|success|successful|succeeded|synced|valid)\b/;
const negated = /\b(?:not|un\w+|never|no|partially)\b/;
const waiting = /ing\b|^(?:new|scheduled|unknown|init|bootstrap|yellow|accepted|submitted)$/;

/** Kinds that run, and are done: while they run they are on their way. What starts them goes on. */
const running = /(?:Run|Job|Workflow|Backup|Restore|Task|Build|Test|Migration)$/;
const starting = /^(?:Cron|Scaled|Scheduled)/;

/** Whether objects of a kind run, and are done. */
export function isRun(kind: string): boolean {
  return running.test(kind) && !starting.test(kind);
}

/** What a status says by a word instead of conditions; undefined where it has no such word, or one that tells nothing. */
export function byPhase(kind: string, status: JsonObject): Verdict | undefined {
  const read = (key: string): Verdict[] => meaningOf(wordAt(status, key), status, isRun(kind)) ?? [];
  const [first] = fields.flatMap(read);
  if (first !== undefined) return first;
  const named = Object.keys(status)
    .filter((key) => namedField.test(key))
    .flatMap(read);
  return named.find((one) => one.status === 'Suspended') ?? worstOf(named);
}

/** `status.jobStatus`, or `status.applicationState.state`. */
function wordAt(status: JsonObject, key: string): string | undefined {
  const inner = status[key];
  if (!isObject(inner)) return textAt(status, key);
  return fields.map((field) => textAt(inner, field)).find((text) => text !== undefined);
}

function meaningOf(phase: string | undefined, status: JsonObject, isRunKind: boolean): Verdict[] | undefined {
  if (phase === undefined || phase === '') return undefined;
  const words = wordsOf(phase);
  const why = reasons.map((field) => wordsAt(status, field)).find((text) => text !== '');
  const message = why === undefined ? `is ${phase}` : `is ${phase}: ${why}`;
  if (held.test(words)) return [suspended(phase, message)];
  if (toCome.test(words)) return [progressing(phase, message)];
  if (bad.test(words)) return [degraded(phase, message)];
  if (isRunKind && words === 'running') return [progressing(phase, message)];
  if (good.test(words) && !negated.test(words)) return [healthy(phase)];
  return waiting.test(words) || negated.test(words) ? [progressing(phase, message)] : undefined;
}

/** A text, or a list of texts, as one. */
function wordsAt(status: JsonObject, field: string): string {
  const value = at(status, field);
  if (typeof value === 'string') return value;
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string').join('; ') : '';
}
