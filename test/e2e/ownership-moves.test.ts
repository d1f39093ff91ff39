import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, inject, it } from 'vitest';
import { loadAccess } from '../../agent/kube/client.ts';
import { objectsAt, textAt } from '../../diff/json.ts';
import { lockstepBeside } from './support/cli.ts';
import { deliveryOf, deliveryRef, makeNamespace, tokenOf } from './support/furnish.ts';
import { gone, until } from './support/kube.ts';
import { writeKubeconfig } from './support/kubeconfig.ts';
import { configMap, describeOnOwnCluster, useLockstep } from './support/lockstep.ts';

const lockstep = useLockstep(['moves-group', 'moves-old', 'moves-new', 'moves-forged', 'moves-again', 'moves-orphans']);

const note = (apiVersion: string, more: string): string => `apiVersion: ${apiVersion}
kind: Event
metadata: {name: note}
${more}
type: Normal
reason: Noted
`;

describeOnOwnCluster('an object', () => {
  it('that moves to another API group stays: its twin is not pruned', async () => {
    const about = '{kind: Namespace, name: moves-group, namespace: moves-group}';
    const same = 'eventTime: "2026-01-01T00:00:00.000000Z"\naction: a\nreportingInstance: i';
    const app = await lockstep.app('moves-group', {
      'a.yaml': note(
        'events.k8s.io/v1',
        `${same}\nregarding: ${about}\nnote: one\nreportingController: c.example.com/c`,
      ),
      'b.yaml': configMap('b', { b: '1' }),
    });
    await app.ready();
    const before = await app.get('v1', 'Event', 'note');
    const since = Date.now();
    app.push({
      'a.yaml': note('v1', `${same}\ninvolvedObject: ${about}\nmessage: one\nreportingComponent: c.example.com/c`),
      'b.yaml': null,
      'c.yaml': configMap('c', { c: '1' }),
    });
    await app.ready();
    await until('what left Git is gone', async () => (await app.get('v1', 'ConfigMap', 'b')) === undefined);
    expect((await app.get('v1', 'Event', 'note'))?.metadata.uid).toBe(before?.metadata.uid);
    expect(app.writes(since).flatMap(({ verb, name }) => (verb === 'delete' ? [name] : []))).toEqual(['b']);
  });

  it('goes from one Delivery to another by its annotation, without a gap', async () => {
    const old = await lockstep.app('moves-old', {
      'a.yaml': configMap('moved', { a: '1' }),
      'b.yaml': configMap('stays', { a: '1' }),
    });
    await old.ready();
    const before = await old.get('v1', 'ConfigMap', 'moved');
    const moved = (metadata: string): string =>
      configMap('moved', { a: '1', b: '2' }, `  namespace: moves-old\n${metadata}`);
    const heir = await lockstep.app('moves-new', { 'a.yaml': moved('') });
    expect(await heir.refused('ForeignOwner')).toContain(
      'ConfigMap moves-old/moved belongs to the Delivery moves-old/app',
    );
    const since = Date.now();
    heir.push({ 'a.yaml': moved('  annotations: {lockstep.dev/adopt: "true"}\n') });
    await heir.ready();
    old.push({ 'a.yaml': null });
    await old.ready();
    const after = await old.get('v1', 'ConfigMap', 'moved');
    expect(after?.metadata.uid).toBe(before?.metadata.uid);
    expect(textAt(after, 'data', 'b')).toBe('2');
    expect(textAt(after, 'metadata', 'annotations', 'lockstep.dev/owner')).toBe('moves-new/app');
    expect([...old.writes(since), ...heir.writes(since)].filter(({ verb }) => verb === 'delete')).toEqual([]);
    // Who let go of it does not heal it, and who has it does.
    await lockstep.kube.edit(old.ref('v1', 'ConfigMap', 'moved'), { data: { a: '7' } });
    await until(
      'the heir heals it',
      async () => textAt(await old.get('v1', 'ConfigMap', 'moved'), 'data', 'a') === '1',
    );
  });

  it('can not be claimed by a forged stamp in Git, nor one made ours by a copied label (D5)', async () => {
    const forged = `  labels: {lockstep.dev/delivery: "0123456789ab"}\n`;
    const app = await lockstep.app('moves-forged', { 'a.yaml': configMap('a', { a: '1' }, forged) });
    expect(await app.refused('InvalidManifests')).toContain('lockstep.dev/delivery is set by Lockstep itself');
    app.push({ 'a.yaml': configMap('a', { a: '1' }), 'b.yaml': configMap('b', { b: '1' }) });
    await app.ready();
    const labels = objectsAt({ of: [(await app.get('v1', 'ConfigMap', 'a')) ?? {}] }, 'of')[0]?.metadata as never as {
      labels: object;
    };
    const copy = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'copy', namespace: app.namespace, labels: labels.labels },
      data: { c: '1' },
    };
    await lockstep.kube.apply(copy as never, 'somebody');
    const before = await app.get('v1', 'ConfigMap', 'copy');
    app.push({ 'b.yaml': null });
    await app.ready();
    await app.remove();
    expect((await app.get('v1', 'ConfigMap', 'copy'))?.metadata.uid).toBe(before?.metadata.uid);
  });

  it('of a Delivery that was deleted and made again under one name belongs to the old one until adoption is asked for (D7)', async () => {
    const app = await lockstep.app(
      'moves-again',
      { 'a.yaml': configMap('a', { a: '1' }) },
      { deletionPolicy: 'orphan' },
    );
    await app.ready();
    const before = await app.get('v1', 'ConfigMap', 'a');
    await app.remove();
    expect((await app.get('v1', 'ConfigMap', 'a'))?.metadata.uid).toBe(before?.metadata.uid);
    await lockstep.kube.apply(deliveryOf(app.namespace, 'app', app.repository.url));
    expect(await app.refused('ForeignOwner')).toContain(
      'ConfigMap moves-again/a belongs to the Delivery moves-again/app',
    );
    await lockstep.kube.edit(app.delivery, { spec: { sync: { adopt: true } } });
    await app.ready();
    expect((await app.get('v1', 'ConfigMap', 'a'))?.metadata.uid).toBe(before?.metadata.uid);
  });
});

describeOnOwnCluster('lockstep orphans', () => {
  it('lists what is in no Delivery and what one left behind, but for what is owned, exempt, or made by Kubernetes', async () => {
    const { kube } = lockstep;
    const namespace = 'moves-orphans';
    const run = () => lockstepBeside(['orphans', '-n', namespace, '--kubeconfig', inject('kubeconfig')]);
    const app = await lockstep.app(namespace, { 'a.yaml': configMap('managed', { a: '1' }) });
    await app.ready();
    const other = lockstep.git.repository('moves-orphans-other.git');
    other.commit({ 'b.yaml': configMap('left', { b: '1' }) });
    await kube.apply(deliveryOf(namespace, 'other', other.url, { deletionPolicy: 'orphan' }));
    const left = app.ref('v1', 'ConfigMap', 'left');
    await until('the other one is applied', () => kube.get(left));
    // The account is not in Git either, but for what makes it.
    expect((await run()).stdout).toMatch(/^OBJECT +WHY\nServiceAccount moves-orphans\/lockstep +in no Delivery\n$/);
    await kube.delete(deliveryRef(namespace, 'other'));
    await gone(kube, deliveryRef(namespace, 'other'));
    const map = (name: string, metadata: object) =>
      kube.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace, ...metadata } } as never);
    const { metadata } = await map('by-hand', {});
    await map('owned', {
      ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'by-hand', uid: metadata.uid }],
    });
    await map('exempt', { annotations: { 'argocd.argoproj.io/compare-options': 'IgnoreExtraneous' } });
    await map('charted', { annotations: { 'meta.helm.sh/release-name': 'shop' } });
    const { code, stdout, stderr } = await run();
    expect({ code, stderr }).toEqual({ code: 2, stderr: '' });
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .slice(1)
        .map((line) => line.replaceAll(/ {2,}/g, ' | ')),
    ).toEqual([
      'ConfigMap moves-orphans/by-hand | in no Delivery',
      'ConfigMap moves-orphans/charted | in no Delivery; belongs to the Helm release shop',
      'ConfigMap moves-orphans/left | of the Delivery moves-orphans/other, which is not in this cluster',
      'ServiceAccount moves-orphans/lockstep | in no Delivery',
    ]);
    const token = await tokenOf(kube, namespace, 'default', 'https://kubernetes.default.svc');
    const { server, tls } = await loadAccess(inject('kubeconfig'), Date.now);
    const poor = join(mkdtempSync(join(tmpdir(), 'lockstep-orphans-')), 'kubeconfig');
    writeKubeconfig(
      poor,
      { server, 'certificate-authority-data': Buffer.from(tls['ca'] as Buffer).toString('base64') },
      { token },
    );
    expect(await lockstepBeside(['orphans', '-n', namespace, '--kubeconfig', poor])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('nothing in the namespace moves-orphans is for you to list'),
    });
    await makeNamespace(kube, 'moves-orphans-empty', 'none');
    await kube.delete({ apiVersion: 'v1', kind: 'ServiceAccount', namespace: 'moves-orphans-empty', name: 'lockstep' });
    expect(
      await lockstepBeside(['orphans', '-n', 'moves-orphans-empty', '--kubeconfig', inject('kubeconfig')]),
    ).toMatchObject({
      code: 0,
      stdout: 'moves-orphans-empty has nothing that is in no Delivery\n',
    });
  });
});
