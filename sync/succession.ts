import { hashText } from '../diff/hash.ts';
import { type Delivery, nameOf } from './delivery/delivery.ts';
import { LockstepError } from './errors.ts';
import type { SourceRequest, SourceTip } from './ports.ts';
import type { Tip } from './release/standing.ts';
import type { Turn } from './session.ts';
import { shortRevision } from './types.ts';

/** The repository and what is followed there: only of one and the same can a revision follow another. */
export function sourceKey({ url, ref }: Delivery): string {
  return hashText(`${url} ${ref}`);
}

/**
 * Looks whether a revision that was read follows the one before. Where the Delivery asks for that, one that does not needs a
 * person's word; otherwise it is told, and nobody waits for the answer.
 * @throws LockstepError HistoryRewritten, TagMoved
 */
export async function requireSuccession(turn: Turn, request: SourceRequest, tip: SourceTip): Promise<void> {
  const { delivery, session } = turn;
  const before = tipBefore(turn);
  // A commit that the spec names is wanted, whatever it follows.
  if (before === undefined || before.revision === tip.revision || request.followed.kind === 'commit') return;
  if (!delivery.requireFastForward) {
    if (before.ref === tip.ref) void tellBreak(turn, request, before, tip);
    return;
  }
  if (session.record.confirmed === tip.revision) return;
  const broken = await breakOf(turn, request, before, tip);
  if (broken === undefined) return;
  const word = `lockstep confirm ${delivery.name} -n ${delivery.namespace} --plan ${tip.revision}`;
  throw new LockstepError(broken.reason, `${broken.message}; to follow it all the same: ${word}`);
}

function tipBefore({ delivery, session }: Turn): Tip | undefined {
  const before = session.found?.tip ?? session.record.standing.tip;
  return before?.source === sourceKey(delivery) ? before : undefined;
}

interface Break {
  readonly reason: 'HistoryRewritten' | 'TagMoved';
  readonly message: string;
}

async function breakOf(
  { world }: Turn,
  request: SourceRequest,
  before: Tip,
  { revision, ref = 'the reference' }: SourceTip,
): Promise<Break | undefined> {
  const way = `from ${shortRevision(before.revision)} to ${shortRevision(revision)}`;
  if (ref.startsWith('refs/tags/') && before.ref === ref)
    return { reason: 'TagMoved', message: `the tag ${ref.slice('refs/tags/'.length)} was moved ${way}` };
  if (await world.sources.follows(request, revision, before.revision)) return undefined;
  return { reason: 'HistoryRewritten', message: `${ref} went ${way}, which does not follow it` };
}

/** Whether it can be told is nothing that a release depends on. */
async function tellBreak(turn: Turn, request: SourceRequest, before: Tip, tip: SourceTip): Promise<void> {
  const { delivery, world } = turn;
  try {
    const broken = await breakOf(turn, request, before, tip);
    if (broken === undefined) return;
    world.event('Warning', broken.reason, broken.message);
    world.log.warn(
      { delivery: nameOf(delivery), reason: broken.reason, problem: broken.message },
      'history was rewritten',
    );
  } catch (error) {
    world.log.debug({ delivery: nameOf(delivery), problem: String(error) }, 'the history can not be asked for');
  }
}
