import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { isObject, textAt } from '../../diff/json.ts';
import type { KubeObject } from '../../sync/types.ts';
import { until } from '../e2e/support/kube.ts';
import { type App, configMap, describeOnOwnCluster } from '../e2e/support/lockstep.ts';
import { createRandom } from './random.ts';
import { useFaultyWay } from './way.ts';

const { lockstep, way } = useFaultyWay(['faults-random'], ['--watch-silence', '2000']);

/** Steps of one walk. One that went wrong is walked again by its seed: LOCKSTEP_SEED=… npm test -- test/faults/random.test.ts */
const steps = 200;
const seed = Number(process.env['LOCKSTEP_SEED'] ?? Date.now() % 1_000_000);

/** What must be true at the end: what Git has, and what others have put beside it. */
interface Model {
  readonly git: Map<string, Record<string, string>>;
  readonly foreign: Map<string, Record<string, string>>;
  /** Of objects that nobody deleted, so that they must still be the same ones. */
  readonly uids: Map<string, string>;
  /** Names that left Git: they are not used again before they are gone. */
  readonly cooling: Set<string>;
  readonly strangers: Map<string, string>;
}

class Walk {
  readonly model: Model = {
    git: new Map(),
    foreign: new Map(),
    uids: new Map(),
    cooling: new Set(),
    strangers: new Map(),
  };
  readonly told: string[] = [];
  readonly disturbances = new Map<string, number>();
  readonly app: App;
  readonly random: () => number;
  constructor(app: App, random: () => number) {
    this.app = app;
    this.random = random;
  }

  upTo(count: number): number {
    return Math.floor(this.random() * count);
  }

  one<T>(items: readonly T[]): T | undefined {
    return items[this.upTo(items.length)];
  }

  push(name: string): void {
    const data = this.model.git.get(name);
    this.app.push({ [`${name}.yaml`]: data === undefined ? null : configMap(name, data) });
  }

  /** Somebody pushes: an object is made, changed or removed. The guard against mass deletion stays out of it. */
  async commit(): Promise<void> {
    const { git, cooling, foreign, uids } = this.model;
    const name = `m${this.upTo(9)}`;
    if (cooling.has(name)) return;
    const isRemoved = git.has(name) && git.size > 5 && this.random() < 0.3;
    if (isRemoved) {
      git.delete(name);
      foreign.delete(name);
      uids.delete(name);
      cooling.add(name);
    } else
      git.set(name, { [`k${this.upTo(4)}`]: String(this.upTo(100)), [`k${this.upTo(4)}`]: String(this.upTo(100)) });
    this.told.push(`${isRemoved ? 'remove' : 'write'} ${name}`);
    this.push(name);
  }

  /** Somebody changes what Git names. */
  async drift(): Promise<void> {
    const name = this.one([...this.model.git.keys()]);
    const key = name === undefined ? undefined : this.one(Object.keys(this.model.git.get(name) ?? {}));
    if (name === undefined || key === undefined) return;
    this.told.push(`drift ${name}.${key}`);
    const manager = this.one(['kubectl-edit', 'somebody']) ?? '';
    const value = this.random() < 0.2 ? null : 'drift';
    const ref = this.app.ref('v1', 'ConfigMap', name);
    // What Git names but nobody has released yet would be theirs, and a conflict that only a person can end.
    if (textAt(await lockstep.kube.get(ref), 'data', key) === undefined) return;
    const changed = await lockstep.kube.edit(ref, { data: { [key]: value } }, manager).catch(() => undefined);
    if (changed === undefined) return;
    await this.disturbed(name);
    // What a commit takes out before it is healed would be somebody's for good: that is another story.
    const wanted = this.model.git.get(name)?.[key];
    await until(
      `${name}.${key} is healed`,
      async () => textAt(await lockstep.kube.get(ref), 'data', key) === wanted,
      30_000,
    );
  }

  /** What drifts five times in a minute is left alone for a while: a sync asks for it again. */
  async disturbed(name: string): Promise<void> {
    const times = (this.disturbances.get(name) ?? 0) + 1;
    this.disturbances.set(name, times);
    if (times < 4) return;
    this.disturbances.clear();
    await this.app.request(`sync@${this.told.length}`);
  }

  /** Another controller keeps something of its own in an object of ours. */
  async mesh(): Promise<void> {
    const name = this.one([...this.model.git.keys()]);
    if (name === undefined) return;
    const put = { [`f${this.upTo(3)}`]: String(this.upTo(100)) };
    const live = await lockstep.kube
      .edit(this.app.ref('v1', 'ConfigMap', name), { data: put }, 'mesh')
      .catch(() => undefined);
    if (live === undefined) return;
    this.told.push(`mesh ${name} ${JSON.stringify(put)}`);
    this.model.foreign.set(name, { ...this.model.foreign.get(name), ...put });
  }

  async remove(): Promise<void> {
    const name = this.one([...this.model.git.keys()]);
    if (name === undefined) return;
    this.told.push(`delete ${name}`);
    await lockstep.kube.delete(this.app.ref('v1', 'ConfigMap', name)).catch(() => undefined);
    this.model.foreign.delete(name);
    this.model.uids.delete(name);
    await this.disturbed(name);
  }

  /** An object that has nothing to do with us. */
  async stranger(): Promise<void> {
    const name = `s${this.upTo(4)}`;
    const value = String(this.upTo(100));
    const metadata = { name, namespace: this.app.namespace };
    await lockstep.kube.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { of: value } }, 'stranger');
    this.model.strangers.set(name, value);
    this.told.push(`stranger ${name}`);
  }

  /** Nothing passes for a moment, and all that was open is cut. */
  async disconnect(): Promise<void> {
    this.told.push('disconnect');
    way.fault = (_incoming, outgoing) => {
      outgoing.destroy();
      return true;
    };
    await sleep(100 + this.upTo(400));
    way.fault = (incoming, outgoing) => {
      if (incoming.url?.includes('watch=true')) setTimeout(() => outgoing.destroy(), 700 + this.upTo(1_000));
      return undefined;
    };
  }

  /** All is as Git says, and nothing else was touched. */
  async settle(): Promise<void> {
    way.fault = () => undefined;
    const { git, foreign, uids, cooling, strangers } = this.model;
    await this.app.ready(60_000);
    for (const [name, data] of git) {
      const wanted = { ...data, ...foreign.get(name) };
      const live = await until(
        `${name} is ${JSON.stringify(wanted)}`,
        async () => {
          const object = await this.app.get('v1', 'ConfigMap', name);
          return isSame(object, wanted) ? object : undefined;
        },
        30_000,
      ).catch(async (error: Error) => {
        throw new Error(
          `${error.message}, and not ${JSON.stringify((await this.app.get('v1', 'ConfigMap', name))?.['data'])}`,
        );
      });
      const uid = live.metadata.uid ?? '';
      expect(uids.get(name) ?? uid, `${name} is the same object`).toBe(uid);
      uids.set(name, uid);
    }
    for (const name of cooling)
      await until(`${name} is gone`, async () => (await this.app.get('v1', 'ConfigMap', name)) === undefined);
    cooling.clear();
    for (const [name, value] of strangers)
      expect(textAt(await this.app.get('v1', 'ConfigMap', name), 'data', 'of')).toBe(value);
  }
}

function isSame(object: KubeObject | undefined, wanted: Record<string, string>): boolean {
  const data = object?.['data'];
  if (!isObject(data)) return false;
  const keys = Object.keys(wanted);
  return keys.length === Object.keys(data).length && keys.every((key) => data[key] === wanted[key]);
}

describeOnOwnCluster('whatever happens', () => {
  it(`live becomes what Git says, nothing foreign is touched and nothing is lost (seed ${seed})`, {
    timeout: 400_000,
  }, async () => {
    const app = await lockstep.app('faults-random', {});
    const walk = new Walk(app, createRandom(seed).next);
    for (let index = 0; index < 6; index += 1) walk.model.git.set(`m${index}`, { k0: '0' });
    app.push(Object.fromEntries([...walk.model.git].map(([name, data]) => [`${name}.yaml`, configMap(name, data)])));
    await walk.settle();
    const kinds = [
      'commit',
      'commit',
      'commit',
      'drift',
      'drift',
      'mesh',
      'mesh',
      'remove',
      'stranger',
      'disconnect',
    ] as const;
    try {
      for (let step = 1; step <= steps; step += 1) {
        await walk[walk.one(kinds) ?? 'commit']();
        await sleep(walk.upTo(120));
        if (step % 25 === 0) await walk.settle();
      }
    } catch (error) {
      const status = JSON.stringify((await app.status())['status']);
      throw new Error(`seed ${seed}: ${String(error)}\n${walk.told.slice(-40).join('\n')}\n${status}`, {
        cause: error,
      });
    }
  });
});
