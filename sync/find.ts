import { hashText } from '../diff/hash.ts';
import { type Delivery, identityOf } from './delivery/delivery.ts';
import { LockstepError, messageOf } from './errors.ts';
import { waveProblem } from './plan/order.ts';
import type { Credentials, SourceRequest } from './ports.ts';
import { check } from './render/check.ts';
import { otherRenderer, renderPlain, type TreeFile } from './render/plain.ts';
import type { Found, Session, Trouble, World } from './session.ts';
import { describeProblem, refOf, titleOf } from './types.ts';

const credentialsLifetime = 300_000;
const shownProblems = 20;

/**
 * Asks the source for its tip when that is due, and reads, renders and checks what is new. A source that fails changes
 * nothing but `sourceTrouble`: what was found before stays, and nothing is ever deleted because of it.
 */
export async function findRevision(delivery: Delivery, session: Session, world: World): Promise<void> {
  if (world.clock.now() < session.pollAt) return;
  try {
    const request = await sourceRequest(delivery, session, world);
    session.tip = await world.sources.tip(request);
    if (
      session.found?.commit.revision !== session.tip ||
      inputOf(delivery, session.found.input) !== session.found.input
    ) {
      session.found = await readRevision(delivery, session, world, request, session.tip);
    }
    session.sourceTrouble = undefined;
    session.pollAt = world.clock.now() + delivery.interval;
  } catch (error) {
    session.sourceTrouble = troubleOf(error);
    if (error instanceof LockstepError && error.code === 'SourceUnauthorized') session.credentials = undefined;
    session.pollAt = world.clock.now() + Math.min(delivery.interval, 15_000);
    world.log.warn(
      {
        delivery: `${delivery.namespace}/${delivery.name}`,
        reason: session.sourceTrouble.reason,
        problem: session.sourceTrouble.message,
      },
      'the source can not be read',
    );
  }
}

async function sourceRequest(delivery: Delivery, session: Session, world: World): Promise<SourceRequest> {
  return {
    url: delivery.url,
    ref: delivery.ref,
    path: delivery.path,
    credentials: await credentialsOf(delivery, session, world),
  };
}

async function credentialsOf(delivery: Delivery, session: Session, world: World): Promise<Credentials | undefined> {
  if (delivery.secretName === undefined) return undefined;
  const now = world.clock.now();
  if (session.credentials !== undefined && session.credentials.until > now) return session.credentials.value;
  const value = await world.credentials(identityOf(delivery), delivery.namespace, delivery.secretName);
  session.credentials = { value, until: now + credentialsLifetime };
  return value;
}

async function readRevision(
  delivery: Delivery,
  session: Session,
  world: World,
  request: SourceRequest,
  revision: string,
): Promise<Found> {
  const snapshot = await world.sources.read(request, revision);
  const input = inputOf(delivery, snapshot.tree);
  if (session.found?.input === input) return { ...session.found, commit: snapshot.commit };
  refuseOtherRenderers(delivery, snapshot.files);
  const rendered = renderPlain(snapshot.files, session.parsed);
  const checked = check(
    rendered,
    delivery.targetNamespace,
    (apiVersion, kind) => world.kinds.find(apiVersion, kind)?.namespaced,
  );
  const waves = checked.desired.flatMap(({ manifest }) => {
    const message = waveProblem(manifest);
    return message === undefined ? [] : [{ object: titleOf(refOf(manifest)), message }];
  });
  const problems = [...checked.problems, ...waves].map(describeProblem);
  if (problems.length > 0) throw new LockstepError('InvalidManifests', listProblems(revision, problems));
  return { commit: snapshot.commit, input, desired: checked.desired };
}

/** Applying a chart or an overlay as plain manifests would do something else than its authors mean. */
function refuseOtherRenderers(delivery: Delivery, files: readonly TreeFile[]): void {
  const other = otherRenderer(files);
  if (other === undefined) return;
  const where = delivery.path === '' ? other.file : `${delivery.path}/${other.file}`;
  throw new LockstepError('NotBuiltYet', `${where} asks for ${other.name}, which this version does not render`);
}

/** The tree together with the settings that decide what comes out of it. */
function inputOf(delivery: Delivery, treeOrInput: string): string {
  const tree = treeOrInput.split(' ', 1)[0] ?? '';
  return `${tree} ${hashText(`${delivery.url} ${delivery.path} ${delivery.targetNamespace}`)}`;
}

function listProblems(revision: string, problems: readonly string[]): string {
  const more = problems.length > shownProblems ? `; and ${problems.length - shownProblems} more` : '';
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  return `${revision.slice(0, 12)} has ${count}: ${problems.slice(0, shownProblems).join('; ')}${more}`;
}

/** Whatever was thrown, as something that a status can show. */
export function troubleOf(error: unknown): Trouble {
  if (error instanceof LockstepError) return { reason: error.code, message: error.message, stalled: !error.retryable };
  return { reason: 'ClusterUnavailable', message: messageOf(error), stalled: false };
}
