import { type Json, textAt } from '../diff/json.ts';
import { isForbidden, LockstepError, messageOf } from '../sync/errors.ts';
import { type Limits, readLimits, unlimited } from '../sync/limits.ts';
import type { Log } from '../sync/ports.ts';
import type { KubeObject } from '../sync/types.ts';
import type { KubeHttp } from './kube/http.ts';
import { followOne, type Place } from './kube/watch-one.ts';

type Parse = (text: string) => Json[];

/** The limits of Deliveries, as one ConfigMap in the agent's own namespace holds them: a key each namespace, and `default`. */
export interface FollowedLimits {
  /** @throws LockstepError NotAllowed, ClusterUnavailable while they can't be read or understood: nothing is allowed by mistake */
  of(namespace: string): Limits;
  /** Resolves when they were read, or can't be. */
  readonly ready: Promise<void>;
  close(): void;
}

/**
 * @param place the ConfigMap
 * @param parse reads YAML
 * @param onChange called when other limits hold
 */
export function followLimits(
  http: KubeHttp,
  place: Place,
  parse: Parse,
  log: Log,
  onChange: () => void,
): FollowedLimits {
  const { name } = place;
  let known: ReadonlyMap<string, Limits | string> | undefined;
  let trouble: Error | undefined;
  const { promise: ready, resolve: settle } = Promise.withResolvers<void>();
  const take = (limits: ReadonlyMap<string, Limits | string>): void => {
    const isFirst = known === undefined && trouble === undefined;
    known = limits;
    settle();
    if (!isFirst) onChange();
  };
  const close = followOne(http, 'configmaps', place, {
    onState: (object) => take(object === undefined ? new Map() : limitsIn(object, parse, log)),
    onFailed: (error) => {
      trouble = error;
      settle();
      log.warn({ configMap: name, problem: error.message }, 'the limits can not be watched');
    },
  });
  return {
    of: (of) => {
      if (known === undefined) {
        const code = isForbidden(trouble) ? 'NotAllowed' : 'ClusterUnavailable';
        const why = trouble === undefined ? 'they are being read' : trouble.message;
        throw new LockstepError(code, `the limits in ConfigMap ${name} can not be read: ${why}`);
      }
      const limits = known.get(of) ?? known.get('default') ?? unlimited;
      if (typeof limits === 'string')
        throw new LockstepError('NotAllowed', `the limits in ConfigMap ${name} can not be understood: ${limits}`);
      return limits;
    },
    ready,
    close,
  };
}

/** What can't be understood allows nothing. */
function limitsIn(object: KubeObject, parse: Parse, log: Log): Map<string, Limits | string> {
  const data = object['data'] ?? {};
  const found = new Map<string, Limits | string>();
  for (const key of Object.keys(data as object)) {
    try {
      const [value = {}] = parse(textAt(data, key) ?? '');
      found.set(key, readLimits(value));
    } catch (error) {
      log.error({ key, problem: messageOf(error) }, 'limits can not be understood');
      found.set(key, `${key}: ${messageOf(error)}`);
    }
  }
  return found;
}
