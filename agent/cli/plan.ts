import { changeLine } from '../../diff/compare.ts';
import { numberAt } from '../../diff/json.ts';
import { type Delivery, readDelivery } from '../../sync/delivery/delivery.ts';
import { isForbidden } from '../../sync/errors.ts';
import { waveTitle } from '../../sync/hooks/phases.ts';
import { type Draft, draft } from '../../sync/plan/draft.ts';
import { arrange, placeable } from '../../sync/plan/order.ts';
import { type Entry, emptyRecord, type ReleaseRecord } from '../../sync/release/record.ts';
import { applierOf, stampOf } from '../../sync/release/write.ts';
import type { Fingerprint } from '../../sync/render/config-hash.ts';
import { type KubeObject, keyOf, refOf, titleOf } from '../../sync/types.ts';
import { type DiscoveredKinds, discoverKinds, lateKinds } from '../kube/discovery.ts';
import { printable } from '../printable.ts';
import { createSeals } from '../record-key.ts';
import { parseConnected, recordOptions } from './arguments.ts';
import { atTarget, type Clusters, clusterAsCaller, connected, readDeliveryObject } from './connection.ts';
import { contentOf } from './content.ts';
import { labelledObjects } from './labelled.ts';
import { readRecordOf } from './records.ts';
import { printJson } from './table.ts';

const parallel = 16;

/**
 * `lockstep plan NAME [--path FOLDER]`: what a release would do, tried by dry-runs as the user who calls; nothing is
 * written. With --hash only what the plan is known by: `lockstep sync --plan` carries out just that. Exit code 2 when
 * something would change, 1 when something would be refused or can't be seen.
 */
export async function planCommand(args: readonly string[]): Promise<number> {
  const options = { ...recordOptions, path: { type: 'string' }, hash: { type: 'boolean' } } as const;
  const { words, flags, namespace, isJson, has } = parseConnected(args, ['NAME'], options);
  const [name = ''] = words;
  const made = await connected(flags['kubeconfig'], async (http) => {
    const object = await readDeliveryObject(http, namespace, name);
    const isReleased = (numberAt(object, 'status', 'sequence') ?? 0) > 0;
    const agentNamespace = isReleased ? (flags['agent-namespace'] ?? '') : undefined;
    const { fingerprint } = createSeals(http, flags['agent-namespace'] ?? '', false);
    const asked = { delivery: readDelivery(object), agentNamespace, fingerprint, folder: flags['path'] };
    return atTarget(http, object, (clusters) => planFor(clusters, asked));
  });
  const { items, problems, hash } = made;
  if (has('hash')) process.stdout.write(`${hash}\n`);
  else if (isJson) printJson(items);
  else process.stdout.write(printed(made));
  for (const problem of problems) process.stderr.write(`lockstep plan: ${printable(problem)}\n`);
  if (problems.length > 0) return 1;
  return items.some(({ action }) => action !== 'unchanged' && action !== 'skip') ? 2 : 0;
}

/** A plan, and what the person who asked for it should know. */
interface Made extends Pick<Draft, 'items' | 'hash'> {
  readonly origin: string;
  readonly unchanged: number;
  readonly problems: readonly string[];
}

/** What is to be planned. */
interface Asked {
  readonly delivery: Delivery;
  /** Where the record is; undefined where there can be none yet. */
  readonly agentNamespace: string | undefined;
  readonly fingerprint: Fingerprint;
  readonly folder: string | undefined;
}

async function planFor(
  { http, target }: Clusters,
  { delivery, agentNamespace, fingerprint, folder }: Asked,
): Promise<Made> {
  const kinds = await discoverKinds(target);
  const cluster = clusterAsCaller(target, kinds);
  const content = await contentOf(delivery, clusterAsCaller(http, lateKinds(http)), kinds, fingerprint, folder);
  const unseen: string[] = [];
  const record =
    agentNamespace === undefined
      ? emptyRecord()
      : await recordOrLive({ http, target }, kinds, delivery, agentNamespace, (problem) => unseen.push(problem));
  const applier = applierOf({ delivery, world: { cluster: () => cluster } });
  const trial = { ...applier, kinds, stamp: stampOf({ delivery }, record.sequence + 1), parallel };
  const { items, refusals, hash } = await draft(content, record, trial, delivery.prune);
  const changed = items.filter(
    ({ action }) => action !== 'unchanged' && action !== 'prune' && action !== 'skip',
  ).length;
  const unchanged = Math.max(0, content.desired.length - changed - refusals.length);
  const problems = [...unseen, ...refusals.map(({ message }) => message)];
  return { items, hash, origin: content.origin, unchanged, problems };
}

/** Who may not read the agent's record still sees what is there. */
async function recordOrLive(
  { http, target }: Clusters,
  kinds: DiscoveredKinds,
  delivery: Delivery,
  agentNamespace: string,
  tell: (problem: string) => void,
): Promise<ReleaseRecord> {
  try {
    return await readRecordOf(http, agentNamespace, delivery.uid);
  } catch (error) {
    if (!isForbidden(error)) throw error;
    const live = await labelledObjects(target, kinds, delivery.uid, delivery.targetNamespace, tell);
    return { ...emptyRecord(), entries: entriesOf(live) };
  }
}

/** Live objects as entries that all have to be tried. */
function entriesOf(live: readonly KubeObject[]): Map<string, Entry> {
  const places = arrange(live.map(placeable));
  const entries = live.map((manifest, index): Entry => {
    const place = places[index] ?? { wave: 0, step: 0 };
    const ref = refOf(manifest);
    const applied = { uid: manifest.metadata.uid ?? '', hash: '', owned: '', sequence: 0 };
    return { key: keyOf(ref), ref, ...place, manifest, hash: '', removed: false, applied };
  });
  return new Map(entries.map((entry) => [entry.key, entry]));
}

function printed({ items, unchanged, origin, hash }: Made): string {
  const lines = items
    .filter(({ action }) => action !== 'unchanged')
    .flatMap(({ action, wave, ref, reason, changes, warnings }) => [
      `${action.padEnd(7)} wave ${waveTitle(wave)}  ${titleOf(ref)}${changes.length === 0 ? `: ${reason}` : ''}`,
      ...changes.map((change) => `          ${changeLine(change)}`),
      ...warnings.map((warning) => `          note: ${warning}`),
    ]);
  return printable(`${[origin, ...lines, `${unchanged} unchanged`, `plan ${hash}`].join('\n')}\n`);
}
