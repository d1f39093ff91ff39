import { childProblems } from './children.ts';
import { type Delivery, ownName } from './delivery/delivery.ts';
import { identityOf } from './delivery/target.ts';
import { makeByEngine } from './engine-made.ts';
import { inOneLine, LockstepError } from './errors.ts';
import { type GivenValues, withGiven } from './given-values.ts';
import { inputOf, renderHash, variablesKey } from './input.ts';
import { limitProblems } from './limits.ts';
import type { Snapshot, SourceRequest, SourceTip } from './ports.ts';
import type { Tip } from './release/standing.ts';
import { type Checked, check } from './render/check.ts';
import { withConfigHashes } from './render/config-hash.ts';
import { withIgnored } from './render/ignored.ts';
import { readNews } from './render/news.ts';
import { type Rendered, renderPlain } from './render/plain.ts';
import type { Unsealer } from './render/sops/port.ts';
import { withVariables } from './render/substitute.ts';
import { unsealedFiles } from './render/unsealed.ts';
import type { Found, Turn } from './session.ts';
import { trustOf } from './source-request.ts';
import { requireSuccession, sourceKey } from './succession.ts';
import { describeProblem, groupOf, shortRevision } from './types.ts';

/** What is read: what of the source, and with which values. */
export interface Asked {
  readonly request: SourceRequest;
  readonly tip: SourceTip;
  readonly given: GivenValues;
}

/** What is wrong with a revision itself is not read again and again: only another revision or other settings help. */
export async function readOnce(turn: Turn, asked: Asked): Promise<Found> {
  const { session } = turn;
  const input = inputOf(turn.delivery, withGiven(asked.tip.revision, asked.given));
  if (session.unreadable?.input === input) throw session.unreadable.error;
  try {
    return await readRevision(turn, asked);
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

async function readRevision(turn: Turn, { request, tip, given }: Asked): Promise<Found> {
  const { delivery, session, world } = turn;
  const { revision } = tip;
  const snapshot = await world.sources.read(request, tip, await trustOf(turn));
  session.tipSigner = snapshot.signer;
  await requireSuccession(turn, request, tip);
  const unsealer = await world.unsealer(
    delivery.uid,
    identityOf(delivery),
    delivery.namespace,
    delivery.decryptionSecret,
  );
  const made = await makeByEngine(turn, snapshot, given, unsealer);
  const input = inputOf(delivery, withGiven(made?.key ?? snapshot.tree, given));
  const { found } = session;
  const { author, subject } = snapshot.commit;
  const named = {
    revision,
    author,
    subject,
    source: sourceKey(delivery),
    ...(tip.ref === undefined ? {} : { ref: tip.ref }),
  };
  if (found?.input === input && !found.isGuess) return { ...found, tip: { ...found.tip, ...named } };
  try {
    if (made?.rendered instanceof Error) throw made.rendered;
    const { desired, skipped, isGuess } = await renderAndCheck(
      turn,
      made === undefined ? await unsealed(turn, snapshot, unsealer) : snapshot,
      { made: made?.rendered, given },
      revision,
    );
    const render = renderHash(desired, skipped);
    return { tip: { input, render, ...named }, input, given: given.key, desired, skipped, isGuess };
  } catch (error) {
    noteUnreadable(turn, inputOf(delivery, withGiven(revision, given)), error, { input, render: '', ...named });
    throw error;
  }
}

/** Without keys nothing is read twice: what is encrypted is seen when it is parsed. */
async function unsealed({ delivery, session }: Turn, snapshot: Snapshot, unsealer: Unsealer): Promise<Snapshot> {
  if (delivery.decryptionSecret === undefined) return snapshot;
  return { ...snapshot, files: await unsealedFiles(snapshot.files, unsealer, session.parsed) };
}

/** The scope of a kind decides what an object is called, so a kind that is not served is asked for once more. */
async function renderAndCheck(
  { delivery, session, world }: Turn,
  snapshot: Snapshot,
  { made, given }: { made: Rendered | undefined; given: GivenValues },
  revision: string,
): Promise<Checked> {
  const scope = (apiVersion: string, kind: string) => world.kinds.find(apiVersion, kind)?.namespaced;
  const checkThese = (these: Rendered) => check(these, delivery.targetNamespace, scope, session.checked);
  // What is new is parsed and checked for itself first: the whole then only looks at how it fits together.
  const { variables } = given;
  if (made === undefined)
    await readNews(snapshot.files, session.parsed, world.manifests, delivery.namespace, (news) => {
      if (variables === undefined) checkThese(news);
    });
  const written = made ?? renderPlain(snapshot.files, session.parsed);
  const rendered =
    variables === undefined ? written : withVariables(written, variables, variablesKey(variables), session.substituted);
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
  const manifests = checked.desired.map(({ manifest }) => manifest);
  const problems = [
    ...limitProblems(checked.desired, world.limits(), namespace, agents),
    ...(kubeconfig === undefined ? childProblems(manifests, ownName(delivery), world.above) : []),
  ];
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

function listProblems(revision: string, problems: readonly string[]): string {
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  return `${shortRevision(revision)} has ${count}: ${inOneLine(problems)}`;
}
