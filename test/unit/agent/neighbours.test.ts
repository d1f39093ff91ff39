import { describe, expect, it } from 'vitest';
import { createNeighbours } from '../../../agent/neighbours.ts';
import { createRegistry } from '../../../agent/registry.ts';
import type { Delivery } from '../../../sync/delivery/delivery.ts';
import { inputOf } from '../../../sync/input.ts';
import { type Limits, unlimited } from '../../../sync/limits.ts';
import { emptyRecord } from '../../../sync/release/record.ts';
import { newStanding, type State, type Tip } from '../../../sync/release/standing.ts';
import { newSession } from '../../../sync/session.ts';
import type { KubeObject } from '../../../sync/types.ts';
import { silent } from '../support/silent.ts';

/** Deliveries that an agent serves, and what it is asked to look at. */
function start(limits: Limits = unlimited) {
  const registry = createRegistry();
  const asked: string[] = [];
  const neighbours = createNeighbours({
    registry,
    clock: { now: () => 0, steady: () => 0, sleep: async () => undefined },
    log: silent,
    limits: () => limits,
    enqueue: (uid) => void asked.push(uid),
    heard: (uid) => void asked.push(`${uid} source`),
  });
  const serve = (name: string, dependsOn: readonly string[] = [], spec: object = {}) => {
    const [namespace = '', plain = ''] = name.split('/');
    const others = dependsOn.map((one) => ({ namespace: one.split('/')[0], name: one.split('/')[1] }));
    const object: unknown = {
      apiVersion: 'lockstep.dev/v1alpha1',
      kind: 'Delivery',
      metadata: { name: plain, namespace, uid: name, resourceVersion: '1' },
      spec: { source: { url: `https://git.example.com/${plain}` }, dependsOn: others, ...spec },
    };
    return registry.take(object as KubeObject);
  };
  const read = (name: string): Delivery => {
    const delivery = registry.get(name)?.read();
    if (delivery === undefined || delivery instanceof Error) throw delivery ?? new Error(name);
    return delivery;
  };
  /** A Delivery whose last good release is of a revision, and that Git says is at another. */
  const stand = (name: string, good: string, tip = good, state: State = 'Synced'): void => {
    const served = registry.get(name);
    const delivery = read(name);
    const of = (revision: string): Tip => {
      const input = inputOf(delivery, `tree${revision}`);
      return { input, render: revision, revision, author: '', subject: '' };
    };
    const release = { ...of(good), sequence: 1, startedAt: 0 };
    const record = { ...emptyRecord(), standing: { ...newStanding(), state, target: release, good: release } };
    const found = { tip: of(tip), input: of(tip).input, given: '', desired: [], skipped: [], isGuess: false };
    if (served !== undefined) served.session = { ...newSession(record), tip, found };
  };
  const unmet = (name: string, revision = 'x') =>
    neighbours.unmet(read(name), { input: '', render: '', revision, author: '', subject: '' })?.message;
  return { neighbours, registry, asked, serve, stand, unmet };
}

describe('Deliveries that depend on others', () => {
  it('wait until those are good at what Git says', () => {
    const { serve, stand, unmet } = start();
    serve('shop/web', ['shop/db']);
    expect(unmet('shop/web')).toContain('shop/db: this agent serves no Delivery of that name');
    serve('shop/db');
    expect(unmet('shop/web')).toContain('shop/db: was not looked at yet');
    stand('shop/db', '1', '2', 'Verifying');
    expect(unmet('shop/web')).toContain('shop/db: is not good yet at 2: its state is Verifying');
    stand('shop/db', '2');
    expect(unmet('shop/web')).toBeUndefined();
  });

  it('take one that is suspended, by its spec or by request, as it was last', () => {
    for (const isByRequest of [true, false]) {
      const { serve, stand, unmet, registry } = start();
      serve('shop/web', ['shop/db']);
      serve('shop/db', [], isByRequest ? {} : { suspend: true });
      stand('shop/db', '1', '2');
      const session = registry.get('shop/db')?.session;
      if (isByRequest) expect(unmet('shop/web')).toContain('is not good yet');
      if (session !== undefined) session.record = { ...session.record, isSuspended: isByRequest };
      expect(unmet('shop/web')).toBeUndefined();
    }
  });

  it('of one repository wait until those have seen the same commit, which they are told to look for', () => {
    const { serve, stand, unmet, asked } = start();
    const source = { url: 'https://git.example.com/mono' };
    serve('shop/web', ['shop/db'], { source });
    serve('shop/db', [], { source });
    stand('shop/db', '1');
    expect(unmet('shop/web', '2')).toContain('shop/db: has not seen 2 yet');
    expect(asked).toEqual(['shop/db source']);
    stand('shop/db', '2');
    expect(unmet('shop/web', '2')).toBeUndefined();
  });

  it('wait for no more than what a suspended one has', () => {
    const { serve, stand, unmet } = start();
    serve('shop/web', ['shop/db']);
    serve('shop/db', [], { suspend: true });
    stand('shop/db', '1', '2', 'Suspended');
    expect(unmet('shop/web')).toBeUndefined();
  });

  it('look again when that one stands otherwise, and only then', () => {
    const { neighbours, serve, stand, asked, registry } = start();
    serve('shop/web', ['shop/db']);
    serve('shop/other');
    serve('shop/db');
    stand('shop/web', '1');
    const web = registry.get('shop/web')?.session;
    if (web === undefined) throw new Error('no session');
    web.planTrouble = { reason: 'DependencyNotReady', message: '', stalled: false, input: '', retryAt: 99, tries: 1 };
    stand('shop/db', '1', '2', 'Verifying');
    neighbours.turned('shop/db');
    neighbours.turned('shop/db');
    expect(asked).toEqual(['shop/web']);
    expect(web.planTrouble?.retryAt).toBe(0);
    stand('shop/db', '2');
    neighbours.turned('shop/db');
    neighbours.turned('shop/web');
    expect(asked).toEqual(['shop/web', 'shop/web']);
  });

  it('are those that the limits let them know', () => {
    const { serve, stand, unmet } = start({ ...unlimited, namespaces: ['.'] });
    serve('shop/web', ['infra/crds']);
    serve('infra/crds');
    stand('infra/crds', '1');
    expect(unmet('shop/web')).toBe('Deliveries of the namespace shop may not depend on infra/crds');
  });
});

describe('Deliveries that fail together', () => {
  it('are not judged, by what is served', () => {
    const { neighbours, serve, registry } = start();
    const names = ['a/1', 'a/2', 'b/1', 'b/2', 'c/1', 'd/1', 'e/1'];
    for (const name of names) serve(name);
    const cause = { reason: 'Unschedulable', message: '0/3 nodes are available' };
    const withheld = names.slice(0, 6).map((name) => {
      const delivery = registry.get(name)?.read() as Delivery;
      return neighbours.withholds(delivery, cause) !== undefined;
    });
    expect(withheld).toEqual([false, false, false, false, true, true]);
    expect(neighbours.open()).toEqual(['nodes that take no pods']);
  });
});
