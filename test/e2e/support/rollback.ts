import { appendFileSync } from 'node:fs';
import { expect } from 'vitest';
import { objectsAt, textAt } from '../../../diff/json.ts';
import { withoutNoise } from '../../../diff/normalize.ts';
import { condition } from '../../../health/kinds/conditions.ts';
import { stampNames } from '../../../sync/stamp.ts';
import type { KubeObject, ObjectRef } from '../../../sync/types.ts';
import { until } from './kube.ts';
import type { App, Lockstep } from './lockstep.ts';

/** What a good revision looks like in the cluster: each object whole, but for what the server counts. */
export type Picture = ReadonlyMap<string, object | undefined>;

const title = (ref: ObjectRef): string => `${ref.kind} ${ref.name}`;

/** Looks at objects, so that they can be compared later. */
export async function picture(lockstep: Lockstep, refs: readonly ObjectRef[]): Promise<Picture> {
  const seen = await Promise.all(
    refs.map(async (ref) => {
      const object = await lockstep.kube.get(ref);
      const plain =
        object === undefined ? undefined : { ...withoutNoise(object, stampNames), uid: object.metadata.uid };
      return [title(ref), plain] as const;
    }),
  );
  return new Map(seen);
}

/** Waits until the pushed revision is held; answers the status. How long that took is noted where LOCKSTEP_TIMES says. */
export async function held(app: App, reason = 'RolledBack', timeout = 60_000): Promise<KubeObject> {
  const status = await untilHeld(app, reason, timeout);
  const notes = process.env['LOCKSTEP_TIMES'];
  if (notes !== undefined)
    appendFileSync(notes, `${app.namespace}: held ${Date.now() - app.pushedAt} ms after its push\n`);
  return status;
}

function untilHeld(app: App, reason: string, timeout: number): Promise<KubeObject> {
  return until(
    `${app.namespace} is Held for ${reason}`,
    async () => {
      const object = await app.status();
      const isHeld = textAt(object, 'status', 'state') === 'Held' && condition(object, 'Ready')?.reason === reason;
      return isHeld && textAt(object, 'status', 'revision', 'tip') === app.revision ? object : undefined;
    },
    timeout,
  ).catch(async (error: Error) => {
    throw new Error(`${error.message}: ${JSON.stringify((await app.status())['status'], null, 1)}`);
  });
}

/** What the status says of why the pushed revision is held. */
export function holdMessage(status: KubeObject): string {
  return textAt(status, 'status', 'hold', 'message') ?? '';
}

/** Every object is as it was, and the same one; the status says so, and names the good revision as the target. */
export async function expectBack(
  lockstep: Lockstep,
  app: App,
  before: Picture,
  refs: readonly ObjectRef[],
  good: string,
): Promise<void> {
  expect(Object.fromEntries(await picture(lockstep, refs))).toEqual(Object.fromEntries(before));
  const status = await app.status();
  expect(textAt(status, 'status', 'revision', 'target')).toBe(good);
  expect(textAt(status, 'status', 'revision', 'good')).toBe(good);
  expect(objectsAt(status, 'status', 'history')[0]).toMatchObject({ revision: app.revision, verdict: 'RolledBack' });
}
