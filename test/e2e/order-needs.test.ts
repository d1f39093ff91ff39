import { expect, it } from 'vitest';
import { printYaml } from '../../sync/render/yaml-print.ts';
import { configMap, customKind, customKindRef, describeOnOwnCluster, useLockstep } from './support/lockstep.ts';

const namespace = 'order-needs';
const lockstep = useLockstep([namespace]);

const rbac = 'rbac.authorization.k8s.io';
const ignored = { 'lockstep.dev/health': 'ignore' };
const make = (apiVersion: string, kind: string, name: string, more: object = {}, annotations = {}): string =>
  printYaml({ apiVersion, kind, metadata: { name, annotations }, ...more });

/** Who needs others comes first by its file and by its name. */
const users = {
  'a-deployment.yaml': make('apps/v1', 'Deployment', 'a-web', {
    spec: {
      replicas: 0,
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: {
          serviceAccountName: 'z-robot',
          volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'z-data' } }],
          containers: [
            {
              name: 'main',
              image: 'app:1',
              envFrom: [{ configMapRef: { name: 'z-settings' } }, { secretRef: { name: 'z-password' } }],
            },
          ],
        },
      },
    },
  }),
  'a-binding.yaml': make(`${rbac}/v1`, 'RoleBinding', 'a-reads', {
    roleRef: { apiGroup: rbac, kind: 'Role', name: 'z-reader' },
    subjects: [{ kind: 'ServiceAccount', name: 'z-robot', namespace }],
  }),
  'a-webhook.yaml': make('admissionregistration.k8s.io/v1', 'ValidatingWebhookConfiguration', 'a-order-needs', {
    webhooks: [
      {
        name: 'needs.example.com',
        admissionReviewVersions: ['v1'],
        sideEffects: 'None',
        failurePolicy: 'Ignore',
        rules: [{ apiGroups: ['none.example.com'], apiVersions: ['v1'], operations: ['CREATE'], resources: ['none'] }],
        clientConfig: { service: { namespace, name: 'z-hook' } },
      },
    ],
  }),
  'a-api.yaml': make(
    'apiregistration.k8s.io/v1',
    'APIService',
    'v1.api.needs.example.com',
    {
      spec: {
        group: 'api.needs.example.com',
        version: 'v1',
        groupPriorityMinimum: 100,
        versionPriority: 100,
        insecureSkipTLSVerify: true,
        service: { namespace, name: 'z-hook' },
      },
    },
    ignored,
  ),
  'a-custom.yaml': make('needs.example.com/v1', 'Widget', 'a-widget'),
  'a-inside.yaml': configMap('a-inside', { a: '1' }, `  namespace: z-${namespace}\n`),
};
const needs = {
  'z-account.yaml': make('v1', 'ServiceAccount', 'z-robot'),
  'z-settings.yaml': configMap('z-settings', { a: '1' }),
  'z-password.yaml': make('v1', 'Secret', 'z-password', { stringData: { password: 'a' } }),
  'z-claim.yaml': make(
    'v1',
    'PersistentVolumeClaim',
    'z-data',
    {
      spec: {
        storageClassName: '',
        volumeName: 'none',
        accessModes: ['ReadWriteOnce'],
        resources: { requests: { storage: '1Gi' } },
      },
    },
    ignored,
  ),
  'z-role.yaml': make(`${rbac}/v1`, 'Role', 'z-reader', {
    rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }],
  }),
  'z-service.yaml': make('v1', 'Service', 'z-hook', { spec: { ports: [{ port: 443 }] } }),
  'z-kind.yaml': customKind('needs.example.com', 'Widget'),
  'z-namespace.yaml': make('v1', 'Namespace', `z-${namespace}`),
};

/** What a namespace does not take along. The API that nobody answers for must go: it disturbs everybody. */
const everywhere = [
  { apiVersion: 'apiregistration.k8s.io/v1', kind: 'APIService', name: 'v1.api.needs.example.com' },
  {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    name: 'a-order-needs',
  },
  customKindRef('needs.example.com', 'Widget'),
  { apiVersion: 'v1', kind: 'Namespace', name: `z-${namespace}` },
];

describeOnOwnCluster('within one wave', () => {
  it('an account, a ConfigMap, a Secret, a claim, a role, a webhook’s and an API’s Service, a kind and a Namespace are there before what needs them', async () => {
    const since = Date.now();
    const app = await lockstep.app(namespace, { ...users, ...needs }, { deletionPolicy: 'orphan' });
    await app.ready(60_000);
    const made = app.writes(since).filter(({ status }) => status === 201);
    const write = (name: string) => {
      const found = made.filter((entry) => entry.name === name);
      expect(found, name).toHaveLength(1);
      return found[0] ?? { time: 0, answered: 0 };
    };
    for (const [need, user] of [
      ['z-robot', 'a-web'],
      ['z-settings', 'a-web'],
      ['z-password', 'a-web'],
      ['z-data', 'a-web'],
      ['z-reader', 'a-reads'],
      ['z-robot', 'a-reads'],
      ['z-hook', 'a-order-needs'],
      ['z-hook', 'v1.api.needs.example.com'],
      ['widgets.needs.example.com', 'a-widget'],
      [`z-${namespace}`, 'a-inside'],
    ] as const)
      expect(write(need).answered, `${need} before ${user}`).toBeLessThanOrEqual(write(user).time);
    await app.remove();
    for (const ref of everywhere) await lockstep.kube.delete(ref);
  });
});
