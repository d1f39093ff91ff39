import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { numberAt, objectsAt, textAt } from '../../diff/json.ts';
import type { KubeObject } from '../../sync/types.ts';
import { readAudit } from '../e2e/support/audit.ts';
import { connect, type Kube, until } from '../e2e/support/kube.ts';

let kube: Kube;
beforeAll(async () => {
  kube = await connect(inject('kubeconfig'));
  await kube.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'harness' } });
});
afterAll(() => kube.close());

const ref = (name: string) => ({ apiVersion: 'v1', kind: 'Pod', namespace: 'harness', name });

async function pod(name: string, behaviour: Record<string, string>, spec: object = {}): Promise<void> {
  const annotations = Object.fromEntries(
    Object.entries(behaviour).map(([key, value]) => [`test.lockstep.dev/${key}`, value]),
  );
  const object: unknown = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'harness', annotations },
    spec: { containers: [{ name: 'main', image: 'app:1' }], ...spec },
  };
  await kube.apply(object as KubeObject);
}

const main = (object: KubeObject | undefined) => objectsAt(object, 'status', 'containerStatuses')[0];
const waiting = async (name: string): Promise<string | undefined> =>
  textAt(main(await kube.get(ref(name))), 'state', 'waiting', 'reason');
const isReady = (object: KubeObject | undefined): boolean =>
  objectsAt(object, 'status', 'conditions').some(
    (condition) => condition['type'] === 'Ready' && condition['status'] === 'True',
  );

const describeOnOwnCluster = describe.skipIf(inject('auditLog') === '');

describeOnOwnCluster('a simulated node', () => {
  it('makes pods ready, after a time when asked to, or never', async () => {
    await pod('quick', {});
    await pod('slow', { 'ready-after': '2s' });
    await pod('never', { pod: 'never-ready' });
    await until('quick is ready', async () => isReady(await kube.get(ref('quick'))));
    expect(isReady(await kube.get(ref('slow')))).toBe(false);
    await until('slow is ready', async () => isReady(await kube.get(ref('slow'))));
    expect(textAt(await kube.get(ref('never')), 'status', 'phase')).toBe('Running');
    expect(isReady(await kube.get(ref('never')))).toBe(false);
  });

  it('crashes in a loop, with restarts and the exit code; is killed for memory', async () => {
    await pod('crash', { pod: 'crash-loop', 'exit-code': '3', 'crash-every': '200ms' });
    await pod('oom', { pod: 'oom', 'crash-every': '200ms' });
    await until('three restarts', async () => (numberAt(main(await kube.get(ref('crash'))), 'restartCount') ?? 0) >= 3);
    const crash = main(await kube.get(ref('crash')));
    expect(crash).toMatchObject({
      state: { waiting: { reason: 'CrashLoopBackOff' } },
      lastState: { terminated: { exitCode: 3 } },
    });
    await until(
      'killed',
      async () => textAt(main(await kube.get(ref('oom'))), 'lastState', 'terminated', 'reason') === 'OOMKilled',
    );
  });

  it('fails to pull: ErrImagePull, then ImagePullBackOff; an invalid name', async () => {
    await pod('pull', {}, { containers: [{ name: 'main', image: 'app:missing' }] });
    await pod('invalid', { pod: 'invalid-image' });
    await until('ErrImagePull', async () => (await waiting('pull')) === 'ErrImagePull');
    await until('ImagePullBackOff', async () => (await waiting('pull')) === 'ImagePullBackOff');
    await until('InvalidImageName', async () => (await waiting('invalid')) === 'InvalidImageName');
  });

  it('does not start what refers to something absent, until it is there', async () => {
    const env = [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'late', key: 'a' } } }];
    await pod('config', {}, { containers: [{ name: 'main', image: 'app:1', env }] });
    await until('CreateContainerConfigError', async () => (await waiting('config')) === 'CreateContainerConfigError');
    expect(textAt(main(await kube.get(ref('config'))), 'state', 'waiting', 'message')).toBe(
      'configmap "late" not found',
    );
    await kube.apply({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'late', namespace: 'harness' },
      data: { b: '1' },
    });
    await until('the key is missed', async () =>
      textAt(main(await kube.get(ref('config'))), 'state', 'waiting', 'message')?.startsWith("couldn't find key a"),
    );
    await kube.edit({ ...ref('late'), kind: 'ConfigMap' }, { data: { a: '1' } });
    await until('it starts', async () => isReady(await kube.get(ref('config'))));
  });

  it('is not chosen for a pod that fits nowhere', async () => {
    await pod('homeless', {}, { nodeSelector: { nowhere: 'true' } });
    await until('Unschedulable', async () =>
      objectsAt(await kube.get(ref('homeless')), 'status', 'conditions').some(
        (condition) => condition['reason'] === 'Unschedulable',
      ),
    );
  });

  it('completes Jobs, or fails them', async () => {
    const job = (name: string, annotations: object): KubeObject =>
      ({
        apiVersion: 'batch/v1',
        kind: 'Job',
        metadata: { name, namespace: 'harness' },
        spec: {
          backoffLimit: 0,
          template: {
            metadata: { annotations },
            spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'app:1' }] },
          },
        },
      }) as unknown as KubeObject;
    await kube.apply(job('good', {}));
    await kube.apply(job('bad', { 'test.lockstep.dev/pod': 'fail', 'test.lockstep.dev/exit-code': '4' }));
    const ended = (name: string, type: string) =>
      until(`${name} is ${type}`, async () =>
        objectsAt(
          await kube.get({ apiVersion: 'batch/v1', kind: 'Job', namespace: 'harness', name }),
          'status',
          'conditions',
        ).some((condition) => condition['type'] === type && condition['status'] === 'True'),
      );
    await ended('good', 'Complete');
    await ended('bad', 'Failed');
  });

  it('has logs', async () => {
    await pod('talker', {});
    await until('it runs', async () => isReady(await kube.get(ref('talker'))));
    const response = await kube.http.stream(
      { method: 'GET', path: '/api/v1/namespaces/harness/pods/talker/log' },
      AbortSignal.timeout(5_000),
    );
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(Buffer.from(chunk));
    expect(Buffer.concat(chunks).toString()).toContain('listening on :5000');
  });
});

describeOnOwnCluster('the users of the test cluster', () => {
  it('may do everything, read, or nothing; the audit log tells who did what', async () => {
    const since = Date.now();
    const [reader, nobody] = await Promise.all([
      connect(inject('users')['reader'] ?? ''),
      connect(inject('users')['nobody'] ?? ''),
    ]);
    const map = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'harness', name: 'x' };
    expect(await reader.get(map)).toBeUndefined();
    await expect(
      reader.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x', namespace: 'harness' } }),
    ).rejects.toMatchObject({ class: 'forbidden' });
    await expect(nobody.get(map)).rejects.toMatchObject({ class: 'forbidden' });
    await Promise.all([reader.close(), nobody.close()]);
    const seen = readAudit(inject('auditLog'), since)
      .filter((entry) => entry.resource === 'configmaps')
      .map((entry) => `${entry.user} ${entry.verb} ${entry.status}`);
    expect(seen).toEqual(expect.arrayContaining(['reader get 404', 'reader patch 403', 'nobody get 403']));
  });
});

describe('a control plane', () => {
  const starter = join(import.meta.dirname, '..', 'run.ts');
  const start = (dir: string): ChildProcess =>
    spawn(process.execPath, [starter, 'cluster', 'up', '--dir', dir, '--nodes', '1'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  const ready = (child: ChildProcess) =>
    new Promise<string>((resolve) => child.stdout?.once('data', (data: Buffer) => resolve(data.toString().trim())));
  const processesIn = (dir: string): string[] =>
    readdirSync('/proc')
      .filter((pid) => /^\d+$/.test(pid))
      .filter((pid) => {
        try {
          return (
            readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(dir) &&
            !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')
          );
        } catch {
          return false;
        }
      });

  it('runs beside another one, stops cleanly, and leaves nothing behind when its parent is killed', async () => {
    const dirs = [mkdtempSync(join(tmpdir(), 'lockstep-two-')), mkdtempSync(join(tmpdir(), 'lockstep-two-'))] as const;
    const children = dirs.map(start);
    const kubeconfigs = await Promise.all(children.map(ready));
    expect(kubeconfigs).toEqual(dirs.map((dir) => join(dir, 'admin.kubeconfig')));
    for (const kubeconfig of kubeconfigs) await (await connect(kubeconfig)).close();
    expect(processesIn(dirs[0]).length).toBeGreaterThanOrEqual(6);

    const down = spawn(process.execPath, [starter, 'cluster', 'down', '--dir', dirs[0]], { stdio: 'ignore' });
    expect(await new Promise((resolve) => down.once('exit', resolve))).toBe(0);
    await until('nothing of the first is left', async () => processesIn(dirs[0]).length === 0);
    expect(existsSync(join(dirs[0], 'up.pid'))).toBe(false);

    children[1]?.kill('SIGKILL');
    await until('nothing of the second is left', async () => processesIn(dirs[1]).length === 0);
  });
});
