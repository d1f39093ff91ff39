import { type JsonObject, objectsAt } from '../../diff/json.ts';
import { maskObject } from '../../diff/mask.ts';
import { inParallel } from '../../sync/parallel.ts';
import { type Ended, type GoodRelease, goodOf, isCalled, type ReleaseRecord } from '../../sync/release/record.ts';
import { type ObjectRef, titleOf } from '../../sync/types.ts';
import { discoverKinds } from '../kube/discovery.ts';
import { parseConnected, recordOptions } from './arguments.ts';
import { connected, readDeliveryObject } from './connection.ts';
import { mayGet } from './may.ts';
import { readRecordOf } from './records.ts';
import { printable, printJson, table } from './table.ts';

/** Questions about rights that are asked at once. */
const parallelReviews = 8;

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
    cell(line, 'revision').slice(0, 12),
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
    const good = goodOf(record, line.sequence);
    const may = mayGet(http, await discoverKinds(http));
    const told = { ...line, plan: await shownPlan(line.plan, record, may) };
    if (isJson) printJson({ ...told, objects: await objectsOf(good, may) });
    else process.stdout.write(page(told, good));
    return 0;
  });
}

/** Whether the user who calls may get an object. */
type May = (ref: ObjectRef) => Promise<boolean>;

/** The objects of a release, Secrets masked; of those that the user may not get, only what they are called. */
async function objectsOf(good: GoodRelease | undefined, may: May): Promise<JsonObject[]> {
  const kept = [...(good?.objects.values() ?? [])];
  return inParallel(kept, parallelReviews, async ({ ref, wave, uid, manifest, answer }) => {
    const content = { manifest: maskObject(manifest), ...(answer === undefined ? {} : { answer: maskObject(answer) }) };
    return { title: titleOf(ref), wave, uid, ...((await may(ref)) ? content : { hidden: true }) };
  });
}

/** What was planned for objects that the user may get; of all others, only that something was. */
async function shownPlan(plan: readonly string[], record: ReleaseRecord, may: May): Promise<string[]> {
  const known = [...record.goods.flatMap(({ objects }) => [...objects.values()]), ...record.entries.values()];
  const refs = new Map(known.map(({ ref }) => [titleOf(ref), ref]));
  return inParallel(plan, parallelReviews, async (line) => {
    const [whole = line, title = ''] = /^\S+ (\S+ [^\s:]+)/.exec(line) ?? [];
    const ref = refs.get(title);
    return ref !== undefined && (await may(ref)) ? line : whole;
  });
}

function page(line: Ended, good: GoodRelease | undefined): string {
  const facts = [
    ['release', String(line.sequence)],
    ['revision', line.revision],
    ['author', line.author],
    ['subject', line.subject],
    ['began', line.startedAt],
    ['ended', line.time],
    ['verdict', line.verdict],
    ...(line.cause === undefined ? [] : [['cause', line.cause]]),
  ];
  const lines = [...(good?.objects.values() ?? [])].map(({ ref, wave }) => `  wave ${wave}  ${titleOf(ref)}`);
  return [
    table(facts),
    section(
      'plan',
      line.plan.map((text) => `  ${text}`),
    ),
    section(
      'left behind',
      (line.leftBehind ?? []).map((text) => `  ${text}`),
    ),
    section('objects that a rollback to it brings back', lines),
  ].join('');
}

function section(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : `\n${title}\n${printable(lines.join('\n'))}\n`;
}
