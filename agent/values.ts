import { at, isObject, type Json } from '../diff/json.ts';
import { isForbidden, LockstepError, messageOf } from '../sync/errors.ts';
import type { Cluster, WatchEvent, Watches } from '../sync/ports.ts';
import { type ValueRef, type Values, valueTitle } from '../sync/render/values.ts';
import type { KubeObject } from '../sync/types.ts';
import { forgetSecretsOf, isSecretText, registerSecretsOf } from './mask.ts';

/** ConfigMaps and Secrets with values for manifests, followed for as long as a Delivery names them. */
export interface FollowedValues {
  /** Nothing is followed any more. */
  close(): void;
  /**
   * What they hold now, in the order in which they are named; undefined for one that is not there and need not be.
   * @param identity the account that reads them
   * @throws LockstepError ValuesNotFound
   */
  of(
    uid: string,
    identity: string,
    namespace: string,
    refs: readonly ValueRef[],
  ): Promise<readonly (Values | undefined)[]>;
  forget(uid: string): void;
}

/** Reads YAML. */
type Parse = (text: string) => Json[];

interface Followed {
  readonly identity: string;
  readonly ready: Promise<void>;
  /** Undefined when it does not exist. */
  values: Values | undefined;
  /** Why nobody knows. */
  trouble: Error | undefined;
  close(): void;
}

/** @param onChange told when something that a Delivery names has changed */
export function followValues(watches: Watches, parseYaml: Parse, onChange: (uid: string) => void): FollowedValues {
  const byUid = new Map<string, Map<string, Followed>>();

  function open(uid: string, identity: string, namespace: string, ref: ValueRef): Followed {
    const { promise: ready, resolve } = Promise.withResolvers<void>();
    let isReady = false;
    const settle = (): void => {
      if (isReady) onChange(uid);
      isReady = true;
      resolve();
    };
    const followed: Followed = { identity, ready, values: undefined, trouble: undefined, close: () => undefined };
    const target = { identity, apiVersion: 'v1', kind: ref.kind, namespace, fields: `metadata.name=${ref.name}` };
    const owner = `values ${uid} ${ref.name}`;
    const close = watches.open(target, (event) => {
      note(event, ref, followed);
      if (ref.kind === 'Secret') registerSecretsOf(owner, secretsIn(followed.values, parseYaml));
      // What is there is told before the list has ended: only then it is known whether all was told.
      if (event.type === 'synced' || event.type === 'failed' || isReady) settle();
    });
    followed.close = () => {
      close();
      // Whoever waits for it waits no longer.
      followed.trouble = new Error('it is followed no longer');
      resolve();
      forgetSecretsOf(owner);
    };
    return followed;
  }

  return {
    of: async (uid, identity, namespace, refs) => {
      const known = byUid.get(uid) ?? new Map<string, Followed>();
      byUid.set(uid, known);
      const wanted = new Set(refs.map(valueTitle));
      for (const [title, followed] of known) {
        if (wanted.has(title) && followed.identity === identity) continue;
        followed.close();
        known.delete(title);
      }
      for (const ref of refs)
        if (!known.has(valueTitle(ref))) known.set(valueTitle(ref), open(uid, identity, namespace, ref));
      const followed = refs.map((ref) => known.get(valueTitle(ref)));
      await Promise.all(followed.map((one) => one?.ready));
      return refs.map((ref, index) => required(ref, namespace, followed[index]));
    },
    close: () => {
      for (const known of byUid.values()) for (const followed of known.values()) followed.close();
      byUid.clear();
    },
    forget: (uid) => {
      for (const followed of byUid.get(uid)?.values() ?? []) followed.close();
      byUid.delete(uid);
    },
  };
}

/** What a watch says of one. */
function note(event: WatchEvent, { kind }: ValueRef, followed: Followed): void {
  if (event.type === 'failed') followed.trouble = event.error;
  if (event.type === 'changed') followed.values = valuesIn({ ...event.object, kind });
  const isGone = event.type === 'deleted' || (event.type === 'synced' && event.present.size === 0);
  if (isGone) followed.values = undefined;
  // A watch that is open again goes on where it was.
  if (event.type !== 'failed') followed.trouble = undefined;
}

/**
 * Reads them once, as the identity that the cluster stands for.
 * @throws LockstepError ValuesNotFound; ApiError
 */
export async function readValues(
  cluster: Cluster,
  namespace: string,
  refs: readonly ValueRef[],
): Promise<readonly (Values | undefined)[]> {
  return Promise.all(
    refs.map(async (ref) => {
      const object = await cluster.get({ apiVersion: 'v1', kind: ref.kind, namespace, name: ref.name });
      const values = object === undefined ? undefined : valuesIn({ ...object, kind: ref.kind });
      return required(ref, namespace, { values, trouble: undefined });
    }),
  );
}

/** @throws LockstepError ValuesNotFound */
function required(
  ref: ValueRef,
  namespace: string,
  followed: Pick<Followed, 'values' | 'trouble'> | undefined,
): Values | undefined {
  const title = `${ref.kind} ${namespace}/${ref.name}`;
  if (followed?.trouble !== undefined) {
    const why = isForbidden(followed.trouble) ? 'the service account may not watch it' : messageOf(followed.trouble);
    throw new LockstepError('ValuesNotFound', `the ${title} can not be read: ${why}`);
  }
  if (followed?.values === undefined && !ref.optional)
    throw new LockstepError('ValuesNotFound', `the ${title} does not exist`);
  return followed?.values;
}

/** A value may be a whole file of values: its parts are secrets too, when somebody quotes one. */
function secretsIn(values: Values | undefined, parseYaml: Parse): string[] {
  return [...(values?.values() ?? [])].flatMap((text) => [text, ...partsOf(text, parseYaml)]).filter(isSecretText);
}

function partsOf(text: string, parseYaml: Parse): string[] {
  try {
    return parseYaml(text).flatMap(textsIn);
  } catch {
    return [];
  }
}

function textsIn(value: Json): string[] {
  if (typeof value === 'string') return [value];
  if (Array.isArray(value)) return value.flatMap(textsIn);
  return isObject(value) ? Object.values(value).flatMap((inner) => textsIn(inner ?? null)) : [];
}

function valuesIn(object: KubeObject): Values {
  const data = at(object, 'data');
  const entries = Object.entries(isObject(data) ? data : {}).flatMap(([key, value]): [string, string][] =>
    typeof value === 'string' ? [[key, object.kind === 'Secret' ? decoded(value) : value]] : [],
  );
  return new Map(entries);
}

function decoded(value: string): string {
  return Buffer.from(value, 'base64').toString('utf8');
}
