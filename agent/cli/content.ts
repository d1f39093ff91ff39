import { locateChart } from '../../sync/charts/located.ts';
import { type ChartReach, chartRequest } from '../../sync/charts/reach.ts';
import type { Delivery } from '../../sync/delivery/delivery.ts';
import { messageOf } from '../../sync/errors.ts';
import { type GivenValues, givenValues, withGiven, withLocated } from '../../sync/given-values.ts';
import { inputOf } from '../../sync/input.ts';
import type { Cluster, Kinds, SourceRequest } from '../../sync/ports.ts';
import { type Checked, check } from '../../sync/render/check.ts';
import { type Fingerprint, withConfigHashes } from '../../sync/render/config-hash.ts';
import { withIgnored } from '../../sync/render/ignored.ts';
import type { Rendered } from '../../sync/render/plain.ts';
import type { Unsealer } from '../../sync/render/sops/port.ts';
import { createUnsealer } from '../../sync/render/sops/unsealer.ts';
import { withVariables } from '../../sync/render/substitute.ts';
import type { Trust } from '../../sync/source/login.ts';
import { describeProblem, shortRevision } from '../../sync/types.ts';
import { readCredentials } from '../credentials.ts';
import { createDecryption } from '../decryption.ts';
import { readTrustedKeys } from '../trusted-keys.ts';
import { readValues } from '../values.ts';
import { renderFolder, repositoryAround, viewOfFolder } from './engine.ts';
import { filesUnder } from './files.ts';
import { type Opened, withSources } from './sources.ts';

/** What a Delivery asks for: by a folder here, or by its repository as it is now. */
export interface Content extends Pick<Checked, 'desired' | 'skipped'> {
  /** What it is known by. */
  readonly input: string;
  /** Where it comes from, in words. */
  readonly origin: string;
}

/**
 * Renders and checks.
 * @param fingerprint makes what pod templates carry where they restart with their configuration
 * @param folder a folder here; without one the tip of the repository is fetched, as the user who calls
 * @throws Error that tells all problems
 */
export async function contentOf(
  delivery: Delivery,
  cluster: Cluster,
  kinds: Kinds,
  fingerprint: Fingerprint,
  folder: string | undefined,
): Promise<Content> {
  return withSources(async (opened) => {
    const { namespace, uid, decryptionSecret } = delivery;
    const unsealer = await createDecryption(createUnsealer).unsealer(uid, cluster, namespace, decryptionSecret);
    const reach = reachOf(delivery, cluster, opened);
    const reading: Reading = { ...opened, delivery, cluster, kinds, reach, unsealer };
    const values = await givenValues(delivery, (refs) => readValues(cluster, namespace, refs));
    const given = withLocated(values, await locateChart(delivery, reading.reach));
    const come = await (folder === undefined ? renderedTip(reading, given) : renderedFolder(reading, folder, given));
    const scope = (apiVersion: string, kind: string) => kinds.find(apiVersion, kind)?.namespaced;
    const { variables } = given;
    const { rendered, origin, input } = come;
    const replaced = variables === undefined ? rendered : withVariables(rendered, variables, '', new WeakMap());
    const checked = check(replaced, delivery.targetNamespace, scope);
    const whole = delivery.restartOnConfigChange ? await hashed(checked, delivery.uid, fingerprint) : checked;
    const { desired, skipped, problems } = withIgnored(whole, delivery.ignore);
    if (problems.length > 0) throw new Error(problems.map(describeProblem).join('\n'));
    return { desired, skipped, origin, input };
  });
}

/** What a Delivery is read by. */
interface Reading extends Opened {
  readonly delivery: Delivery;
  readonly cluster: Cluster;
  readonly kinds: Kinds;
  readonly reach: ChartReach;
  readonly unsealer: Unsealer;
}

/** What a Delivery may reach is for the agent to say. */
function reachOf({ namespace, helm }: Delivery, cluster: Cluster, { charts, tokens }: Opened): ChartReach {
  const secret = helm?.secretRef?.name;
  return {
    charts,
    owner: namespace,
    allows: () => true,
    credentials: async () =>
      secret === undefined ? undefined : readCredentials(cluster, namespace, { secret }, tokens),
  };
}

async function hashed(checked: Checked, uid: string, fingerprint: Fingerprint): Promise<Checked> {
  const desired = await withConfigHashes(checked.desired, uid, fingerprint).catch((error: unknown) => {
    throw new Error(
      `spec.sync.restartOnConfigChange: which pods restart only sees who may read the key of the agent: ${messageOf(error)}`,
    );
  });
  return { ...checked, desired };
}

interface Come {
  readonly rendered: Rendered;
  readonly origin: string;
  readonly input: string;
}

async function renderedFolder(reading: Reading, folder: string, given: GivenValues): Promise<Come> {
  const { root, path } = repositoryAround(folder);
  const settings = { ...reading.delivery, path };
  const here = { files: filesUnder(folder), view: viewOfFolder(root) };
  const { rendered } = await renderFolder(settings, here, reading.kinds.capabilities, { ...reading, given });
  return { rendered, origin: folder, input: folder };
}

async function renderedTip(reading: Reading, given: GivenValues): Promise<Come> {
  const { delivery, cluster, kinds, sources } = reading;
  const request = await requestOf(reading);
  const tip = await sources.tip(request);
  const snapshot = await sources.read(request, tip, await trustOf(delivery, cluster));
  const { rendered, key } = await renderFolder(delivery, snapshot, kinds.capabilities, { ...reading, given });
  const { commit, tree } = snapshot;
  const origin = `${shortRevision(tip.revision)} by ${commit.author}: ${commit.subject}`;
  return { rendered, origin, input: inputOf(delivery, withGiven(key ?? tree, given)) };
}

async function requestOf({ delivery, cluster, tokens, reach }: Reading): Promise<SourceRequest> {
  const { url, followed, path, secretName: secret, proxySecretName: proxy, namespace, chart } = delivery;
  const { sourceIgnore: ignore, submodules, isPlain, isChartAlone, uid: user } = delivery;
  const isOpen = secret === undefined && proxy === undefined;
  const credentials = isOpen ? undefined : await readCredentials(cluster, namespace, { secret, proxy }, tokens);
  const whole = chart === undefined || !isChartAlone ? undefined : await chartRequest(reach, chart, chart);
  const allows = (): boolean => true;
  const asked = { url, followed, path, ignore, submodules, isPlain, allows, user, owner: namespace };
  return { ...asked, credentials, chart: whole, set: undefined };
}

async function trustOf({ verify, namespace }: Delivery, cluster: Cluster): Promise<Trust | undefined> {
  if (verify === undefined) return undefined;
  return { mode: verify.mode, keys: await readTrustedKeys(cluster, namespace, verify) };
}
