import { changeLine } from '../../diff/compare.ts';
import { foreignIn } from '../../diff/declared.ts';
import { isObject, objectsAt, parseJson, textAt } from '../../diff/json.ts';
import { ownedBy, pathsSentEmpty } from '../../diff/owned.ts';
import { readDelivery } from '../../sync/delivery/delivery.ts';
import { tryToHeal } from '../../sync/drift.ts';
import { isForbidden, messageOf } from '../../sync/errors.ts';
import { inParallel } from '../../sync/parallel.ts';
import type { Cluster } from '../../sync/ports.ts';
import { type Entry, healingManifest } from '../../sync/release/record.ts';
import { newSession } from '../../sync/session.ts';
import { fieldManager } from '../../sync/stamp.ts';
import { type KubeObject, titleOf } from '../../sync/types.ts';
import { pendingOf, viewDrift, viewRelease } from '../api/views/differences.ts';
import { referenceOf } from '../api/views/resources.ts';
import type { DiffView } from '../api/views/schemas.ts';
import { discoverKinds, lateKinds } from '../kube/discovery.ts';
import { printable } from '../printable.ts';
import { createSeals } from '../record-key.ts';
import { type Given, parseConnected, recordOptions } from './arguments.ts';
import { atTarget, type Clusters, clusterAsCaller, connected, readDeliveryObject } from './connection.ts';
import { contentOf } from './content.ts';
import { diffFiles } from './diff-files.ts';
import { readRecordOf } from './records.ts';
import { printJson } from './table.ts';

const parallel = 16;

/**
 * `lockstep diff NAME`: where the tip of Git, the target and the live objects differ; Secrets are masked. It looks itself,
 * as the user who calls, who must be able to read the agent's records; or asks an agent, with --server. With -f and --live
 * it compares files. Exit code 2 when something differs; what only others keep is no difference.
 */
export async function diffCommand(args: readonly string[]): Promise<number> {
  const files = { file: { type: 'string', short: 'f' }, live: { type: 'string' } } as const;
  const options = { ...recordOptions, ...files, server: { type: 'string' } } as const;
  const { words, flags, namespace, isJson } = parseConnected(args, ['[NAME]'], options);
  const items = await itemsFor(words[0], flags, namespace);
  if (isJson) printJson(items);
  else process.stdout.write(printed(items));
  return items.some((item) => item.isHidden || item.release !== undefined || item.drift !== undefined) ? 2 : 0;
}

async function itemsFor(name: string | undefined, flags: Given['flags'], namespace: string): Promise<DiffView[]> {
  const { file, live, server } = flags;
  if (name === undefined) {
    if (file === undefined || live === undefined) throw new Error('NAME is needed, or -f FILE and --live FILE');
    process.stderr.write(
      'lockstep diff: without the API server its defaults are not known: what only it fills in is taken as it is\n',
    );
    return diffFiles(file, live);
  }
  if (server !== undefined) return askAgent(server, namespace, name);
  return connected(flags['kubeconfig'], async (http) => {
    const object = await readDeliveryObject(http, namespace, name);
    return atTarget(http, object, (clusters) => lookAt(clusters, object, flags['agent-namespace'] ?? ''));
  });
}

async function lookAt({ http, target }: Clusters, object: KubeObject, agentNamespace: string): Promise<DiffView[]> {
  const delivery = readDelivery(object);
  const record = await readRecordOf(http, agentNamespace, delivery.uid).catch((error: unknown) => {
    if (!isForbidden(error)) throw error;
    throw new Error(`the records of the agent are not for you to read; ask it with --server: ${messageOf(error)}`);
  });
  const kinds = await discoverKinds(target);
  const cluster = clusterAsCaller(target, kinds);
  const { fingerprint } = createSeals(http, agentNamespace, false);
  const { desired } = await contentOf(delivery, clusterAsCaller(http, lateKinds(http)), kinds, fingerprint, undefined);
  const pending = new Map(pendingOf(record.entries, desired).map((item) => [item.key, item]));
  const session = newSession(record);
  const drifted = await inParallel([...record.entries.values()], parallel, async (entry) => {
    const heal = () => tryToHeal({ delivery, session, world: { cluster: () => cluster } }, entry);
    const drift = await driftOf(cluster, entry, delivery.uid, heal);
    return [entry.key, drift] as const;
  });
  const drifts = new Map(drifted.filter(([, drift]) => drift !== undefined));
  const keys = [...new Set([...pending.keys(), ...drifts.keys()])].sort();
  return keys.flatMap((key): DiffView[] => {
    const item = pending.get(key);
    const ref = item?.ref ?? record.entries.get(key)?.ref;
    if (ref === undefined) return [];
    return [{ ...referenceOf(ref), isHidden: false, ...viewRelease(item), ...drifts.get(key) }];
  });
}

/** What we own in an object is compared first: only what differs is tried. */
async function driftOf(
  cluster: Cluster,
  entry: Entry,
  uid: string,
  heal: () => ReturnType<typeof tryToHeal>,
): Promise<Pick<DiffView, 'drift' | 'foreign' | 'problem'> | undefined> {
  if (entry.applied === undefined || entry.removed || entry.applied.spent !== undefined) return undefined;
  try {
    const live = await cluster.get(entry.ref);
    if (live === undefined) return { drift: viewDrift(entry, undefined, undefined) };
    const manifest = healingManifest(entry);
    const others = foreignIn(live, manifest, fieldManager(uid));
    const foreign = others.length === 0 ? {} : { foreign: others };
    const owned = ownedBy(live, fieldManager(uid), pathsSentEmpty(manifest));
    if (owned === entry.applied.owned) return others.length === 0 ? undefined : foreign;
    const { before, after } = await heal();
    return { drift: viewDrift(entry, before, after), ...foreign };
  } catch (error) {
    return { problem: messageOf(error) };
  }
}

/** All pages of what an agent says. The token, where one is needed, comes from LOCKSTEP_TOKEN: arguments can be seen. */
async function askAgent(server: string, namespace: string, name: string): Promise<DiffView[]> {
  const token = process.env['LOCKSTEP_TOKEN'];
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const items: DiffView[] = [];
  let after = '';
  do {
    const url = `${server.replace(/\/$/, '')}/api/v1/deliveries/${namespace}/${name}/diff?continue=${encodeURIComponent(after)}`;
    const response = await fetch(url, { headers });
    const body = parseJson(await response.text());
    if (!response.ok) throw new Error(textAt(body, 'detail') ?? `the agent answered ${response.status}`);
    const page: unknown[] = objectsAt(body, 'items').filter(isObject);
    items.push(...(page as DiffView[]));
    after = textAt(body, 'continue') ?? '';
  } while (after !== '');
  return items;
}

function printed(items: readonly DiffView[]): string {
  if (items.length === 0) return 'tip, target and live are one\n';
  return printable(`${items.flatMap(linesOf).join('\n')}\n`);
}

function linesOf(item: DiffView): string[] {
  const { release, drift, foreign = [], problem } = item;
  const side = (title: string, what: DiffView['drift']): string[] =>
    what === undefined
      ? []
      : [`  ${title}: ${what.action}`, ...what.changes.map((one) => `    ${changeLine(one as never)}`)];
  return [
    titleOf(item),
    ...(item.isHidden ? ['  differs, and is not for you to see'] : []),
    ...side('the tip would', release),
    ...side('live has drifted; healing would', drift),
    ...foreign.map(({ path, manager }) => `  ${path} is kept by ${manager}`),
    ...(problem === undefined ? [] : [`  can not be looked at: ${problem}`]),
  ];
}
