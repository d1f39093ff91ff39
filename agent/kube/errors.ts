import { isObject, type Json, numberAt, objectsAt, parseJson, textAt } from '../../diff/json.ts';
import { ApiError, type ApiErrorClass, type FieldCause, type FieldConflict } from '../../sync/errors.ts';
import type { ObjectRef } from '../../sync/types.ts';

/** The API server's answer, as far as an error is made of it. */
interface Answer {
  readonly status: number;
  readonly text: string;
  readonly retryAfter?: string | undefined;
}

/**
 * Turns an answer into an error that says what it means. The rules are those that were observed on a real API server:
 * a 404 that is no JSON says that the kind is not served, and some 500s are permanent in truth.
 * @param ref the object concerned; a Secret's messages lose all free text, since the server quotes values in them
 */
export function apiError(answer: Answer, ref?: ObjectRef): ApiError {
  const body = parseStatus(answer.text);
  const reason = textAt(body, 'reason') ?? '';
  const message = textAt(body, 'message') ?? `the API server answered ${answer.status}`;
  return new ApiError(ref?.kind === 'Secret' ? secretMessage(body, answer.status, reason) : message, {
    status: answer.status,
    reason,
    class: classify(answer.status, body, message),
    conflicts: answer.status === 409 ? conflictsOf(body) : [],
    causes: answer.status === 422 ? causesOf(body) : [],
    retryAfter: retryAfter(answer.retryAfter, body),
  });
}

/** A request that got no answer at all. */
export function connectionError(cause: unknown): ApiError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const message = cause instanceof Error ? cause.message : String(cause);
  return new ApiError(`no answer from the API server: ${code === '' ? message : code}`, {
    status: 0,
    reason: code,
    class: 'transient',
    cause,
  });
}

function parseStatus(text: string): Json {
  try {
    const body = parseJson(text);
    return isObject(body) ? body : {};
  } catch {
    return {};
  }
}

function secretMessage(body: Json, status: number, reason: string): string {
  const fields = objectsAt(body, 'details', 'causes').flatMap((cause) => textAt(cause, 'field') ?? []);
  const where = fields.length > 0 ? ` at ${fields.join(', ')}` : '';
  return `the API server answered ${status} ${reason}${where} (its text is left out, since it may quote the Secret)`;
}

function classify(status: number, body: Json, message: string): ApiErrorClass {
  if (status === 422 && isTaken(body)) return 'environment';
  if (status === 400 || status === 405 || status === 413 || status === 415 || status === 422) return 'permanent';
  // The login itself may come back: it is no lack of rights.
  if (status === 401) return 'transient';
  if (status === 403) return classifyForbidden(body, message);
  if (status === 404) return isStatus(body) ? 'absent' : 'not-served';
  if (status === 409) return 'conflict';
  if (status === 410) return 'expired';
  if (status === 500) return classifyInternal(message);
  return 'transient';
}

/**
 * Whether all that is wrong is an address or port that another object has. It may be free in a moment: the API server
 * gives back what a Service had only after the Service is gone.
 */
function isTaken(body: Json): boolean {
  const causes = objectsAt(body, 'details', 'causes');
  return causes.length > 0 && causes.every((cause) => taken.test(textAt(cause, 'message') ?? ''));
}

const taken = /provided (port|IP) is already allocated/;

function isStatus(body: Json): boolean {
  return textAt(body, 'kind') === 'Status';
}

/** A quota and a namespace on its way out are no lack of rights. */
function classifyForbidden(body: Json, message: string): ApiErrorClass {
  const terminating = objectsAt(body, 'details', 'causes').some((cause) => cause['reason'] === 'NamespaceTerminating');
  return terminating || message.includes('exceeded quota') ? 'environment' : 'forbidden';
}

function classifyInternal(message: string): ApiErrorClass {
  if (message.includes('failed to create typed patch object')) return 'permanent';
  // What etcd does not store because of its size, it never will.
  if (message.includes('request is too large')) return 'permanent';
  return message.includes('failed calling webhook') ? 'environment' : 'transient';
}

const managerPattern = /conflicts? with "([^"]+)"/;

function conflictsOf(body: Json): FieldConflict[] {
  return objectsAt(body, 'details', 'causes').flatMap((cause) => {
    if (cause['reason'] !== 'FieldManagerConflict') return [];
    const manager = managerPattern.exec(textAt(cause, 'message') ?? '')?.[1] ?? 'unknown';
    return [{ field: (textAt(cause, 'field') ?? '').replace(/^\./, ''), manager }];
  });
}

/** The words in which the validation of Kubernetes and its kinds says that a field is for good. */
const immutable =
  /immutable|cannot (be )?change|may not (be )?change|updates to .* are forbidden|field can not be changed|is not allowed to be changed/i;

function causesOf(body: Json): FieldCause[] {
  return objectsAt(body, 'details', 'causes').map((cause) => ({
    field: textAt(cause, 'field') ?? '',
    isImmutable: immutable.test(textAt(cause, 'message') ?? ''),
  }));
}

/** No API server asks for more patience than this, in seconds; who does gets this. */
const longestWait = 300;

/** Milliseconds, from the header or from the body. */
function retryAfter(header: string | undefined, body: Json): number | undefined {
  const seconds = header === undefined ? numberAt(body, 'details', 'retryAfterSeconds') : Number(header);
  if (seconds === undefined || !Number.isFinite(seconds)) return undefined;
  return Math.min(Math.max(seconds, 0), longestWait) * 1000;
}
