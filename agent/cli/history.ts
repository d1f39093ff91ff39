import { type JsonObject, objectsAt, toJson } from '../../diff/json.ts';
import { maskObject } from '../../diff/mask.ts';
import { inParallel } from '../../sync/parallel.ts';
import { type Ended, type GoodRelease, goodOf, isCalled } from '../../sync/release/record.ts';
import { titleOf } from '../../sync/types.ts';
import { discoverKinds } from '../kube/discovery.ts';
import type { KubeHttp } from '../kube/http.ts';
import { parseConnected, recordOptions } from './arguments.ts';
import { connected, readDeliveryObject } from './connection.ts';
import { mayGet } from './may.ts';
import { readRecordOf } from './records.ts';
import { printable, table } from './table.ts';

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
  process.stdout.write(isJson ? `${toJson(history, 2)}\n` : table([head, ...rows]));
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
    if (!isJson) process.stdout.write(page(line, good));
    else process.stdout.write(`${toJson({ ...line, objects: await objectsOf(http, good) }, 2)}\n`);
    return 0;
  });
}

/** The objects of a release, Secrets masked; of those that the user may not get, only what they are called. */
async function objectsOf(http: KubeHttp, good: GoodRelease | undefined): Promise<JsonObject[]> {
  const kept = [...(good?.objects.values() ?? [])];
  const may = mayGet(http, await discoverKinds(http));
  return inParallel(kept, parallelReviews, async ({ ref, wave, uid, manifest, answer }) => {
    const content = { manifest: maskObject(manifest), ...(answer === undefined ? {} : { answer: maskObject(answer) }) };
    return { title: titleOf(ref), wave, uid, ...((await may(ref)) ? content : { hidden: true }) };
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
