import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Delivery } from '../../sync/delivery/delivery.ts';
import { messageOf } from '../../sync/errors.ts';
import { inputOf } from '../../sync/find.ts';
import type { Cluster, Kinds } from '../../sync/ports.ts';
import { type Checked, check } from '../../sync/render/check.ts';
import { type Fingerprint, withConfigHashes } from '../../sync/render/config-hash.ts';
import { withIgnored } from '../../sync/render/ignored.ts';
import { otherRenderer, renderPlain, type TreeFile } from '../../sync/render/plain.ts';
import { createSources } from '../../sync/source/git.ts';
import { describeProblem } from '../../sync/types.ts';
import { readCredentials } from '../credentials.ts';
import { filesUnder } from './files.ts';

const limits = { deadline: 60_000, maxBytes: 268_435_456, maxRedirects: 3 };

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
  const { files, origin, input } =
    folder === undefined
      ? await filesOfTip(delivery, cluster)
      : { files: filesUnder(folder), origin: folder, input: folder };
  const other = otherRenderer(files);
  if (other !== undefined) throw new Error(`${other.file} asks for ${other.name}, which this version does not render`);
  const scope = (apiVersion: string, kind: string) => kinds.find(apiVersion, kind)?.namespaced;
  const checked = check(renderPlain(files), delivery.targetNamespace, scope);
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

async function filesOfTip(
  delivery: Delivery,
  cluster: Cluster,
): Promise<{ files: readonly TreeFile[]; origin: string; input: string }> {
  const { url, ref, path, secretName, namespace } = delivery;
  const credentials = secretName === undefined ? undefined : await readCredentials(cluster, namespace, secretName);
  const dir = mkdtempSync(join(tmpdir(), 'lockstep-plan-'));
  const sources = createSources(dir, limits);
  try {
    const request = { url, ref, path, credentials, user: delivery.uid };
    const revision = await sources.tip(request);
    const { files, commit, tree } = await sources.read(request, revision);
    // They are read now: the folder goes.
    const read = files.map((file) => ({ ...file, read: keep(file.read()) }));
    const origin = `${revision.slice(0, 12)} by ${commit.author}: ${commit.subject}`;
    return { files: read, origin, input: inputOf(delivery, tree) };
  } finally {
    await sources.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

function keep<T>(value: T): () => T {
  return () => value;
}
