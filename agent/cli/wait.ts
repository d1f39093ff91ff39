import { numberAt, objectsAt, textAt } from '../../diff/json.ts';
import { condition } from '../../health/kinds/conditions.ts';
import { deliveryResource } from '../../sync/delivery/crd.ts';
import { parseDuration } from '../../sync/delivery/duration.ts';
import { isForbidden } from '../../sync/errors.ts';
import type { KubeObject } from '../../sync/types.ts';
import { isRevision } from '../../sync/types.ts';
import type { KubeHttp } from '../kube/http.ts';
import { collectionPath } from '../kube/paths.ts';
import { type CollectionEvent, follow } from '../kube/watch.ts';
import { printable } from '../printable.ts';
import { type Connected, parseConnected } from './arguments.ts';
import { connected, readDeliveryObject } from './connection.ts';
import { printJson } from './table.ts';

/** How a wait ended: 0 what was waited for is live, 1 in time it was not, 2 it failed. */
interface Outcome {
  readonly code: number;
  readonly message: string;
}

/**
 * `lockstep wait NAME [--revision COMMIT] [--timeout 10m]`: waits until a revision, or whatever Git says, is live and
 * healthy. Exit code 2 as soon as it is clear that it will not be: held, rolled back, rejected, superseded.
 */
export async function waitCommand(args: readonly string[]): Promise<number> {
  const options = { revision: { type: 'string' }, timeout: { type: 'string', default: '10m' } } as const;
  const given = parseConnected(args, ['NAME'], options);
  const { flags, namespace, isJson, words } = given;
  const [name = ''] = words;
  const revision = flags['revision'];
  if (revision !== undefined && !/^(sha256:)?[0-9a-f]{7,64}$/.test(revision))
    throw new Error(`--revision takes seven or more characters of a commit, not ${JSON.stringify(revision)}`);
  const asked = flags['timeout'] ?? '';
  if (!/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(asked))
    throw new Error(`--timeout takes a time such as 90s or 10m, not ${JSON.stringify(asked)}`);
  // A timer knows no more than 24 days.
  const timeout = Math.min(parseDuration(asked), 2 ** 31 - 1);
  return connected(flags['kubeconfig'], async (http) => {
    // Who names what is not there should not wait for it.
    const object = await readDeliveryObject(http, namespace, name);
    const { outcome, last } = await waitFor(http, given, object, revision, timeout);
    if (isJson) printJson(last);
    const text = printable(`${namespace}/${name}: ${outcome.message}\n`);
    if (outcome.code !== 0) process.stderr.write(`lockstep wait: ${text}`);
    else if (!isJson) process.stdout.write(text);
    return outcome.code;
  });
}

function waitFor(
  http: KubeHttp,
  { namespace }: Connected,
  object: KubeObject,
  revision: string | undefined,
  timeout: number,
): Promise<{ outcome: Outcome; last: KubeObject }> {
  const path = async (): Promise<string> => collectionPath(deliveryResource, namespace);
  const { name } = object.metadata;
  const seen: Seen = { last: object, trouble: undefined };
  return new Promise((resolve) => {
    const end = (outcome: Outcome): void => {
      clearTimeout(timer);
      close();
      resolve({ outcome, last: seen.last });
    };
    const timer = setTimeout(() => {
      const { last, trouble } = seen;
      const message = trouble ?? condition(last, 'Ready')?.message ?? 'not looked at yet';
      end({ code: 1, message: `after ${timeout / 1000} s: ${message}` });
    }, timeout);
    const close = follow(http, { path, fieldSelector: `metadata.name=${name}` }, (event) => {
      const outcome = see(seen, event, revision);
      if (outcome !== undefined) end(outcome);
    });
  });
}

/** What was seen of a Delivery while it is waited for. */
interface Seen {
  last: KubeObject;
  /** Why nothing is seen now. */
  trouble: string | undefined;
}

function see(seen: Seen, event: CollectionEvent, revision: string | undefined): Outcome | undefined {
  const gone: Outcome = { code: 2, message: 'was deleted' };
  switch (event.type) {
    case 'changed':
      seen.last = event.object;
      return outcomeOf(event.object, revision);
    case 'deleted':
      return gone;
    case 'synced':
      return event.uids.has(seen.last.metadata.uid ?? '') ? undefined : gone;
    case 'opened':
      seen.trouble = undefined;
      return undefined;
    case 'failed':
      seen.trouble = `it can not be watched: ${event.error.message}`;
      return isForbidden(event.error) ? { code: 1, message: seen.trouble } : undefined;
  }
}

/**
 * What a status says of a revision; undefined while that is open.
 * @param revision the first characters of a commit; undefined for what Git says
 */
export function outcomeOf(delivery: KubeObject, revision: string | undefined): Outcome | undefined {
  const seen = numberAt(delivery, 'status', 'observedGeneration') === numberAt(delivery, 'metadata', 'generation');
  const ready = condition(delivery, 'Ready');
  if (!seen || ready === undefined) return undefined;
  const text = (...path: string[]): string => textAt(delivery, 'status', ...path) ?? '';
  const isMeant = (found: string): boolean => found !== '' && isRevision(found, revision ?? '');
  const { message } = ready;
  const isAtTip = text('revision', 'tip') === text('revision', 'target');
  if (ready.status === 'True' && isMeant(text('revision', 'target')) && (revision !== undefined || isAtTip))
    return { code: 0, message };
  const isTipMeant = isMeant(text('revision', 'tip'));
  if (isTipMeant && (condition(delivery, 'Stalled')?.status === 'True' || text('state') === 'Held'))
    return { code: 2, message };
  const line = objectsAt(delivery, 'status', 'history').find((ended) => isMeant(textAt(ended, 'revision') ?? ''));
  const verdict = textAt(line, 'verdict');
  if (revision === undefined || isTipMeant || verdict === undefined) return undefined;
  // Somebody has it brought back: whether that succeeds is still open.
  const isComingBack = verdict === 'Good' && isMeant(text('revision', 'target'));
  if (isComingBack) return undefined;
  if (verdict === 'Good') return { code: 0, message: `was live and healthy; since then: ${message}` };
  return { code: 2, message: `${verdict}: ${textAt(line, 'cause') ?? text('revision', 'tip')}` };
}
