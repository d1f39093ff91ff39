import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { loadAccess } from '../../agent/kube/client.ts';
import { textAt } from '../../diff/json.ts';
import { messageOf } from '../../sync/errors.ts';
import type { KubeObject } from '../../sync/types.ts';
import { deliveryOf, letDo, makeNamespace } from './support/furnish.ts';
import { installGuard } from './support/guard.ts';
import { connect, type Kube, until } from './support/kube.ts';
import { writeKubeconfig } from './support/kubeconfig.ts';
import { describeOnOwnCluster } from './support/lockstep.ts';

const namespace = 'guard';
let admin: Kube;
let tenant: Kube;

beforeAll(async () => {
  if (inject('auditLog') === '') return;
  admin = await connect(inject('kubeconfig'));
  await makeNamespace(admin, namespace, 'none');
  await admin.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'tenant', namespace } });
  await may([{ apiGroups: ['lockstep.dev'], resources: ['deliveries'], verbs: ['get', 'create', 'patch', 'delete'] }]);
  tenant = await asTenant();
  await installGuard(admin, async (name) => (await refusalOf(delivery(name, {}))) !== undefined);
});

afterAll(async () => {
  await admin?.close();
  await tenant?.close();
});

/** What the tenant may, beside which nothing. */
const may = (rules: readonly object[]) => letDo(admin, namespace, 'tenant', rules);

async function asTenant(): Promise<Kube> {
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/tenant/token`;
  const body = JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} });
  const answer = await admin.http.request({ method: 'POST', path, body, contentType: 'application/json' });
  const { server } = await loadAccess(inject('kubeconfig'), Date.now);
  const file = join(mkdtempSync(join(tmpdir(), 'lockstep-guard-')), 'kubeconfig');
  const token = textAt(answer.body, 'status', 'token') ?? '';
  writeKubeconfig(file, { server, 'insecure-skip-tls-verify': true }, { token });
  return connect(file);
}

const delivery = (name: string, spec: Record<string, object>): KubeObject =>
  deliveryOf(namespace, name, 'https://git.example.com/shop.git', { suspend: true, ...spec });

/** What the API server says to the tenant; undefined when it says nothing. */
async function refusalOf(object: KubeObject): Promise<string | undefined> {
  return tenant.apply(object).then(
    () => undefined,
    (error: unknown) => messageOf(error),
  );
}

const deliveries = {
  apiGroups: ['lockstep.dev'],
  resources: ['deliveries'],
  verbs: ['get', 'create', 'patch', 'delete'],
};
const impersonate = {
  apiGroups: [''],
  resources: ['serviceaccounts'],
  resourceNames: ['lockstep'],
  verbs: ['impersonate'],
};

describeOnOwnCluster('who writes a Delivery', () => {
  it('may only name an account that they may impersonate themselves', async () => {
    await may([deliveries]);
    const refused = `system:serviceaccount:${namespace}:tenant may not impersonate the service account`;
    expect(await refusalOf(delivery('a', {}))).toContain(`${refused} lockstep`);
    expect(await refusalOf(delivery('a', { target: { serviceAccountName: 'admin' } }))).toContain(`${refused} admin`);
    await may([deliveries, impersonate]);
    await until('it may', async () => (await refusalOf(delivery('a', {}))) === undefined);
    expect(await refusalOf(delivery('b', { target: { serviceAccountName: 'admin' } }))).toContain(`${refused} admin`);
  });

  it('may only name a Secret that they may read themselves', async () => {
    await may([deliveries, impersonate]);
    const withSecret = (name: string) => delivery('c', { source: { secretRef: { name } } });
    await until('the rights hold', async () => (await refusalOf(withSecret('git')))?.includes('may not get a Secret'));
    expect(await refusalOf(withSecret('git'))).toContain(
      'may not get a Secret that this Delivery would send to another server than before: git http',
    );
    await may([
      deliveries,
      impersonate,
      { apiGroups: [''], resources: ['secrets'], resourceNames: ['git'], verbs: ['get'] },
    ]);
    await until('it may', async () => (await refusalOf(withSecret('git'))) === undefined);
    expect(await refusalOf(withSecret('other'))).toContain('may not get a Secret');
    for (const by of [{ prometheus: { address: 'http://p', query: 'x' } }, { web: { url: 'http://w' } }]) {
      const [[check, fields]] = Object.entries(by) as [[string, object]];
      const measured = (name: string) => {
        const metric = { name: 'm', [check]: { ...fields, secretRef: { name } } };
        return delivery(`measured-${check}`, { health: { analysis: [metric] } as never });
      };
      expect(await refusalOf(measured('git'))).toBeUndefined();
      expect(await refusalOf(measured('other'))).toContain('may not get a Secret');
    }
  });

  it.each<[string, (name: string) => Record<string, object>]>([
    ['the login of a proxy', (name) => ({ source: { proxySecretRef: { name } } })],
    [
      'the login of a repository of charts',
      (name) => ({ render: { helm: { repository: 'https://h/c', chart: 'c', secretRef: { name } } } }),
    ],
    ['values of a chart', (name) => ({ render: { helm: { valuesFrom: [{ kind: 'Secret', name }] } } })],
    ['variables', (name) => ({ render: { substitute: { from: [{ kind: 'Secret', name }] } } })],
    ['keys of what is encrypted', (name) => ({ render: { decryption: { secretRef: { name } } } })],
    ['keys of those who sign', (name) => ({ source: { verify: { secretRef: { name } } } })],
  ])('may name no Secret either for %s', async (_what, spec) => {
    await may([
      deliveries,
      impersonate,
      { apiGroups: [''], resources: ['secrets'], resourceNames: ['git'], verbs: ['get'] },
    ]);
    await until('it may', async () => (await refusalOf(delivery('render', spec('git')))) === undefined);
    expect(await refusalOf(delivery('render', spec('other')))).toContain('may not get a Secret');
    await admin.delete({ apiVersion: 'lockstep.dev/v1alpha1', kind: 'Delivery', namespace, name: 'render' });
  });

  it('holds for sets as well: the account that makes Deliveries, and the logins of generators', async () => {
    const set = (spec: object): KubeObject =>
      ({
        apiVersion: 'lockstep.dev/v1alpha1',
        kind: 'DeliverySet',
        metadata: { name: 'set', namespace },
        spec: { suspend: true, template: { metadata: { name: 'x' }, spec: {} }, ...spec },
      }) as unknown as KubeObject;
    const sets = { apiGroups: ['lockstep.dev'], resources: ['deliverysets'], verbs: ['get', 'create', 'patch'] };
    await may([sets, impersonate]);
    await until('it may', async () => (await refusalOf(set({ generators: [{ list: [] }] }))) === undefined);
    const refused = await refusalOf(set({ generators: [{ list: [] }], serviceAccountName: 'admin' }));
    expect(refused).toContain('may not impersonate the service account admin');
    const login = { url: 'https://h/r', include: ['*'], secretRef: { name: 'theirs' } };
    expect(await refusalOf(set({ generators: [{ files: login }] }))).toContain('theirs https://h/r');
  });

  it('needs no source where a chart is all, and may not have its Secrets rendered from elsewhere', async () => {
    await may([deliveries, impersonate]);
    const alone = delivery('alone', { render: { helm: { repository: 'https://h/c', chart: 'c' } } });
    const { source: _source, ...spec } = alone['spec'] as Record<string, object>;
    await until('it may', async () => (await refusalOf({ ...alone, spec } as KubeObject)) === undefined);
    const values = { render: { substitute: { from: [{ kind: 'Secret', name: 'theirs' }] } } };
    await admin.apply(delivery('h', values), 'admin');
    const ref = { apiVersion: 'lockstep.dev/v1alpha1', kind: 'Delivery', namespace, name: 'h' };
    const refusal = await tenant.edit(ref, { spec: { source: { url: 'https://evil.example.com/x' } } }).then(
      () => undefined,
      (error: unknown) => messageOf(error),
    );
    expect(refusal).toContain('theirs variables https://evil.example.com/x');
  });

  it('may not send a Secret that somebody else has named elsewhere', async () => {
    await may([deliveries, impersonate]);
    const url = 'https://git.example.com/shop';
    const source = { url, secretRef: { name: 'theirs' } };
    const ready = { name: 'ready', web: { url: 'https://shop.example.com/ready', secretRef: { name: 'probe' } } };
    await admin.apply(delivery('f', { source, health: { analysis: [ready] } as never }), 'admin');
    const ref = { apiVersion: 'lockstep.dev/v1alpha1', kind: 'Delivery', namespace, name: 'f' };
    const change = (spec: object) =>
      tenant.edit(ref, { spec }).then(
        () => undefined,
        (error: unknown) => messageOf(error),
      );
    expect(await change({ history: 7 })).toBeUndefined();
    const evil = 'https://evil.example.com/';
    expect(await change({ source: { url: evil } })).toContain(`another server than before: theirs ${evil}`);
    const elsewhere = { ...ready, web: { ...ready.web, url: evil } };
    expect(await change({ health: { analysis: [elsewhere] } })).toContain(`probe ${evil}`);
    const borrowed = { name: 'more', web: { url: evil, secretRef: { name: 'theirs' } } };
    expect(await change({ health: { analysis: [ready, borrowed] } })).toContain(`theirs ${evil}`);
  });

  it('may not do away with what a plan has to wait for, unless they may approve it', async () => {
    await may([deliveries]);
    const windows = [{ schedule: '0 9 * * *', duration: '8h' }];
    await admin.apply(delivery('g', { sync: { approval: 'required', windows } } as never), 'admin');
    const ref = { apiVersion: 'lockstep.dev/v1alpha1', kind: 'Delivery', namespace, name: 'g' };
    const change = (sync: object) =>
      tenant.edit(ref, { spec: { sync } }).then(
        () => undefined,
        (error: unknown) => messageOf(error),
      );
    expect(await change({ prune: false })).toBeUndefined();
    for (const sync of [
      { approval: 'none' },
      { windows: [] },
      { windows: [{ schedule: '* * * * *', duration: '1h' }] },
    ])
      expect(await change(sync)).toContain('may not approve the Delivery g');
    await may([deliveries, { apiGroups: ['lockstep.dev'], resources: ['deliveries'], verbs: ['approve'] }]);
    await until('it may', async () => (await change({ approval: 'none', windows: [] })) === undefined);
  });

  it('may not say anew what somebody else has made an account do', async () => {
    await may([deliveries, impersonate]);
    const spec = { target: { serviceAccountName: 'admin' } };
    await admin.apply(delivery('infra', spec));
    const ref = { apiVersion: 'lockstep.dev/v1alpha1', kind: 'Delivery', namespace, name: 'infra' };
    const refusal = (changed: object) =>
      tenant.edit(ref, { spec: changed }).then(
        () => 'nothing',
        (error: unknown) => messageOf(error),
      );
    for (const changed of [
      { source: { url: 'https://evil.example.com/x' } },
      { source: { path: 'other' } },
      { render: { helm: { values: { command: 'x' } } } },
    ])
      expect(await refusal(changed), JSON.stringify(changed)).toContain(
        'may not impersonate the service account admin',
      );
    expect(await refusal({ suspend: true, history: 4 })).toBe('nothing');
  });

  it('may change what is not about that, also where somebody else named the account', async () => {
    await may([deliveries]);
    await admin.apply(delivery('d', { target: { serviceAccountName: 'admin' } }), 'admin');
    const ref = { apiVersion: 'lockstep.dev/v1alpha1', kind: 'Delivery', namespace, name: 'd' };
    await tenant.edit(ref, { spec: { history: 5 } });
    await tenant.edit(ref, { metadata: { annotations: { 'lockstep.dev/request': 'sync@1' } } });
  });

  it('may only confirm what they may approve', async () => {
    await may([deliveries]);
    await admin.apply(delivery('e', {}), 'admin');
    const ref = { apiVersion: 'lockstep.dev/v1alpha1', kind: 'Delivery', namespace, name: 'e' };
    const confirm = () =>
      tenant.edit(ref, { metadata: { annotations: { 'lockstep.dev/request': 'confirm@1 plan=abc' } } }).then(
        () => undefined,
        (error: unknown) => messageOf(error),
      );
    expect(await confirm()).toContain('may not approve the Delivery e, which a request to confirm or approve asks for');
    // However it is written.
    for (const text of ['approve@1 plan=abc', ' approve@1 plan=abc', 'approve plan=abc', '\nconfirm@2 plan=abc'])
      await expect(tenant.edit(ref, { metadata: { annotations: { 'lockstep.dev/request': text } } })).rejects.toThrow(
        'may not approve the Delivery e',
      );
    await may([deliveries, { apiGroups: ['lockstep.dev'], resources: ['deliveries'], verbs: ['approve'] }]);
    await until('it may', async () => (await confirm()) === undefined);
  });
});
