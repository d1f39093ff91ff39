import { ApiError, LockstepError, messageOf } from '../sync/errors.ts';
import type { Clock, Log, Records } from '../sync/ports.ts';
import { isUnderWay, offsetOf, shiftedBy } from '../sync/release/record.ts';
import { newSession, type Session } from '../sync/session.ts';
import type { KubeObject } from '../sync/types.ts';
import { statusIn } from './delivery-writer.ts';
import type { Events } from './events.ts';

/** What knowing a Delivery from before needs. */
export interface SessionDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly records: Records;
  readonly events: Events;
  /** For how many milliseconds nothing could go on before this agent led. */
  readonly outage: number;
}

/** What is known of a Delivery from before. A record that can't be used is told, and begun anew: nothing is deleted. */
export type OpenSession = (delivery: KubeObject) => Promise<Session>;

export function openSessions({ clock, log, records, events, outage }: SessionDeps): OpenSession {
  /** Deliveries that were opened once: the time that the API server was away counts for each no more than that. */
  const opened = new Set<string>();

  return async (object) => {
    const uid = object.metadata.uid ?? '';
    const { record, problem } = await records.load(uid).catch((error: unknown) => {
      if (!(error instanceof ApiError) && !(error instanceof LockstepError))
        events.write(object, 'Warning', 'RecordUnusable', `${messageOf(error)}; nothing is done until it can be used`);
      throw error;
    });
    // Numbers go on from what the status tells, so that no stamp on an object is ever taken for a later one.
    const sequence = Math.max(record.sequence, statusIn(object).sequence ?? 0);
    if (problem !== undefined) {
      log.error({ delivery: uid, problem }, 'the release record can not be used');
      events.write(object, 'Warning', 'RecordUnusable', `${problem}; nothing is deleted because of it`);
    }
    // What nobody could do while the API server was not there counts against no release.
    const away = isUnderWay(record) && !opened.has(uid) ? outage : 0;
    opened.add(uid);
    const clocks = shiftedBy(record.clocks, away - offsetOf(clock));
    return { ...newSession({ ...record, sequence, clocks }), unsaved: away > 0 };
  };
}
