import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { objectsAt, textAt } from '../../diff/json.ts';
import { condition } from '../../health/kinds/conditions.ts';
import type { ObjectRef } from '../../sync/types.ts';
import { agentNamespace } from './support/furnish.ts';
import { until } from './support/kube.ts';
import { type App, configMap, describeOnOwnCluster, useLockstep } from './support/lockstep.ts';
import { customKind } from './support/manifests.ts';
import { held, holdMessage } from './support/rollback.ts';

const name = 'own-rules';
const lockstep = useLockstep(
  [
    'rules-word',
    'rules-bad',
    'rules-change',
    'rules-slow',
    'rules-all',
    'rules-all-bad',
    'rules-all-other',
    'rules-slow-other',
  ],
  { flags: ['--health-rules', name] },
);

const schema = '{type: object, x-kubernetes-preserve-unknown-fields: true}';
const group = 'rules.test.lockstep.dev';
const kinds = (kind: string) => ({ 'kind.yaml': customKind(group, kind, [{ schema }]) });
const object = (kind: string, spec = '{}') =>
  `apiVersion: ${group}/v1\nkind: ${kind}\nmetadata: {name: it}\nspec: ${spec}\n`;

/** What a controller would write. */
async function tell(app: App, kind: string, status: object): Promise<void> {
  await lockstep.kube.edit(app.ref(`${group}/v1`, kind, 'it'), { status });
}

function waitsFor(app: App, text: string): Promise<unknown> {
  return until(`${app.namespace} waits for ${text}`, async () => {
    const ready = condition(await app.status(), 'Ready');
    return ready?.message.includes(text) ? ready : undefined;
  });
}

const installation: ObjectRef = { apiVersion: 'v1', kind: 'ConfigMap', namespace: agentNamespace, name };

async function install(rules: string | undefined): Promise<void> {
  if ((await lockstep.kube.get(installation)) !== undefined) await lockstep.kube.delete(installation);
  if (rules === undefined) return;
  const metadata = { name, namespace: agentNamespace };
  await lockstep.kube.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { 'rules.yaml': rules } });
}

describeOnOwnCluster('a health rule of people', () => {
  it('decides when an object is healthy, and when it has failed, with the words that it gives', async () => {
    const fails = 'has(self.status.fault) && self.status.fault == self.spec.steps';
    const rule = {
      group,
      kind: 'Engine',
      // What is asked first wins.
      progressing: `!(${fails}) && self.status.step < self.spec.steps`,
      degraded: fails,
      healthy: 'self.status.step == self.spec.steps',
      message: `${fails} ? "no step " + string(self.status.fault) : "step " + string(self.status.step)`,
    };
    const app = await lockstep.app(
      'rules-word',
      { ...kinds('Engine'), 'it.yaml': object('Engine', '{steps: 3}') },
      { health: { rules: [rule], signals: { degraded: '1s' } } },
    );
    await waitsFor(app, 'field not found: status at line 1');
    await tell(app, 'Engine', { step: 2 });
    await waitsFor(app, 'Engine rules-word/it: step 2');
    await tell(app, 'Engine', { step: 3 });
    await app.ready();
    app.push({ 'it.yaml': object('Engine', '{steps: 3, speed: 2}') });
    await app.ready();
    app.push({ 'it.yaml': object('Engine', '{steps: 5}') });
    await waitsFor(app, 'step 3');
    await tell(app, 'Engine', { fault: 5 });
    expect(holdMessage(await held(app))).toBe('Engine rules-word/it: no step 5');
  });

  it('that is no CEL stalls its Delivery and says where, until it is mended; nothing is touched meanwhile', async () => {
    const rules = (healthy: string) => ({ health: { rules: [{ group, kind: 'Wheel', healthy }] } });
    const app = await lockstep.app('rules-bad', { 'a.yaml': configMap('a', { v: '1' }) }, rules('self.ok &&'));
    expect(await app.refused('InvalidRule')).toMatch(
      /^spec\.health\.rules\[0\]\.healthy: found & .* at line 1, column 9$/,
    );
    expect(condition(await app.status(), 'Stalled')).toMatchObject({ status: 'True', reason: 'InvalidRule' });
    expect(await app.get('v1', 'ConfigMap', 'a')).toBeUndefined();
    await lockstep.kube.edit(app.delivery, { spec: rules('self.ok && nope(1)') });
    await until('the other mistake is told', async () => (await app.refused('InvalidRule')).includes('function nope'));
    await lockstep.kube.edit(app.delivery, { spec: { health: { rules: [{ group, kind: 'Wheel' }] } } });
    await until('that it asks nothing is told', async () =>
      (await app.refused('InvalidRule')).includes('asks for none of progressing, degraded, healthy'),
    );
    await lockstep.kube.edit(app.delivery, { spec: rules('self.ok') });
    await app.ready();
  });

  it('counts as soon as it is changed, also for what has not changed', async () => {
    const rules = (healthy: string) => ({ health: { rules: [{ group, kind: 'Brake', healthy }] } });
    const app = await lockstep.app(
      'rules-change',
      { ...kinds('Brake'), 'it.yaml': object('Brake') },
      rules('self.metadata.name == "that"'),
    );
    await waitsFor(app, 'is not healthy yet, by the rule for its kind');
    await lockstep.kube.edit(app.delivery, { spec: rules('self.metadata.name == "it"') });
    await app.ready();
  });

  it('that takes too long is broken off, and holds nobody else up', async () => {
    const many = JSON.stringify({ l: Array.from({ length: 3_000 }, (_one, index) => index) });
    const healthy = 'self.spec.l.all(a, self.spec.l.all(b, self.spec.l.all(c, a + b + c >= 0)))';
    const app = await lockstep.app(
      'rules-slow',
      { ...kinds('Snail'), 'it.yaml': object('Snail', many) },
      { health: { rules: [{ group, kind: 'Snail', healthy }] } },
    );
    await waitsFor(app, 'the rule for its kind took longer than 250 ms, and rests');
    const other = await lockstep.app('rules-slow-other', { 'a.yaml': configMap('a', { v: '1' }) });
    await other.ready(5_000);
  });

  it('of the installation counts for all Deliveries, and their own come first', async () => {
    await install(`- {group: ${group}, kind: Lamp, healthy: self.status.lit}\n`);
    const app = await lockstep.app('rules-all', { ...kinds('Lamp'), 'it.yaml': object('Lamp') });
    await waitsFor(app, 'the expression healthy of the rule for its kind');
    await tell(app, 'Lamp', { lit: true });
    await app.ready();
    await lockstep.kube.edit(app.delivery, {
      spec: { health: { rules: [{ group, kind: 'Lamp', degraded: 'self.status.lit', message: '"too bright"' }] } },
    });
    await until('the object is Degraded by the own rule', async () => {
      const [worst] = objectsAt(await app.status(), 'status', 'worst');
      return worst !== undefined && textAt(worst, 'message') === 'Lamp rules-all/it: too bright';
    });
  });

  it('of the installation that is no CEL stalls those who have such objects, is told on its ConfigMap, and no others', async () => {
    await install(`- {group: ${group}, kind: Horn, healthy: "self.status.loud =="}\n- {kind: Pod, nonsense: 1}\n`);
    await sleep(500);
    const app = await lockstep.app('rules-all-bad', { ...kinds('Horn'), 'it.yaml': object('Horn') });
    expect(await app.refused('InvalidRule')).toMatch(
      new RegExp(`^ConfigMap ${agentNamespace}/${name}, rules\\.yaml\\[0\\]\\.healthy: .* at line 1, column 18$`),
    );
    expect(condition(await app.status(), 'Stalled')?.reason).toBe('InvalidRule');
    const other = await lockstep.app('rules-all-other', { 'a.yaml': configMap('a', { v: '1' }) });
    await other.ready();
    await until('the ConfigMap has a warning', async () => {
      const path = `/api/v1/namespaces/${agentNamespace}/events`;
      const { body } = await lockstep.kube.http.request({ method: 'GET', path });
      return objectsAt(body, 'items').some(
        (event) => textAt(event, 'message')?.includes('there is no field nonsense') === true,
      );
    });
    await install(undefined);
    await app.ready();
  });
});
