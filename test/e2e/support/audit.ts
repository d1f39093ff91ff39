import { readFileSync } from 'node:fs';
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

/** Who asked for what, when: everything in the order in which the API server finished it. */
export function readAudit(file: string, since = 0): AuditEntry[] {
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
  return lines.map((line) => parse(parseJson(line))).filter((entry) => entry.time >= since);
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
