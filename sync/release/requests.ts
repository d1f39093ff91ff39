import type { Request } from '../delivery/delivery.ts';
import { lookAtSource, rejectedTip, type Turn } from '../session.ts';
import { shortRevision } from '../types.ts';
import { move } from './drive.ts';
import type { GoodRelease, ReleaseRecord } from './record.ts';
import { saveRecord } from './save.ts';
import { type Cause, isCalled } from './standing.ts';
import { heldFor } from './state.ts';

/** The most characters of a request. */
const longest = 1_000;

/** What a request came to: nothing more to say, or why it can't be done and what could. */
type Answer = string | undefined;

const verbs: Readonly<Record<string, (turn: Turn, request: Request) => Promise<Answer>>> = {
  sync,
  confirm,
  approve,
  retry,
  accept,
  rollback,
  suspend: (turn) => pause(turn, true),
  resume: (turn) => pause(turn, false),
};

/**
 * Does what a person asks for by the annotation `lockstep.dev/request`.
 * @returns why it can't be done, in words that say what could; undefined when it was done
 */
export async function carryOut(turn: Turn, request: Request): Promise<Cause | undefined> {
  const verb = Object.hasOwn(verbs, request.verb) ? verbs[request.verb] : undefined;
  if (request.text.length > longest)
    return { reason: 'RequestUnknown', message: `a request has at most ${longest} characters` };
  if (verb === undefined) {
    const known = Object.keys(verbs).join(', ');
    return { reason: 'RequestUnknown', message: `a request is VERB@ID, and this version knows ${known}` };
  }
  const message = await verb(turn, request);
  return message === undefined ? undefined : { reason: 'RequestRefused', message };
}

/**
 * Everything is looked at now. With a plan, exactly that one is carried out or none: where the tip is released by itself,
 * that has happened already.
 */
async function sync({ delivery, session }: Turn, { plan }: Request): Promise<Answer> {
  const { record } = session;
  const waits = delivery.mode === 'manual' || delivery.windows.length > 0;
  if (plan !== undefined && !waits)
    return record.planHash === plan
      ? undefined
      : `what was released last is the plan ${record.planHash ?? 'none'}, not ${plan}; spec.sync.mode is auto`;
  session.syncAsked = waits ? { plan } : undefined;
  session.weighed = undefined;
  session.healAsked = !delivery.selfHeal;
  session.heals.clear();
  return undefined;
}

/**
 * A plan may delete what is protected, and more than half: that which waits for it, or that which was released last. Or a
 * revision may be followed that does not follow the one before. The word is kept with the record, so that no restart asks for it again, and holds for no other plan.
 */
async function confirm(turn: Turn, { plan }: Request): Promise<Answer> {
  const { session, world } = turn;
  if (plan === undefined) return 'confirm needs a plan: confirm@<id> plan=<hash>';
  await keep(turn, { confirmed: plan });
  session.weighed = undefined;
  // It may be the word that a rewritten history waits for.
  session.unreadable = undefined;
  lookAtSource(session, world.clock.steady());
  return undefined;
}

/** A plan may be carried out, and no other. Kept with the record, as what is confirmed is. */
async function approve(turn: Turn, { plan, by }: Request): Promise<Answer> {
  const { delivery, session } = turn;
  if (plan === undefined || by === undefined)
    return 'approve needs a plan and a name: approve@<id> plan=<hash> by=<who>';
  if (delivery.approval === 'none') return 'spec.sync.approval is none: no plan waits for an approval';
  await keep(turn, { approved: { plan, by } });
  session.weighed = undefined;
  return undefined;
}

/** What a person said is stored before it holds: it is acknowledged by that. */
async function keep(turn: Turn, said: Partial<ReleaseRecord>): Promise<void> {
  const record = { ...turn.session.record, ...said };
  await saveRecord(turn, record);
  turn.session.record = record;
}

/** What can't even be understood is not released by anybody's word; and what was held before it stays so. */
function unreadableTip({ session }: Turn): Answer {
  const rejected = rejectedTip(session);
  return rejected === undefined ? undefined : `what Git says now is wrong: ${rejected.cause.message}`;
}

async function retry(turn: Turn): Promise<Answer> {
  const problem = unreadableTip(turn);
  if (problem !== undefined) return problem;
  if (await move(turn, { type: 'retry' })) return releaseNow(turn);
  return `nothing is held back: the state is ${turn.session.record.standing.state}`;
}

async function accept(turn: Turn, { by }: Request): Promise<Answer> {
  const { session } = turn;
  const { standing } = session.record;
  if (by === undefined) return 'accept needs a name: accept@<id> by=<who>';
  if (standing.state === 'Paused' && (await move(turn, { type: 'accept', by }))) return undefined;
  const problem = unreadableTip(turn);
  if (problem !== undefined) return problem;
  if (heldFor(standing, standing.tip) === undefined)
    return 'what Git says now is not held, so there is nothing to accept';
  if (await move(turn, { type: 'accept', by })) return releaseNow(turn);
  return `nothing can be accepted while the state is ${standing.state}`;
}

/** What a person lets go is asked for by that. */
function releaseNow({ session }: Turn): undefined {
  session.weighed = undefined;
  session.syncAsked = { plan: undefined };
}

async function rollback(turn: Turn, { by = 'somebody', to }: Request): Promise<Answer> {
  const { record } = turn.session;
  const { standing } = record;
  const good = to === undefined ? goodBefore(record) : record.goods.find(({ release }) => isCalled(release, to));
  if (good === undefined) return `${to ?? 'a good release before this one'} is not recorded; ${recorded(record)}`;
  if (good.release.sequence === standing.target?.sequence && standing.state !== 'Degraded')
    return `release ${good.release.sequence} is what the cluster is driven to already; ${recorded(record)}`;
  if (await move(turn, { type: 'rollback', to: good.release, by })) return undefined;
  return `nothing can be rolled back while the state is ${standing.state}`;
}

/** The last good release before the one that runs, held ones left out. */
function goodBefore({ goods, standing }: ReleaseRecord): GoodRelease | undefined {
  const running = standing.target?.sequence ?? 0;
  const isFailing = standing.bad !== undefined || standing.target?.sequence !== standing.good?.sequence;
  const candidates = goods.filter(
    ({ release }) =>
      (isFailing ? release.sequence <= running : release.sequence < running) && !heldFor(standing, release),
  );
  return candidates.sort((a, b) => b.release.sequence - a.release.sequence)[0];
}

function recorded({ goods }: ReleaseRecord): string {
  const names = goods.map(({ release }) => `${release.sequence} (${shortRevision(release.revision)})`);
  return names.length === 0 ? 'no release was good yet' : `recorded are ${names.join(', ')}`;
}

async function pause(turn: Turn, isSuspended: boolean): Promise<Answer> {
  const { delivery, session } = turn;
  if (delivery.suspended && !isSuspended) return 'spec.suspend is true: set it to false';
  if (!isSuspended && session.record.standing.state === 'Paused' && (await move(turn, { type: 'resume' })))
    return undefined;
  if (session.record.isSuspended === isSuspended) return undefined;
  await keep(turn, { isSuspended });
  return undefined;
}
