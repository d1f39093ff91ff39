import { objectsAt } from '../../diff/json.ts';
import { isCalled } from '../../sync/release/standing.ts';
import { shortRevision } from '../../sync/types.ts';
import { tellRelease } from '../api/releases.ts';
import type { ReleaseView } from '../api/views/schemas.ts';
import { discoverKinds } from '../kube/discovery.ts';
import { mayGet, mayI } from '../kube/may.ts';
import { printable } from '../printable.ts';
import { parseConnected, recordOptions } from './arguments.ts';
import { connected, readDeliveryObject } from './connection.ts';
import { readRecordOf } from './records.ts';
import { printJson, table } from './table.ts';

/**
 * `lockstep history NAME` lists the releases that ended, newest first; `lockstep history show NAME [RELEASE]` tells all
 * that is recorded of one, for whoever may read the records. Secrets are masked.
 */
export async function historyCommand(args: readonly string[]): Promise<number> {
  return args[0] === 'show' ? show(args.slice(1)) : list(args);
}

async function list(args: readonly string[]): Promise<number> {
  const { words, flags, namespace, isJson } = parseConnected(args, ['NAME']);
  const [name = ''] = words;
  const history = await connected(flags['kubeconfig'], async (http) =>
    objectsAt(await readDeliveryObject(http, namespace, name), 'status', 'history'),
  );
  const cell = (line: (typeof history)[number], field: string): string => String(line[field] ?? '');
  const rows = history.map((line) => [
    cell(line, 'sequence'),
    shortRevision(cell(line, 'revision')),
    cell(line, 'verdict'),
    cell(line, 'time'),
    cell(line, 'author'),
    cell(line, 'cause') || cell(line, 'subject'),
  ]);
  const head = ['RELEASE', 'REVISION', 'VERDICT', 'ENDED', 'AUTHOR', 'CAUSE OR SUBJECT'];
  if (isJson) printJson(history);
  else process.stdout.write(table([head, ...rows]));
  return 0;
}

async function show(args: readonly string[]): Promise<number> {
  const { words, flags, namespace, isJson } = parseConnected(args, ['NAME', '[REVISION|RELEASE]'], recordOptions);
  const [name = '', asked] = words;
  return connected(flags['kubeconfig'], async (http) => {
    const { metadata } = await readDeliveryObject(http, namespace, name);
    const record = await readRecordOf(http, flags['agent-namespace'] ?? '', metadata.uid ?? '');
    const line = record.history.find((ended) => asked === undefined || isCalled(ended, asked));
    if (line === undefined) throw new Error(`release ${asked ?? ''} is not recorded`);
    const kinds = await discoverKinds(http);
    const may = mayGet((action) => mayI(http, action), kinds);
    const told = await tellRelease(record, line, may);
    if (isJson) printJson(told);
    else process.stdout.write(page(told));
    return 0;
  });
}

function page(line: ReleaseView): string {
  const facts = [
    ['release', String(line.sequence)],
    ['revision', line.revision],
    ['author', line.author],
    ['subject', line.subject],
    ...(line.approvedBy === undefined ? [] : [['approved by', line.approvedBy]]),
    ['began', line.startedAt],
    ['ended', line.time],
    ['verdict', line.verdict],
    ...(line.cause === undefined ? [] : [['cause', line.cause]]),
  ];
  const lines = line.objects.map(({ title, wave }) => `  wave ${wave}  ${title}`);
  return [
    table(facts),
    section(
      'plan',
      line.plan.map((text) => `  ${text}`),
    ),
    section(
      'left behind',
      line.leftBehind.map((text) => `  ${text}`),
    ),
    section('objects that a rollback to it brings back', lines),
  ].join('');
}

function section(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : `\n${title}\n${printable(lines.join('\n'))}\n`;
}
