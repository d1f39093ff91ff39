import { identityOf } from '../delivery/delivery.ts';
import type { Turn } from '../session.ts';
import type { LogTail } from './record.ts';

const lines = 20;
const mostCharacters = 8_000;
/** A log that takes longer is not waited for: bringing good back is more urgent. Milliseconds. */
const patience = 400;

/**
 * Reads what the container that failed a release wrote last, as the Delivery's account: once good is back, its pod is
 * gone. It is kept in the record only, and never shown in a status, an event or a log of ours.
 */
export async function readTail({ delivery, session, world }: Turn): Promise<LogTail | undefined> {
  const { failing } = session;
  const { target } = session.record.standing;
  session.failing = undefined;
  if (failing === undefined || target === undefined) return undefined;
  const { pod, container, previous } = failing;
  const { logs } = world.cluster(identityOf(delivery));
  const current = () => logs(pod, container, { lines, previous: false });
  const read = (previous ? logs(pod, container, { lines, previous }).catch(current) : current()).catch(() => undefined);
  const text = await Promise.race([read, world.clock.sleep(patience).then(() => undefined)]);
  if (text === undefined || text === '') return undefined;
  return { sequence: target.sequence, pod, container, text: text.slice(-mostCharacters) };
}
