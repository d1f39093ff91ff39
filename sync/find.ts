import { delayAfter } from './back-off.ts';
import { locateChart } from './charts/located.ts';
import { nameOf } from './delivery/delivery.ts';
import { identityOf } from './delivery/target.ts';
import { LockstepError, messageOf } from './errors.ts';
import { type GivenValues, givenValues, type ReadValues, withLocated } from './given-values.ts';
import { isFoundBy } from './input.ts';
import { readOnce } from './revision.ts';
import type { Trouble, Turn } from './session.ts';
import { chartReach, sourceRequest } from './source-request.ts';

/** How long a turn waits for the source, in milliseconds. A slower answer brings a turn of its own. */
const patience = 500;
/** A source that fails is asked again after longer and longer, but never more seldom than one that does not. */
const failedPolls = { first: 5_000, longest: 60_000 };
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
  const maxAge = oldestAnswer(turn);
  // What may be older than now is asked for so much sooner the next time.
  const isNews = session.pollAt === 0;
  session.heardAt = undefined;
  session.pollAt = world.clock.now() + early(turn.delivery.interval) - (isNews ? 0 : maxAge);
  const polling = poll(turn, maxAge).finally(() => {
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

/**
 * How old an answer may be that another Delivery of the same repository got, in milliseconds: none that is older than the
 * news, and after trouble none at all. Where nothing is known of news, many Deliveries of one repository need not all ask.
 */
function oldestAnswer({ delivery, session, world }: Turn): number {
  if (session.sourceFailures > 0) return 0;
  if (session.pollAt === 0) return world.clock.steady() - (session.heardAt ?? world.clock.steady());
  return delivery.interval / 10;
}

async function poll(turn: Turn, maxAge: number): Promise<void> {
  try {
    await ask(turn, maxAge).catch((error: unknown) => {
      // What another Delivery was told a moment ago may be gone by now.
      if (maxAge === 0 || troubleOf(error).reason !== 'SourceUnreachable' || isOutdated(turn)) throw error;
      return ask(turn, 0);
    });
  } catch (error) {
    if (!isOutdated(turn)) noteTrouble(turn, error);
  }
}

/** The spec may change while the server is being asked: what comes back then answers a question of yesterday. */
function isOutdated({ delivery, session }: Turn): boolean {
  return session.generation !== delivery.generation;
}

async function ask(turn: Turn, maxAge: number): Promise<void> {
  const { session, world } = turn;
  const request = { ...(await sourceRequest(turn)), maxAge };
  const [tip, given] = await Promise.all([world.sources.tip(request), valuesOf(turn)]);
  if (isOutdated(turn)) return;
  session.tip = tip.revision;
  session.tipRef = tip.ref;
  const found = isStale(turn, tip.revision, given) ? await readOnce(turn, { request, tip, given }) : session.found;
  if (isOutdated(turn)) return;
  session.found = found;
  session.sourceTrouble = undefined;
  session.sourceFailedAt = undefined;
  session.sourceFailures = 0;
}

async function valuesOf(turn: Turn): Promise<GivenValues> {
  const { delivery, world } = turn;
  const { uid, namespace } = delivery;
  const read: ReadValues = (refs) => world.values(uid, identityOf(delivery), namespace, refs);
  const [given, located] = await Promise.all([givenValues(delivery, read), locateChart(delivery, chartReach(turn))]);
  // What plans are known by is shown: it must not tell who guesses what a Secret holds that the guess was right.
  const key = given.key === '' ? '' : await world.fingerprint(`values ${uid} ${given.key}`);
  return withLocated({ ...given, key }, located);
}

function noteTrouble(turn: Turn, error: unknown): void {
  const { delivery, session, world } = turn;
  const trouble = troubleOf(error);
  session.sourceFailedAt ??= world.clock.now();
  const isTold = !isMomentary(turn, trouble);
  if (isTold) session.sourceTrouble = trouble;
  // What is wrong may be what the Secret held before.
  session.credentials.clear();
  // Who said meanwhile that there is news is asked for at once all the same.
  session.sourceFailures += 1;
  const again = isTold ? delayAfter(session.sourceFailures, failedPolls) : grace.again;
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
function isStale({ delivery, session: { found } }: Turn, tip: string, given: GivenValues): boolean {
  if (found === undefined || found.isGuess || found.tip.revision !== tip || found.given !== given.key) return true;
  return !isFoundBy(delivery, found);
}

/** Whatever was thrown, as something that a status can show. */
export function troubleOf(error: unknown): Trouble {
  if (error instanceof LockstepError) return { reason: error.code, message: error.message, stalled: !error.retryable };
  return { reason: 'ClusterUnavailable', message: messageOf(error), stalled: false };
}
