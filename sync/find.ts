import { hashText } from '../diff/hash.ts';
import { toJson } from '../diff/json.ts';
import { type Delivery, nameOf } from './delivery/delivery.ts';
import { identityOf } from './delivery/target.ts';
import { inOneLine, LockstepError, messageOf } from './errors.ts';
import { isSourceAllowed, limitProblems } from './limits.ts';
import { inSlices } from './parallel.ts';
import type { Credentials, Snapshot, SourceRequest } from './ports.ts';
import type { Tip } from './release/standing.ts';
import { type Checked, check, type Desired } from './render/check.ts';
import { withConfigHashes } from './render/config-hash.ts';
import { withIgnored } from './render/ignored.ts';
import { otherRenderer, parseFiles, type Rendered, renderPlain, type TreeFile, unread } from './render/plain.ts';
import type { Found, Trouble, Turn } from './session.ts';
import { describeProblem, groupOf, keyOf, type ObjectRef } from './types.ts';

const credentialsLifetime = 300_000;
/** How long a turn waits for the source, in milliseconds. A slower answer brings a turn of its own. */
const patience = 500;
const failedPoll = 15_000;
/** A server that does not answer for a moment, where it did before, is asked again soon, and nothing is told of it yet. */
const grace = { lasts: 5_000, again: 1_000 };

/**
 * Asks the source for its tip when that is due, and reads, renders and checks what is new. A source that fails changes
 * nothing but `sourceTrouble`: what was found before stays, and nothing is ever deleted because of it. A source that is
 * slow holds nobody up: drift is healed and waves go on meanwhile.
 */
export async function findRevision(turn: Turn): Promise<void> {
  let isLate = false;
  const polling = pollWhenDue(turn, () => !isLate);
  if (polling === undefined) return;
  await Promise.race([polling, turn.world.clock.sleep(patience)]);
  isLate = turn.session.polling === polling;
}

/**
 * Begins to ask the source when that is due.
 * @param isAwaited whether somebody waits for the answer; otherwise it brings a turn of its own
 */
export function pollWhenDue(turn: Turn, isAwaited: () => boolean = () => false): Promise<void> | undefined {
  const { session, world } = turn;
  if (session.polling !== undefined || world.clock.now() < session.pollAt) return undefined;
  session.pollAt = world.clock.now() + early(turn.delivery.interval);
  const polling = poll(turn).finally(() => {
    // A new spec does not wait for the answer to an old one: by now there may be another conversation.
    if (session.polling === polling) session.polling = undefined;
    if (!isAwaited() || session.pollAt <= world.clock.now()) world.wake();
  });
  session.polling = polling;
  return polling;
}

/** Up to a tenth earlier: Deliveries that began together, as after a restart, do not ask their server together for ever. */
function early(milliseconds: number): number {
  return milliseconds * (1 - Math.random() / 10);
}

async function poll(turn: Turn): Promise<void> {
  const { delivery, session, world } = turn;
  // The spec may change while the server is being asked: what comes back then answers a question of yesterday.
  const isOutdated = (): boolean => session.generation !== delivery.generation;
  try {
    const request = await sourceRequest(turn);
    const tip = await world.sources.tip(request);
    if (isOutdated()) return;
    session.tip = tip;
    const found = isStale(turn, tip) ? await readOnce(turn, request, tip) : session.found;
    if (isOutdated()) return;
    session.found = found;
    session.sourceTrouble = undefined;
    session.sourceFailedAt = undefined;
  } catch (error) {
    if (!isOutdated()) noteTrouble(turn, error);
  }
}

function noteTrouble(turn: Turn, error: unknown): void {
  const { delivery, session, world } = turn;
  const trouble = troubleOf(error);
  session.sourceFailedAt ??= world.clock.now();
  const isTold = !isMomentary(turn, trouble);
  if (isTold) session.sourceTrouble = trouble;
  if (trouble.reason === 'SourceUnauthorized') session.credentials = undefined;
  // Who said meanwhile that there is news is asked for at once all the same.
  const again = isTold ? failedPoll : grace.again;
  if (session.pollAt !== 0) session.pollAt = world.clock.now() + early(Math.min(delivery.interval, again));
  const { reason, message: problem } = trouble;
  world.log.warn({ delivery: nameOf(delivery), reason, problem }, 'the source can not be read');
}

/** Whether a source that was read before has just begun not to answer. */
function isMomentary({ session, world }: Turn, { reason }: Trouble): boolean {
  if (reason !== 'SourceUnreachable' || session.found === undefined || session.sourceTrouble !== undefined)
    return false;
  const now = world.clock.now();
  return now - (session.sourceFailedAt ?? now) < grace.lasts;
}

/** Whether what was found is not what the tip and the settings ask for now. */
function isStale({ delivery, session: { found } }: Turn, tip: string): boolean {
  if (found === undefined || found.isGuess || found.tip.revision !== tip) return true;
  return !isFoundBy(delivery, found);
}

async function sourceRequest(turn: Turn): Promise<SourceRequest> {
  const { url, ref, path, namespace, uid: user } = turn.delivery;
  if (!isSourceAllowed(url, turn.world.limits(namespace)))
    throw new LockstepError(
      'NotAllowed',
      `the source ${url} is not allowed for Deliveries of the namespace ${namespace}`,
    );
  return { url, ref, path, credentials: await credentialsOf(turn), user };
}

/** Credentials are kept for a while, but only for the Secret and the server that they were read for. */
async function credentialsOf({ delivery, session, world }: Turn): Promise<Credentials | undefined> {
  const { secretName, namespace } = delivery;
  if (secretName === undefined) return undefined;
  const now = world.clock.now();
  const owner = `${secretName} ${new URL(delivery.url).origin}`;
  const kept = session.credentials;
  if (kept !== undefined && kept.owner === owner && kept.until > now) return kept.value;
  const value = await world.credentials(identityOf(delivery), namespace, secretName);
  session.credentials = { owner, value, until: now + credentialsLifetime };
  return value;
}

/** What is wrong with a revision itself is not read again and again: only another revision or other settings help. */
async function readOnce(turn: Turn, request: SourceRequest, revision: string): Promise<Found> {
  const { session } = turn;
  const input = inputOf(turn.delivery, revision);
  if (session.unreadable?.input === input) throw session.unreadable.error;
  try {
    return await readRevision(turn, request, revision);
  } catch (error) {
    noteUnreadable(turn, input, error, undefined);
    throw error;
  }
}

/** What was asked for by an earlier spec is nobody's tip any more. */
function noteUnreadable({ delivery, session }: Turn, input: string, error: unknown, tip: Tip | undefined): void {
  if (session.generation !== delivery.generation) return;
  if (!(error instanceof LockstepError) || error.retryable || session.unreadable?.error === error) return;
  // A rule of the installation is nothing that the revision could mend.
  if (error.code === 'InvalidRule') return;
  session.unreadable = { input, error, tip };
}

async function readRevision(turn: Turn, request: SourceRequest, revision: string): Promise<Found> {
  const { delivery, session, world } = turn;
  const snapshot = await world.sources.read(request, revision);
  const input = inputOf(delivery, snapshot.tree);
  const { found } = session;
  const { author, subject } = snapshot.commit;
  if (found?.input === input && !found.isGuess) return { ...found, tip: { ...found.tip, revision, author, subject } };
  try {
    const { desired, skipped, isGuess } = await renderAndCheck(turn, snapshot, revision);
    const render = renderHash(desired, skipped);
    return { tip: { input, render, revision, author, subject }, input, desired, skipped, isGuess };
  } catch (error) {
    noteUnreadable(turn, inputOf(delivery, revision), error, { input, render: '', revision, author, subject });
    throw error;
  }
}

/** The scope of a kind decides what an object is called, so a kind that is not served is asked for once more. */
async function renderAndCheck(
  { delivery, session, world }: Turn,
  snapshot: Snapshot,
  revision: string,
): Promise<Checked> {
  refuseOtherRenderers(delivery, snapshot.files);
  const scope = (apiVersion: string, kind: string) => world.kinds.find(apiVersion, kind)?.namespaced;
  const checkThese = (these: Rendered) => check(these, delivery.targetNamespace, scope, session.checked);
  // What is new is parsed and checked for itself first: the whole then only looks at how it fits together.
  const news = unread(snapshot.files, session.parsed);
  await inSlices(news, 50, (files) => void checkThese(parseFiles(files, session.parsed)));
  const rendered = renderPlain(snapshot.files, session.parsed);
  const checked = checkThese(rendered);
  if (!checked.isServed) await world.kinds.refresh();
  const whole = await withHashes(checked.isServed ? checked : checkThese(rendered), delivery, world);
  return allowed(usable(whole, delivery, revision), delivery, world, revision);
}

async function withHashes(
  checked: Checked,
  { restartOnConfigChange, uid }: Delivery,
  world: Turn['world'],
): Promise<Checked> {
  if (!restartOnConfigChange) return checked;
  return { ...checked, desired: await withConfigHashes(checked.desired, uid, world.fingerprint) };
}

/** @throws LockstepError InvalidManifests, that names all that is wrong */
function usable(found: Checked, { ignore }: Delivery, revision: string): Checked {
  const checked = withIgnored(found, ignore);
  const problems = checked.problems.map(describeProblem);
  if (problems.length > 0) throw new LockstepError('InvalidManifests', listProblems(revision, problems));
  return checked;
}

/** @throws LockstepError NotAllowed, that names all that goes beyond the limits */
function allowed(checked: Checked, delivery: Delivery, world: Turn['world'], revision: string): Checked {
  const { namespace, kubeconfig } = delivery;
  // In another cluster a namespace of that name is nobody's.
  const agents = kubeconfig === undefined ? world.agentNamespace : undefined;
  const problems = limitProblems(checked.desired, world.limits(namespace), namespace, agents);
  if (problems.length > 0) throw new LockstepError('NotAllowed', listProblems(revision, problems.map(describeProblem)));
  requireRules(checked, delivery, world);
  return checked;
}

/** How an object is can't be told by a rule that is wrong: it is not even made. The Delivery's own rules come first. */
function requireRules({ desired }: Checked, { rules: own }: Delivery, { rules }: Turn['world']): void {
  for (const { apiVersion, kind } of desired.map(({ manifest }) => manifest)) {
    const group = groupOf(apiVersion);
    if (own.some((one) => one.group === group && one.kind === kind)) continue;
    const problem = rules.broken(group, kind);
    if (problem !== undefined) throw new LockstepError('InvalidRule', problem);
  }
}

/** Applying a chart or an overlay as plain manifests would do something else than its authors mean. */
function refuseOtherRenderers(delivery: Delivery, files: readonly TreeFile[]): void {
  const other = otherRenderer(files);
  if (other === undefined) return;
  const where = delivery.path === '' ? other.file : `${delivery.path}/${other.file}`;
  throw new LockstepError('NotBuiltYet', `${where} asks for ${other.name}, which this version does not render`);
}

/** Whether a revision was found by the settings that the Delivery has now. */
export function isFoundBy(delivery: Delivery, found: Found): boolean {
  return inputOf(delivery, found.input) === found.input;
}

/** What came out of a render: equal hashes are equal objects, and the same ones left alone. */
function renderHash(desired: readonly Desired[], skipped: readonly ObjectRef[]): string {
  const objects = desired.map(({ key, hash }) => `${key} ${hash}`).sort();
  return hashText([...objects, ...skipped.map((ref) => `skip ${keyOf(ref)}`).sort()].join('\n'));
}

/** The tree together with the settings that decide what comes out of it. */
export function inputOf(delivery: Delivery, treeOrInput: string): string {
  const tree = treeOrInput.split(' ', 1)[0] ?? '';
  const { url, ref, path, targetNamespace, ignore, restartOnConfigChange } = delivery;
  const rules = ignore.length === 0 ? '' : ` ${hashText(toJson(ignore))}`;
  const restarts = restartOnConfigChange ? ' restarts' : '';
  return `${tree} ${hashText(`${url} ${ref} ${path} ${targetNamespace}${rules}${restarts}`)}`;
}

function listProblems(revision: string, problems: readonly string[]): string {
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  return `${revision.slice(0, 12)} has ${count}: ${inOneLine(problems)}`;
}

/** Whatever was thrown, as something that a status can show. */
export function troubleOf(error: unknown): Trouble {
  if (error instanceof LockstepError) return { reason: error.code, message: error.message, stalled: !error.retryable };
  return { reason: 'ClusterUnavailable', message: messageOf(error), stalled: false };
}
