import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { at, type Json, numberAt, parseJson, textAt } from '../../../diff/json.ts';

/** One request as the API server's audit log has it. */
export interface AuditEntry {
  readonly user: string;
  readonly impersonated: string | undefined;
  readonly verb: string;
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  readonly subresource: string;
  readonly uri: string;
  readonly dryRun: boolean;
  readonly agent: string;
  readonly status: number;
  /** A watch is told of twice: `ResponseStarted`, and `ResponseComplete` once it is closed. */
  readonly stage: string;
  /** When it came, in milliseconds since the epoch. */
  readonly time: number;
  /** When it was answered. */
  readonly answered: number;
}

/** What has been read of a log. In a whole run it grows to hundreds of megabytes, and tests that wait ask for it again and again. */
interface Reading {
  /** What was received before this time is not in it. */
  readonly from: number;
  readonly entries: AuditEntry[];
  /** Where the rest begins, in bytes. */
  offset: number;
}

const readings = new Map<string, Reading>();

/** Who asked for what, when: everything received since a time, in the order in which the API server finished it. */
export function readAudit(file: string, since = 0): AuditEntry[] {
  const handle = openSync(file, 'r');
  try {
    let reading = readings.get(file);
    if (reading === undefined || reading.from > since) {
      reading = { from: since, entries: [], offset: startOf(handle, since) };
      readings.set(file, reading);
    }
    for (const line of newLines(handle, reading)) reading.entries.push(parse(parseJson(line)));
    return reading.entries.filter((entry) => entry.time >= since);
  } finally {
    closeSync(handle);
  }
}

/** Whole lines that came since the last time. */
function newLines(handle: number, reading: Reading): string[] {
  const bytes = bytesAt(handle, reading.offset, fstatSync(handle).size - reading.offset);
  const end = bytes.lastIndexOf(10) + 1;
  reading.offset += end;
  return bytes
    .toString('utf8', 0, end)
    .split('\n')
    .filter((line) => line !== '');
}

/** Requests that were answered at the same time are written in any order: so much may one be out of place, in milliseconds. */
const disorder = 10_000;
/** No line is longer, in bytes. */
const longestLine = 256 * 1024;

/** Where a line begins before which nothing was received since a time: nothing is answered before it is received. */
function startOf(handle: number, since: number): number {
  let [before, after] = [0, fstatSync(handle).size];
  while (after - before > longestLine) {
    const middle = Math.floor((before + after) / 2);
    const bytes = bytesAt(handle, middle, longestLine);
    const begin = bytes.indexOf(10) + 1;
    const end = bytes.indexOf(10, begin);
    const isEarly = end > begin && parse(parseJson(bytes.toString('utf8', begin, end))).answered < since - disorder;
    if (isEarly) before = middle + begin;
    else after = middle;
  }
  return before;
}

function bytesAt(handle: number, offset: number, length: number): Buffer {
  const bytes = Buffer.alloc(Math.max(0, length));
  return bytes.subarray(0, readSync(handle, bytes, 0, bytes.length, offset));
}

function parse(event: Json): AuditEntry {
  const uri = textAt(event, 'requestURI') ?? '';
  return {
    user: textAt(event, 'user', 'username') ?? '',
    impersonated: textAt(event, 'impersonatedUser', 'username'),
    verb: textAt(event, 'verb') ?? '',
    resource: textAt(event, 'objectRef', 'resource') ?? '',
    namespace: textAt(event, 'objectRef', 'namespace') ?? '',
    name: textAt(event, 'objectRef', 'name') ?? '',
    subresource: textAt(event, 'objectRef', 'subresource') ?? '',
    uri,
    dryRun: uri.includes('dryRun=All'),
    agent: textAt(event, 'userAgent') ?? '',
    status: numberAt(event, 'responseStatus', 'code') ?? 0,
    stage: textAt(event, 'stage') ?? '',
    time: Date.parse(String(at(event, 'requestReceivedTimestamp') ?? '')),
    answered: Date.parse(String(at(event, 'stageTimestamp') ?? '')),
  };
}

/** What the agent sent, open watches and its lease left out. */
export function agentRequests(entries: readonly AuditEntry[]): AuditEntry[] {
  return entries.filter((entry) => entry.agent === 'lockstep' && entry.verb !== 'watch' && entry.resource !== 'leases');
}

/** Real writes of objects, in the order in which they were sent. */
export function writes(entries: readonly AuditEntry[]): AuditEntry[] {
  return entries
    .filter(
      (entry) =>
        ['create', 'update', 'patch', 'delete'].includes(entry.verb) &&
        !entry.dryRun &&
        entry.impersonated !== undefined,
    )
    .sort((a, b) => a.time - b.time);
}
