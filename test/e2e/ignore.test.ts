import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { at, numberAt, objectsAt, textAt } from '../../diff/json.ts';
import { until } from './support/kube.ts';
import { type App, configMap, deployment, useLockstep } from './support/lockstep.ts';
import { held, holdMessage } from './support/rollback.ts';

const lockstep = useLockstep([
  'ignore-pointer',
  'ignore-manager',
  'ignore-own',
  'ignore-kept',
  'ignore-bad',
  'ignore-hpa',
  'ignore-foreign-hpa',
]);

/** What an autoscaler does: it writes the scale, as the controller manager. */
async function scaleTo(app: App, replicas: number): Promise<void> {
  await lockstep.kube.http.request({
    method: 'PATCH',
    path: `/apis/apps/v1/namespaces/${app.namespace}/deployments/web/scale`,
    contentType: 'application/merge-patch+json',
    query: { fieldManager: 'kube-controller-manager' },
    body: JSON.stringify({ spec: { replicas } }),
  });
}

const countOf = async (app: App): Promise<number | undefined> =>
  numberAt(await app.get('apps/v1', 'Deployment', 'web'), 'spec', 'replicas');
const dataOf = async (app: App, name: string) => at(await app.get('v1', 'ConfigMap', name), 'data');
const healed = async (app: App): Promise<string[]> =>
  (await app.events()).filter(({ reason }) => /Drift/.test(reason)).map(({ message }) => message);

/** Nothing serves metrics here, so that it is never healthy. */
const autoscaler = (min = 2, max = 9): string => `apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web, annotations: {lockstep.dev/health: ignore}}
spec:
  minReplicas: ${min}
  maxReplicas: ${max}
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}}]
`;
const counted = (replicas: number, image = 'web:1'): string => deployment('web', { replicas, image });
const uncounted = (image = 'web:1'): string => counted(0, image).replace('  replicas: 0\n', '');

describe('what is left alone', () => {
  it('by a JSON pointer of spec.sync.ignore is neither compared nor applied: caBundle named in Git (F21.3, 53)', async () => {
    const webhooks = `apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: ignore-pointer, labels: {a: "1"}}
webhooks:
  - &hook
    name: one.example.com
    admissionReviewVersions: [v1]
    sideEffects: None
    failurePolicy: Ignore
    matchPolicy: Equivalent
    namespaceSelector: {matchLabels: {no: body}}
    rules: [{apiGroups: [example.com], apiVersions: [v1], operations: [CREATE], resources: [nothings]}]
    clientConfig: {url: "https://one.example.com/", caBundle: ""}
  - <<: *hook
    name: two.example.com
`;
    const app = await lockstep.app(
      'ignore-pointer',
      { 'hooks.yaml': webhooks },
      {
        sync: {
          ignore: [
            {
              group: 'admissionregistration.k8s.io',
              kind: 'ValidatingWebhook*',
              jsonPointers: ['/webhooks/*/clientConfig/caBundle', '/webhooks/7/nothing/there'],
            },
          ],
        },
      },
    );
    await app.ready();
    const ref = {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      name: 'ignore-pointer',
    };
    const before = await lockstep.kube.get(ref);
    const bundle = 'LS0t';
    const injected = objectsAt(before, 'webhooks').map((hook) => ({
      ...hook,
      clientConfig: { url: 'https://one.example.com/', caBundle: bundle },
    }));
    await lockstep.kube.edit(ref, { webhooks: injected }, 'cainjector');
    const since = Date.now();
    await sleep(1_500);
    const bundles = async () =>
      objectsAt(await lockstep.kube.get(ref), 'webhooks').map((hook) => textAt(hook, 'clientConfig', 'caBundle'));
    expect(await bundles()).toEqual([bundle, bundle]);
    app.push({ 'hooks.yaml': webhooks.replace('a: "1"', 'a: "2"') });
    await app.ready();
    expect(textAt(await lockstep.kube.get(ref), 'metadata', 'labels', 'a')).toBe('2');
    expect(await bundles()).toEqual([bundle, bundle]);
    expect(app.writes(since).filter(({ name }) => name === 'ignore-pointer').length).toBeLessThanOrEqual(3);
    await app.remove();
  });

  it('by a manager is what that manager owns, and all else is healed (52)', async () => {
    const app = await lockstep.app(
      'ignore-manager',
      { 'a.yaml': configMap('a', { mine: '1', theirs: '1' }) },
      {
        sync: { ignore: [{ kind: 'ConfigMap', name: 'a', managedFieldsManagers: ['operator'] }] },
      },
    );
    await app.ready();
    await lockstep.kube.edit(app.ref('v1', 'ConfigMap', 'a'), { data: { theirs: '2' } }, 'operator');
    await lockstep.kube.edit(app.ref('v1', 'ConfigMap', 'a'), { data: { mine: '2' } });
    await until('ours is healed', async () => at(await dataOf(app, 'a'), 'mine') === '1');
    expect(await dataOf(app, 'a')).toEqual({ mine: '1', theirs: '2' });
    app.push({ 'a.yaml': configMap('a', { mine: '3', theirs: '3' }) });
    await app.ready();
    expect(await dataOf(app, 'a')).toEqual({ mine: '3', theirs: '2' });
    await lockstep.kube.edit(app.ref('v1', 'ConfigMap', 'a'), { data: { theirs: '4' } }, 'operator');
    await sleep(700);
    expect(await dataOf(app, 'a')).toEqual({ mine: '3', theirs: '4' });
    expect((await healed(app)).join()).not.toContain('theirs');
  });

  it('by the annotation is as it is made, handed over where Git lets go of it, and Git’s again without it', async () => {
    const ignoring = '  annotations: {lockstep.dev/ignore: "/data/token, /data/gone"}\n';
    const app = await lockstep.app('ignore-own', {
      'a.yaml': configMap('a', { color: 'blue', token: 'first' }, ignoring),
      'b.yaml': configMap('b', { color: 'blue', gone: 'kept' }),
    });
    await app.ready();
    const uid = (await app.get('v1', 'ConfigMap', 'a'))?.metadata.uid;
    expect(await dataOf(app, 'a')).toEqual({ color: 'blue', token: 'first' });
    await lockstep.kube.edit(app.ref('v1', 'ConfigMap', 'a'), { data: { token: 'rotated' } });
    // What only says something else where it is left alone is no news.
    app.push({
      'a.yaml': configMap('a', { color: 'red', token: 'second' }, ignoring),
      'b.yaml': configMap('b', { color: 'blue' }, ignoring),
    });
    await app.ready();
    expect(await dataOf(app, 'a')).toEqual({ color: 'red', token: 'rotated' });
    expect(await dataOf(app, 'b')).toEqual({ color: 'blue', gone: 'kept' });
    expect(await healed(app)).toEqual([]);
    await lockstep.kube.delete(app.ref('v1', 'ConfigMap', 'a'));
    await until(
      'it is made again',
      async () => ![undefined, uid].includes((await app.get('v1', 'ConfigMap', 'a'))?.metadata.uid),
    );
    expect(await dataOf(app, 'a')).toEqual({ color: 'red', token: 'second' });
    await lockstep.kube.edit(app.ref('v1', 'ConfigMap', 'a'), { data: { token: 'rotated' } });
    app.push({ 'a.yaml': configMap('a', { color: 'red', token: 'third' }) });
    await app.ready();
    expect(await dataOf(app, 'a')).toEqual({ color: 'red', token: 'third' });
  });

  it('stays through a replacement, and through a take-over that is given back', async () => {
    const sealed = (value: string, token: string): string =>
      `${configMap('sealed', { value, token }, '  annotations: {lockstep.dev/replace: allowed, lockstep.dev/ignore: /data/token}\n')}immutable: true\n`;
    const app = await lockstep.app('ignore-kept', { 'a.yaml': sealed('1', 'git') });
    await app.ready();
    app.push({ 'a.yaml': sealed('2', 'other') });
    await app.ready(30_000);
    expect(await dataOf(app, 'sealed')).toEqual({ value: '2', token: 'git' });
    const found = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'found', namespace: app.namespace } };
    await lockstep.kube.apply({ ...found, data: { color: 'red', token: 'theirs', extra: 'x' } } as never, 'kubectl');
    app.push({
      'b.yaml': configMap(
        'found',
        { color: 'blue', token: 'git' },
        '  annotations: {lockstep.dev/ignore: /data/token}\n',
      ),
      'web.yaml': deployment('web', { image: 'app:missing' }),
    });
    await until('it is taken over', async () => at(await dataOf(app, 'found'), 'color') === 'blue');
    expect(await dataOf(app, 'found')).toEqual({ color: 'blue', token: 'theirs' });
    await lockstep.kube.edit(app.ref('v1', 'ConfigMap', 'found'), { data: { token: 'rotated' } }, 'operator');
    await held(app);
    expect(await dataOf(app, 'found')).toEqual({ color: 'red', token: 'rotated', extra: 'x' });
  }, 120_000);

  it('that can not be is refused with the object, the pointer and what would do (51)', async () => {
    const app = await lockstep.app('ignore-bad', {
      'web.yaml': deployment('web').replace(
        '  name: web\n',
        '  name: web\n  annotations: {lockstep.dev/ignore: spec.replicas}\n',
      ),
    });
    expect(await app.refused('InvalidManifests')).toContain(
      'Deployment ignore-bad/web: lockstep.dev/ignore: "spec.replicas" is no JSON pointer, such as /spec/replicas',
    );
    await lockstep.kube.edit(app.delivery, { spec: { sync: { ignore: [{ kind: 'Deployment' }] } } });
    expect(await app.refused('InvalidSpec')).toBe(
      'spec.sync.ignore[0]: names neither jsonPointers nor managedFieldsManagers',
    );
    await lockstep.kube.edit(app.delivery, { spec: { sync: { ignore: [{ jsonPointers: ['/kind'] }] } } });
    await until('the other mistake is told', async () =>
      (await app.refused('InvalidSpec')).includes('/kind can not be ignored'),
    );
  });
});

describe('the count of a workload', () => {
  it('that a scaler of the same revision keeps is handed over, and stays through commits and a rollback (43.3, F21.2)', async () => {
    const app = await lockstep.app(
      'ignore-hpa',
      { 'web.yaml': counted(3) },
      { health: { steady: '0s', signals: { imagePull: '1s' } } },
    );
    await app.ready();
    app.push({ 'web.yaml': uncounted(), 'hpa.yaml': autoscaler() });
    await app.ready();
    expect(await countOf(app)).toBe(3);
    await scaleTo(app, 7);
    app.push({ 'web.yaml': uncounted('web:2') });
    await app.ready(40_000);
    expect(await countOf(app)).toBe(7);
    // Naming a count in Git is no change where a scaler keeps it.
    app.push({ 'web.yaml': counted(4, 'web:3') });
    await app.ready(40_000);
    expect(await countOf(app)).toBe(7);
    app.push({ 'web.yaml': counted(4, 'web:missing') });
    expect(holdMessage(await held(app))).toContain('web');
    expect(await countOf(app)).toBe(7);
    expect(await healed(app)).toEqual([]);
    // With the scaler gone from Git the count is Git's again.
    app.push({ 'web.yaml': counted(4, 'web:3'), 'hpa.yaml': null });
    await app.ready(40_000);
    await until('the count of Git is live', async () => (await countOf(app)) === 4);
  }, 120_000);

  it('that a scaler from elsewhere keeps is left to it, which the plan says, and is Git’s again when that is gone', async () => {
    const app = await lockstep.app('ignore-foreign-hpa', { 'web.yaml': counted(2) }, { health: { steady: '0s' } });
    await app.ready();
    await lockstep.kube.apply({
      apiVersion: 'autoscaling/v2',
      kind: 'HorizontalPodAutoscaler',
      metadata: { name: 'web', namespace: app.namespace },
      spec: {
        minReplicas: 2,
        maxReplicas: 9,
        scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
      },
    });
    await scaleTo(app, 5);
    await sleep(1_000);
    expect(await countOf(app)).toBe(5);
    expect(await healed(app)).toEqual([]);
    app.push({ 'web.yaml': counted(3, 'web:2') });
    await app.ready(40_000);
    expect(await countOf(app)).toBe(5);
    await lockstep.kube.delete({
      apiVersion: 'autoscaling/v2',
      kind: 'HorizontalPodAutoscaler',
      namespace: app.namespace,
      name: 'web',
    });
    app.push({ 'web.yaml': counted(4, 'web:2') });
    await app.ready(40_000);
    expect(await countOf(app)).toBe(4);
  }, 90_000);
});
