import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { textAt, toJson } from '../../diff/json.ts';
import type { KubeObject } from '../../sync/types.ts';
import { readAudit, writes } from './support/audit.ts';
import { agentNamespace, deliveryOf, deliveryRef, makeNamespace } from './support/furnish.ts';
import { gone, until } from './support/kube.ts';
import { type App, configMap, useLockstep } from './support/lockstep.ts';

const names = [
  'kids-order',
  'kids-prune',
  'kids-limits',
  'kids-free',
  'kids-cycle',
  'kids-many',
  'kids-self',
  'kids-hand',
];
// Limits of its own: a change of those that all agents share has every source asked.
const limitsName = 'limits-of-kids';
const lockstep = useLockstep(names, { flags: ['--limits', limitsName] });

/** A Delivery as a file of a repository. */
function child(
  namespace: string,
  name: string,
  url: string,
  more: { spec?: object; annotations?: object } = {},
): string {
  const whole = deliveryOf(namespace, name, url, more.spec as Record<string, object>);
  const metadata = { ...whole.metadata, ...(more.annotations === undefined ? {} : { annotations: more.annotations }) };
  return toJson({ ...whole, metadata } as KubeObject);
}

const mapIn = (namespace: string, name: string) =>
  lockstep.kube.get({ apiVersion: 'v1', kind: 'ConfigMap', namespace, name });
const messageOf = async (namespace: string, name: string): Promise<string> =>
  JSON.stringify((await lockstep.kube.get(deliveryRef(namespace, name)))?.['status'] ?? {});

/** A repository with one ConfigMap. */
function repository(name: string, map: string): string {
  const made = lockstep.git.repository(`${name}.git`);
  made.commit({ 'map.yaml': configMap(map, { a: '1' }) });
  return made.url;
}

describe('a Delivery of Deliveries', () => {
  it('delivers them in waves: the next one begins when what the ones before deliver is well', async () => {
    const namespace = 'kids-order';
    const first = child(namespace, 'first', repository('order-first', 'first'), {
      annotations: { 'lockstep.dev/wave': '1' },
    });
    const second = child(namespace, 'second', repository('order-second', 'second'), {
      annotations: { 'lockstep.dev/wave': '2' },
    });
    const app = await lockstep.app(namespace, { 'first.json': first, 'second.json': second });
    await app.ready(60_000);
    expect([await mapIn(namespace, 'first'), await mapIn(namespace, 'second')]).not.toContain(undefined);
    const made = writes(readAudit(inject('auditLog'), lockstep.began)).filter(
      ({ namespace: where, verb }) => where === namespace && verb !== 'delete',
    );
    const at = (resource: string, name: string): number =>
      made.findIndex((one) => one.resource === resource && one.name === name);
    expect(at('configmaps', 'first')).toBeGreaterThan(at('deliveries', 'first'));
    expect(at('deliveries', 'second')).toBeGreaterThan(at('configmaps', 'first'));
    await app.remove(60_000);
    expect([await mapIn(namespace, 'first'), await mapIn(namespace, 'second')]).toEqual([undefined, undefined]);
    expect(await lockstep.kube.get(deliveryRef(namespace, 'first'))).toBeUndefined();
  });

  it('deletes none because a line left Git, until somebody confirms it', async () => {
    const namespace = 'kids-prune';
    const files = {
      'one.json': child(namespace, 'one', repository('prune-one', 'one')),
      'two.json': child(namespace, 'two', repository('prune-two', 'two')),
      'map.yaml': configMap('stays', { a: '1' }),
    };
    const app = await lockstep.app(namespace, files);
    await app.ready(60_000);
    app.push({ 'two.json': null });
    await app.ready(60_000);
    expect(await mapIn(namespace, 'two')).toBeDefined();
    await app.request(`confirm@1 plan=${textAt(await app.status(), 'status', 'plan')}`);
    await until('it is gone with what it has', async () => (await mapIn(namespace, 'two')) === undefined, 60_000);
    await gone(lockstep.kube, deliveryRef(namespace, 'two'), 20_000);
    await app.remove(60_000);
  });
});

describe('a Delivery in a repository may do no more than the one that holds it (T6)', () => {
  const limits = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: limitsName, namespace: agentNamespace },
  };
  let url: string;
  beforeAll(async () => {
    url = repository('limits-map', 'made');
    const own = `sources: ["${new URL(url).origin}/*"]\nnamespaces: [".", "kids-free"]\nkinds: {deny: ["/ConfigMap"]}\n`;
    await lockstep.kube.apply({ ...limits, data: { 'kids-limits': own } });
  });
  afterAll(() =>
    lockstep.kube.delete({ apiVersion: 'v1', kind: 'ConfigMap', namespace: agentNamespace, name: limitsName }),
  );

  it('also where it lives in a namespace that may do more', async () => {
    await makeNamespace(lockstep.kube, 'kids-free');
    const free = await lockstep.app('kids-free', { 'a.yaml': configMap('a', { a: '1' }) });
    await free.ready();
    const app = await lockstep.app('kids-limits', { 'kid.json': child('kids-free', 'kid', url) });
    await until('it is refused', async () => (await messageOf('kids-free', 'kid')).includes('one of which is above'));
    expect(await mapIn('kids-free', 'made')).toBeUndefined();
    app.push({ 'kid.json': child('kids-free', 'kid', 'https://elsewhere.example.com/x.git') });
    await until('its source is refused', async () =>
      (await messageOf('kids-free', 'kid')).includes('the source https://elsewhere.example.com/x.git is not allowed'),
    );
    await lockstep.kube.delete(deliveryRef('kids-limits', 'app'));
    await gone(lockstep.kube, deliveryRef('kids-free', 'kid'), 60_000);
  });

  it('and not hold the one that holds it: that is told, and both stay as they are', async () => {
    const namespace = 'kids-cycle';
    const inner = lockstep.git.repository('cycle-inner.git');
    inner.commit({ 'map.yaml': configMap('inner', { a: '1' }) });
    const app = await lockstep.app(namespace, { 'inner.json': child(namespace, 'inner', inner.url) });
    await app.ready(60_000);
    inner.commit({ 'outer.json': child(namespace, 'app', app.repository.url) });
    await until('it is told', async () =>
      (await messageOf(namespace, 'inner')).includes('Deliveries would hold each other'),
    );
    expect(await mapIn(namespace, 'inner')).toBeDefined();
    await app.remove(60_000);
  });

  it('and takes over none that somebody has made by hand, unless that is said', async () => {
    const namespace = 'kids-hand';
    await makeNamespace(lockstep.kube, namespace);
    const [own, other] = [repository('hand-own', 'own'), repository('hand-other', 'other')];
    await lockstep.kube.apply(deliveryOf(namespace, 'infra', own, { suspend: true }));
    const app = await lockstep.app(namespace, { 'infra.json': child(namespace, 'infra', other) });
    expect(await app.refused('ForeignOwner')).toMatch(
      'Delivery kids-hand/infra belongs to whoever has made it by hand',
    );
    const url = async () => textAt(await lockstep.kube.get(deliveryRef(namespace, 'infra')), 'spec', 'source', 'url');
    expect(await url()).toBe(own);
    app.push({ 'infra.json': child(namespace, 'infra', other, { annotations: { 'lockstep.dev/adopt': 'true' } }) });
    await until('it is taken over', async () => (await url()) === other);
    await app.remove(60_000);
  });

  it('and there are no more than 500 in one', async () => {
    const many = Array.from({ length: 10_000 }, (_one, index) => child('kids-many', `kid-${index}`, 'https://h/r.git'));
    const app: App = await lockstep.app('kids-many', { 'many.json': `[${many.join(',')}]` });
    expect(await app.refused('NotAllowed', 60_000)).toMatch('there are 10000 Deliveries, and 500 are allowed in one');
    expect(app.writes(0).filter(({ resource }) => resource === 'deliveries')).toEqual([]);
    await app.remove();
  });
});

describe('a Delivery in its own repository', () => {
  it('manages itself where that is said, and still can be deleted', async () => {
    const namespace = 'kids-self';
    const app = await lockstep.app(namespace, { 'a.yaml': configMap('a', { a: '1' }) });
    await app.ready();
    const self = (spec: object, annotations: object = {}) =>
      child(namespace, 'app', app.repository.url, { spec, annotations });
    app.push({ 'self.json': self({ history: 7 }) });
    expect(await app.refused('NotAllowed')).toMatch(
      'is this Delivery itself; the annotation lockstep.dev/self: managed allows that',
    );
    app.push({ 'self.json': self({ history: 7, sync: { adopt: true } }, { 'lockstep.dev/self': 'managed' }) });
    await until('it has changed itself', async () => {
      const spec = (await lockstep.kube.get(deliveryRef(namespace, 'app')))?.['spec'];
      return textAt(spec, 'source', 'url') === app.repository.url && JSON.stringify(spec).includes('"history":7');
    });
    await app.ready(60_000);
    await app.remove(60_000);
    expect(await mapIn(namespace, 'a')).toBeUndefined();
  });
});
