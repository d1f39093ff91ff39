import { toJson } from '../diff/json.ts';
import { messageOf } from '../sync/errors.ts';
import type { Clock, Log } from '../sync/ports.ts';
import { type KubeObject, keyOf, refOf, titleOf } from '../sync/types.ts';
import type { KubeHttp } from './kube/http.ts';
import { maskText } from './mask.ts';

/** Writes Kubernetes Events on objects. */
export interface Events {
  write(object: KubeObject, type: 'Normal' | 'Warning', reason: string, message: string): void;
}

const longestMessage = 1_000;
const quietTime = 30_000;

/** Events never hold anything up: one that can't be written is logged. One that repeats at once is written once. */
export function createEvents(http: KubeHttp, clock: Clock, log: Log): Events {
  const last = new Map<string, { text: string; at: number }>();
  let count = 0;
  return {
    write: (object, type, reason, message) => {
      const key = object.metadata.uid ?? keyOf(refOf(object));
      // Events on what lives outside of namespaces are kept in this one.
      const { namespace = 'default', name } = object.metadata;
      const text = `${reason} ${message}`;
      const before = last.get(key);
      if (before?.text === text && clock.now() - before.at < quietTime) return;
      last.set(key, { text, at: clock.now() });
      count += 1;
      const time = new Date(clock.now()).toISOString();
      const body = {
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { name: `${name.slice(0, 200)}.${clock.now().toString(16)}${count.toString(16)}`, namespace },
        involvedObject: { ...refOf(object), uid: object.metadata.uid ?? '' },
        type,
        reason,
        message: maskText(message).slice(0, longestMessage),
        source: { component: 'lockstep' },
        firstTimestamp: time,
        lastTimestamp: time,
        count: 1,
      };
      const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/events`;
      http
        .request({ method: 'POST', path, body: toJson(body), contentType: 'application/json' })
        .catch((error: unknown) => {
          log.warn(
            { object: titleOf(refOf(object)), reason, problem: messageOf(error) },
            'an event can not be written',
          );
        });
    },
  };
}
