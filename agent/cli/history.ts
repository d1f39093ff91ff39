import { objectsAt, toJson } from '../../diff/json.ts';
import { maskObject } from '../../diff/mask.ts';
import { type Ended, type GoodRelease, goodOf, isCalled } from '../../sync/release/record.ts';
import { titleOf } from '../../sync/types.ts';
import { connected, parseNamed, readDeliveryObject, recordOptions, table } from './connection.ts';
import { readRecordOf } from './records.ts';

/**
 * `lockstep history NAME` lists the releases that ended, newest first; `lockstep history show NAME [RELEASE]` tells all
 * that is recorded of one, for whoever may read the records. Secrets are masked.
 */
export async function historyCommand(args: readonly string[]): Promise<number> {
  return args[0] === 'show' ? show(args.slice(1)) : list(args);
}

async function list(args: readonly string[]): Promise<number> {
  const { name, namespace, isJson, given } = parseNamed(args);
  const history = await connected(given['kubeconfig'], async (http) =>
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
  const { name, rest, namespace, isJson, given } = parseNamed(args, recordOptions);
  const record = await connected(given['kubeconfig'], async (http) => {
    const { metadata } = await readDeliveryObject(http, namespace, name);
    return readRecordOf(http, given['agent-namespace'] ?? '', metadata.uid ?? '');
  });
  const asked = rest[0];
  const line = record.history.find((ended) => asked === undefined || isCalled(ended, asked));
  if (line === undefined) throw new Error(`release ${asked ?? ''} is not recorded`);
  const good = goodOf(record, line.sequence);
  const objects = [...(good?.objects.values() ?? [])].map(({ wave, manifest, answer, uid }) => ({
    wave,
    uid,
    manifest: maskObject(manifest),
    answer: answer === undefined ? undefined : maskObject(answer),
  }));
  process.stdout.write(isJson ? `${toJson({ ...line, objects }, 2)}\n` : page(line, good));
  return 0;
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
  return lines.length === 0 ? '' : `\n${title}\n${lines.join('\n')}\n`;
}
