import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { at, numberAt, objectsAt, textAt } from '../../diff/json.ts';
import { condition } from '../../health/kinds/conditions.ts';
import type { KubeObject } from '../../sync/types.ts';
import { until } from './support/kube.ts';
import { type App, configMap, describeOnOwnCluster, useLockstep } from './support/lockstep.ts';

const lockstep = useLockstep([
  'drift-config',
  'drift-workload',
  'drift-foreign',
  'drift-quiet',
  'drift-off',
  'drift-fight',
  'drift-label',
  'drift-job',
]);

const twoInits = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      initContainers:
        - {name: one, image: "init:1"}
        - {name: two, image: "init:2"}
      containers:
        - name: main
          image: app:1
          env:
            - {name: A, value: "1"}
            - {name: B, value: "2"}
`;

/** Waits until an object is as it should be, and stays so. */
async function healed(app: App, ref: [string, string, string], check: (object: KubeObject) => boolean): Promise<void> {
  await until(
    `${ref[2]} is healed`,
    async () => {
      const object = await app.get(...ref);
      return object !== undefined && check(object);
    },
    5_000,
  );
}

describeOnOwnCluster('drift', () => {
  const isOurs = (object: KubeObject): boolean =>
    objectsAt(object, 'metadata', 'managedFields').some(
      (entry) => String(entry['manager']).startsWith('lockstep-') && JSON.stringify(entry).includes('f:color'),
    );
  const isBlue = (object: KubeObject): boolean => textAt(object, 'data', 'color') === 'blue';
  const isLabelled = (object: KubeObject): boolean =>
    textAt(object, 'metadata', 'labels', 'lockstep.dev/delivery') !== undefined;

  it('comes back at once: edited, deleted, label taken off, managedFields reset, changed and changed back', async () => {
    const names = ['edited', 'deleted', 'unlabelled', 'reset', 'returned'];
    const app = await lockstep.app('drift-config', {
      'a.yaml': names.map((name) => configMap(name, { color: 'blue' })).join('---\n'),
    });
    await app.ready();
    const { kube } = lockstep;
    const at = (name: string) => app.ref('v1', 'ConfigMap', name);

    await kube.edit(at('edited'), { data: { color: 'red' } });
    await healed(app, ['v1', 'ConfigMap', 'edited'], isBlue);

    const before = await kube.get(at('deleted'));
    await kube.delete(at('deleted'));
    await healed(
      app,
      ['v1', 'ConfigMap', 'deleted'],
      (object) => isBlue(object) && object.metadata.uid !== before?.metadata.uid,
    );

    const unlabelled = { metadata: { labels: { 'lockstep.dev/delivery': null } }, data: { color: 'red' } };
    await kube.edit(at('unlabelled'), unlabelled);
    await healed(app, ['v1', 'ConfigMap', 'unlabelled'], (object) => isBlue(object) && isLabelled(object));

    await kube.jsonPatch(at('reset'), [{ op: 'replace', path: '/metadata/managedFields', value: [{}] }]);
    await healed(app, ['v1', 'ConfigMap', 'reset'], isOurs);
    await kube.edit(at('reset'), { data: { color: 'green' } });
    await healed(app, ['v1', 'ConfigMap', 'reset'], isBlue);

    await kube.edit(at('returned'), { data: { color: 'red' } }, 'somebody');
    await kube.edit(at('returned'), { data: { color: 'blue' } }, 'somebody');
    await healed(app, ['v1', 'ConfigMap', 'returned'], (object) => isBlue(object) && isOurs(object));
    await kube.edit(at('returned'), { data: { color: 'yellow' } }, 'somebody');
    await healed(app, ['v1', 'ConfigMap', 'returned'], isBlue);

    const told = (await app.events()).filter((event) => event.reason === 'DriftHealed').map((event) => event.message);
    expect(told.join('\n')).toContain(
      'ConfigMap drift-config/edited: data.color: red → blue (changed by kubectl-edit)',
    );
    expect(told.join('\n')).toContain('ConfigMap drift-config/deleted: was deleted, is made again');
  });

  it('of a workload comes back: replicas, an image, an order, a deleted item', async () => {
    const app = await lockstep.app('drift-workload', { 'a.yaml': twoInits });
    await app.ready();
    const ref: [string, string, string] = ['apps/v1', 'Deployment', 'web'];
    const name = app.ref(...ref);
    const inits = (object: KubeObject): string =>
      objectsAt(object, 'spec', 'template', 'spec', 'initContainers')
        .map((item) => item['name'])
        .join();

    await lockstep.kube.edit(name, { spec: { replicas: 4 } });
    await healed(app, ref, (object) => numberAt(object, 'spec', 'replicas') === 1);
    await lockstep.kube.jsonPatch(name, [
      { op: 'replace', path: '/spec/template/spec/containers/0/image', value: 'app:evil' },
    ]);
    await healed(
      app,
      ref,
      (object) => objectsAt(object, 'spec', 'template', 'spec', 'containers')[0]?.['image'] === 'app:1',
    );
    await lockstep.kube.jsonPatch(name, [
      { op: 'move', from: '/spec/template/spec/initContainers/1', path: '/spec/template/spec/initContainers/0' },
    ]);
    await healed(app, ref, (object) => inits(object) === 'one,two');
    await lockstep.kube.jsonPatch(name, [{ op: 'remove', path: '/spec/template/spec/containers/0/env/1' }]);
    await healed(app, ref, (object) => JSON.stringify(object['spec']).includes('"B"'));
  });

  it('is not what others own: fields, labels and env items that Git does not name stay', async () => {
    const app = await lockstep.app('drift-foreign', { 'a.yaml': twoInits, 'b.yaml': configMap('b', { ours: '1' }) });
    await app.ready();
    const web = app.ref('apps/v1', 'Deployment', 'web');
    await until(
      'the rollout is over',
      async () => numberAt(await lockstep.kube.get(web), 'status', 'availableReplicas') === 1,
    );
    const since = Date.now();
    await lockstep.kube.jsonPatch(web, [
      { op: 'add', path: '/spec/template/spec/containers/0/env/1', value: { name: 'THEIRS', value: 'x' } },
    ]);
    await lockstep.kube.edit(web, { metadata: { labels: { theirs: 'yes' } }, spec: { revisionHistoryLimit: 3 } });
    await lockstep.kube.edit(app.ref('v1', 'ConfigMap', 'b'), { data: { theirs: '2' } });
    await sleep(2_000);
    expect(app.writes(since)).toEqual([]);
    const live = await lockstep.kube.get(web);
    expect(objectsAt(live, 'spec', 'template', 'spec', 'containers')[0]?.['env']).toEqual([
      { name: 'A', value: '1' },
      { name: 'THEIRS', value: 'x' },
      { name: 'B', value: '2' },
    ]);
    // They also survive the next commit.
    app.push({ 'a.yaml': twoInits.replace('app:1', 'app:2'), 'b.yaml': configMap('b', { ours: '2' }) });
    await app.ready();
    expect(JSON.stringify(await lockstep.kube.get(web))).toContain('THEIRS');
    expect(at(await app.get('v1', 'ConfigMap', 'b'), 'data')).toEqual({ ours: '2', theirs: '2' });
  });

  it('is not made by defaults, quantities, stringData, empty maps, nulls or admission: a steady app sends nothing', async () => {
    const tricky = `apiVersion: v1
kind: Service
metadata: {name: svc, annotations: {}, creationTimestamp: null}
spec: {selector: {app: tricky}, ports: [{port: 80}], type: NodePort}
status: {loadBalancer: {}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: tricky}
spec:
  replicas: 0
  serviceName: svc
  selector: {matchLabels: {app: tricky}}
  template:
    metadata: {labels: {app: tricky}, creationTimestamp: null}
    spec:
      securityContext: {}
      volumes: [{name: tmp, emptyDir: {}}]
      containers:
        - name: main
          image: app:1
          resources: {limits: {cpu: "1000m", memory: 1024Mi}}
          ports: [{containerPort: 80, protocol: TCP}, {containerPort: 80, protocol: UDP}]
          env: [{name: PORT, value: "80"}]
          livenessProbe: {httpGet: {path: /, port: 80}}
  volumeClaimTemplates:
    - metadata: {name: data}
      spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1024Mi}}}
---
apiVersion: v1
kind: Secret
metadata: {name: secret}
stringData: {password: hunter2-hunter2}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: hpa}
spec: {maxReplicas: 3, scaleTargetRef: {apiVersion: apps/v1, kind: StatefulSet, name: tricky}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: policy}
spec: {podSelector: {}, ingress: null}
---
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: ConfigMap, metadata: {name: listed, labels: null}, data: {a: "1"}}
`;
    const app = await lockstep.app('drift-quiet', { 'a.yaml': tricky });
    await until('everything is applied', async () => app.get('v1', 'ConfigMap', 'listed'));
    await sleep(2_000);
    const since = Date.now();
    await sleep(3_000);
    expect(app.requests(since).filter((entry) => entry.impersonated !== undefined)).toEqual([]);
    const secret = await app.get('v1', 'Secret', 'secret');
    expect(Buffer.from(textAt(secret, 'data', 'password') ?? '', 'base64').toString()).toBe('hunter2-hunter2');
    await lockstep.kube.edit(app.ref('v1', 'Secret', 'secret'), {
      data: { password: Buffer.from('other').toString('base64') },
    });
    await healed(
      app,
      ['v1', 'Secret', 'secret'],
      (object) => Buffer.from(textAt(object, 'data', 'password') ?? '', 'base64').toString() === 'hunter2-hunter2',
    );
  });

  it('is told, and undone only by request, when selfHeal is off', async () => {
    const app = await lockstep.app(
      'drift-off',
      { 'a.yaml': configMap('a', { color: 'blue' }) },
      { sync: { selfHeal: false } },
    );
    await app.ready();
    const since = Date.now();
    await lockstep.kube.edit(app.ref('v1', 'ConfigMap', 'a'), { data: { color: 'red' } });
    const told = 'ConfigMap drift-off/a: healing would change data.color: red → blue (changed by kubectl-edit)';
    const message = () => app.status().then((object) => condition(object, 'Ready')?.message ?? '');
    await until('drift is told', async () => (await message()).endsWith(`; drift is not undone: ${told}`));
    expect(condition(await app.status(), 'Ready')).toMatchObject({ status: 'True', reason: 'Drifted' });
    expect((await app.events()).filter((event) => event.reason === 'Drifted')).toEqual([
      { reason: 'Drifted', message: told },
    ]);
    await lockstep.kube.delete(app.ref('v1', 'ConfigMap', 'a'));
    await until('its deletion is told', async () => (await message()).endsWith('ConfigMap drift-off/a: was deleted'));
    await sleep(1_500);
    expect(app.writes(since)).toEqual([]);
    // Asking for a sync is asking for it to be undone.
    await app.request('sync@1');
    await until('it is back', () => app.get('v1', 'ConfigMap', 'a'));
    await until('no drift is left', async () => condition(await app.status(), 'Ready')?.reason === 'Synced');
  });

  it('that keeps coming back is named and not fought for ever', async () => {
    const app = await lockstep.app('drift-fight', { 'a.yaml': configMap('a', { color: 'blue' }) });
    await app.ready();
    const name = app.ref('v1', 'ConfigMap', 'a');
    const since = Date.now();
    for (let round = 0; round < 8; round += 1) {
      await lockstep.kube.edit(name, { data: { color: `red-${round}` } }, 'fighter');
      await sleep(300);
    }
    expect(app.writes(since).filter((entry) => entry.name === 'a' && entry.status === 200).length).toBeLessThanOrEqual(
      5,
    );
    expect((await app.events()).map((event) => event.message).join('\n')).toMatch(
      /changed by fighter.*keeps coming back/,
    );
  });

  it('is seen when somebody gives our label another value and edits in the same write', async () => {
    const app = await lockstep.app('drift-label', { 'a.yaml': configMap('a', { color: 'blue' }) });
    await app.ready();
    const name = app.ref('v1', 'ConfigMap', 'a');
    await lockstep.kube.edit(name, {
      metadata: { labels: { 'lockstep.dev/delivery': 'stolen' } },
      data: { color: 'red' },
    });
    await healed(app, ['v1', 'ConfigMap', 'a'], isBlue);
    await lockstep.kube.edit(name, { data: { color: 'green' } });
    await healed(app, ['v1', 'ConfigMap', 'a'], isBlue);
  });

  it('is not a Job that ended and was taken away by its time to live', async () => {
    const job = `apiVersion: batch/v1
kind: Job
metadata: {name: once}
spec:
  ttlSecondsAfterFinished: 1
  template: {spec: {restartPolicy: Never, containers: [{name: main, image: "app:1"}]}}
`;
    const since = Date.now();
    const app = await lockstep.app('drift-job', {
      'a.yaml': job,
      'b.yaml': configMap('after', { a: '1' }, '  annotations: {lockstep.dev/wave: "1"}\n'),
    });
    await app.ready();
    await until('it is taken away', async () => (await app.get('batch/v1', 'Job', 'once')) === undefined);
    await sleep(1_500);
    await lockstep.restart();
    await sleep(1_500);
    expect(await app.get('batch/v1', 'Job', 'once')).toBeUndefined();
    expect(app.writes(since).filter((entry) => entry.name === 'once')).toHaveLength(1);
    await app.ready();
  });
});
