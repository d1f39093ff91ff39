import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addressClasses } from '../../sync/addresses.ts';
import type { Delivery } from '../../sync/delivery/delivery.ts';
import { messageOf } from '../../sync/errors.ts';
import { type GivenValues, givenValues, withGiven } from '../../sync/given-values.ts';
import { inputOf } from '../../sync/input.ts';
import type { Cluster, Kinds } from '../../sync/ports.ts';
import { type Checked, check } from '../../sync/render/check.ts';
import { type Fingerprint, withConfigHashes } from '../../sync/render/config-hash.ts';
import { withIgnored } from '../../sync/render/ignored.ts';
import type { Rendered } from '../../sync/render/plain.ts';
import { withVariables } from '../../sync/render/substitute.ts';
import { askJson } from '../../sync/source/ask-json.ts';
import { addressRule, openConnections } from '../../sync/source/connections.ts';
import { createSources } from '../../sync/source/git.ts';
import type { Trust } from '../../sync/source/login.ts';
import { describeProblem } from '../../sync/types.ts';
import { readCredentials } from '../credentials.ts';
import { createAppTokens } from '../github-app.ts';
import { readTrustedKeys } from '../trusted-keys.ts';
import { readValues } from '../values.ts';
import { renderFolder, repositoryAround, viewOfFolder } from './engine.ts';
import { filesUnder } from './files.ts';

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
  const { namespace } = delivery;
  const given = await givenValues(delivery, (refs) => readValues(cluster, namespace, refs));
  const { rendered, origin, input } =
    folder === undefined
      ? await renderedTip(delivery, cluster, kinds, given)
      : await renderedFolder(delivery, kinds, folder, given);
  const scope = (apiVersion: string, kind: string) => kinds.find(apiVersion, kind)?.namespaced;
  const { variables } = given;
  const replaced = variables === undefined ? rendered : withVariables(rendered, variables, '', new WeakMap());
  const checked = check(replaced, delivery.targetNamespace, scope);
  const whole = delivery.restartOnConfigChange ? await hashed(checked, delivery.uid, fingerprint) : checked;
  const { desired, skipped, problems } = withIgnored(whole, delivery.ignore);
  if (problems.length > 0) throw new Error(problems.map(describeProblem).join('\n'));
  return { desired, skipped, origin, input };
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

async function renderedFolder(delivery: Delivery, kinds: Kinds, folder: string, given: GivenValues): Promise<Come> {
  const { root, path } = repositoryAround(folder);
  const settings = { ...delivery, path };
  const { rendered } = await renderFolder(
    settings,
    filesUnder(folder),
    viewOfFolder(root),
    kinds.capabilities,
    given.chart,
  );
  return { rendered, origin: folder, input: folder };
}

async function renderedTip(delivery: Delivery, cluster: Cluster, kinds: Kinds, given: GivenValues): Promise<Come> {
  const { url, followed, path, secretName: secret, proxySecretName: proxy, namespace } = delivery;
  const { sourceIgnore: ignore, submodules } = delivery;
  // Whoever calls may reach what they can reach.
  const connections = openConnections(addressRule(addressClasses));
  const tokens = createAppTokens((...asked) => askJson(connections, ...asked), Date);
  const isOpen = secret === undefined && proxy === undefined;
  const dir = mkdtempSync(join(tmpdir(), 'lockstep-plan-'));
  const sources = createSources(dir, { connections });
  try {
    const credentials = isOpen ? undefined : await readCredentials(cluster, namespace, { secret, proxy }, tokens);
    const from = { url, followed, path, ignore, submodules, credentials };
    const request = { ...from, allows: () => true, user: delivery.uid };
    const tip = await sources.tip(request);
    const { files, commit, tree, view } = await sources.read(request, tip, await trustOf(delivery, cluster));
    const { rendered, key } = await renderFolder(delivery, files, view, kinds.capabilities, given.chart);
    const origin = `${tip.revision.slice(0, 12)} by ${commit.author}: ${commit.subject}`;
    return { rendered, origin, input: inputOf(delivery, withGiven(key ?? tree, given)) };
  } finally {
    await sources.close();
    await connections.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function trustOf({ verify, namespace }: Delivery, cluster: Cluster): Promise<Trust | undefined> {
  if (verify === undefined) return undefined;
  return { mode: verify.mode, keys: await readTrustedKeys(cluster, namespace, verify) };
}
