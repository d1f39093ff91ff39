import { expect, it } from 'vitest';
import { condition } from '../../health/kinds/conditions.ts';
import type { KubeObject } from '../../sync/types.ts';
import { makeNamespace } from './support/furnish.ts';
import { gone, until } from './support/kube.ts';
import { type App, configMap, describeOnOwnCluster, useLockstep } from './support/lockstep.ts';

const lockstep = useLockstep(['refusals', 'refusals-none']);
let app: App;

/** What the API server refuses, and what that means. */
interface Row {
  readonly what: string;
  readonly manifest: string;
  /** What has to be there; answers what takes it away again. */
  prepare?(): Promise<() => Promise<unknown>>;
  readonly reason: string;
  readonly words: RegExp;
  /** Whether only another commit can help; all else is tried again. */
  readonly isStalled: boolean;
}

const kube = () => lockstep.kube;
const elsewhere = (namespace: string): string => configMap('a', { a: '1' }, `  namespace: ${namespace}\n`);
const atPort = (name: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'refusals' },
  spec: { type: 'NodePort', ports: [{ port: 80, nodePort: 31_998 }] },
});
const webhook = {
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: 'ValidatingWebhookConfiguration',
  name: 'refusals',
};
const leaving = { apiVersion: 'v1', kind: 'Namespace', name: 'refusals-leaving' };

const rows: readonly Row[] = [
  {
    what: '422: a value that is not valid',
    manifest: 'apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: [{port: 70000}]}\n',
    reason: 'ApplyRefused',
    words: /Service "s" is invalid: .*spec\.ports\[0\]\.port: Invalid value: 70000/,
    isStalled: true,
  },
  {
    what: '422: a port that another Service has',
    manifest: JSON.stringify(atPort('s')),
    prepare: async () => {
      await kube().apply(atPort('theirs'));
      return () => kube().delete(app.ref('v1', 'Service', 'theirs'));
    },
    reason: 'Blocked',
    words: /Service "s" is invalid: .*31998: provided port is already allocated/,
    isStalled: false,
  },
  {
    what: 'more than the API server stores of one object',
    manifest: configMap('a', { a: 'x'.repeat(1_500_000) }),
    reason: 'InvalidManifests',
    words:
      /x\.yaml \(document 1\): ConfigMap refusals\/a: is 15\d{5} bytes; the API server stores at most 1500000 of one object/,
    isStalled: true,
  },
  {
    what: 'more annotations than the API server takes',
    manifest: configMap('a', { a: '1' }, `  annotations: {example.com/notes: ${'x'.repeat(262_144)}}\n`),
    reason: 'InvalidManifests',
    words:
      /x\.yaml \(document 1\): ConfigMap refusals\/a: metadata\.annotations are 2621\d\d bytes; the API server takes at most 262144/,
    isStalled: true,
  },
  {
    what: '500 in name, for good in truth: a map for a text',
    manifest: 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: {b: c}}\n',
    reason: 'ApplyRefused',
    words: /failed to create typed patch object.*\.data\.a: expected string/,
    isStalled: true,
  },
  {
    what: '422 of a Secret, without its words',
    manifest:
      'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ntype: kubernetes.io/dockerconfigjson\nstringData: {.dockerconfigjson: canary}\n',
    reason: 'ApplyRefused',
    words: /^Secret refusals\/s: the API server answered 4\d\d \w+ at data.*left out/,
    isStalled: true,
  },
  {
    what: '404: a kind that nobody serves',
    manifest: 'apiVersion: none.example.com/v1\nkind: Nothing\nmetadata: {name: a}\n',
    reason: 'KindNotServed',
    words: /Nothing refusals\/a: the API server does not serve Nothing of none\.example\.com\/v1/,
    isStalled: false,
  },
  {
    what: '404: a kind that is served in another spelling',
    manifest: 'apiVersion: v1\nkind: configmap\nmetadata: {name: a}\n',
    reason: 'KindNotServed',
    words: /configmap refusals\/a: the API server does not serve configmap of v1/,
    isStalled: false,
  },
  {
    what: 'a name that is longer than any may be',
    manifest: configMap('x'.repeat(300), { a: '1' }),
    reason: 'ApplyRefused',
    words: /must be no more than 253/,
    isStalled: true,
  },
  {
    what: '404: a namespace that is not there',
    manifest: elsewhere('refusals-absent'),
    reason: 'Blocked',
    words: /namespaces "refusals-absent" not found/,
    isStalled: false,
  },
  {
    what: '403: a namespace on its way out',
    manifest: elsewhere('refusals-leaving'),
    prepare: async () => {
      await makeNamespace(kube(), 'refusals-leaving');
      const held = {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'held', namespace: 'refusals-leaving', finalizers: ['test.lockstep.dev/held'] },
      };
      await kube().apply(held as never);
      await kube().delete(leaving);
      return async () => {
        await kube().edit(
          { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'refusals-leaving', name: 'held' },
          { metadata: { finalizers: null } },
        );
        await gone(kube(), leaving, 60_000);
      };
    },
    reason: 'Blocked',
    words: /because it is being terminated/,
    isStalled: false,
  },
  {
    what: '403: a quota',
    manifest: ['a', 'b', 'c'].map((name) => configMap(name, { a: '1' })).join('---\n'),
    prepare: async () => {
      const quota = { apiVersion: 'v1', kind: 'ResourceQuota', name: 'few', namespace: 'refusals' };
      await kube().apply({
        apiVersion: 'v1',
        kind: 'ResourceQuota',
        metadata: { name: 'few', namespace: 'refusals' },
        spec: { hard: { configmaps: '1' } },
      } as never);
      await until('the quota holds', async () => JSON.stringify(await kube().get(quota)).includes('"used"'));
      return () => kube().delete(quota);
    },
    reason: 'Blocked',
    words: /exceeded quota: few/,
    isStalled: false,
  },
  {
    what: '500: a webhook that does not answer',
    manifest: configMap('a', { a: '1' }),
    prepare: async () => {
      await kube().apply({
        apiVersion: webhook.apiVersion,
        kind: webhook.kind,
        metadata: { name: webhook.name },
        webhooks: [
          {
            name: 'refusals.example.com',
            admissionReviewVersions: ['v1'],
            sideEffects: 'None',
            failurePolicy: 'Fail',
            timeoutSeconds: 1,
            namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'refusals' } },
            rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] }],
            clientConfig: { url: 'https://127.0.0.1:1/' },
          },
        ],
      } as never);
      await until('the webhook is asked', () =>
        kube()
          .apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'tried', namespace: 'refusals' } } as never)
          .then(
            () =>
              kube()
                .delete(app.ref('v1', 'ConfigMap', 'tried'))
                .then(() => false as const),
            () => true,
          ),
      );
      return () => kube().delete(webhook);
    },
    reason: 'Blocked',
    words: /failed calling webhook "refusals\.example\.com"/,
    isStalled: false,
  },
  {
    what: '409: a field of another manager',
    manifest: configMap('theirs', { a: '2' }),
    prepare: async () => {
      await kube().apply(
        {
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: { name: 'theirs', namespace: 'refusals' },
          data: { a: '1' },
        } as never,
        'operator',
      );
      return async () => undefined;
    },
    reason: 'FieldConflict',
    words: /ConfigMap refusals\/theirs: not taken from other managers: data\.a \(owned by operator\)/,
    isStalled: false,
  },
];

describeOnOwnCluster('a refusal of the API server means what it means, in its own words', () => {
  it.each(rows)('$what', async ({ manifest, prepare, reason, words, isStalled }) => {
    app ??= await lockstep.app('refusals', { 'keep.yaml': configMap('keep', { a: '1' }) });
    await app.ready(30_000);
    const clear = await prepare?.();
    const since = Date.now();
    app.push({ 'x.yaml': manifest });
    try {
      expect(await app.refused(reason)).toMatch(words);
      const status = await app.status();
      expect(condition(status, 'Stalled')?.status).toBe(isStalled ? 'True' : 'False');
      expect(JSON.stringify(status)).not.toContain('canary');
      expect(lockstep.agent.output()).not.toContain('canary');
      // Nothing is touched for it.
      expect(app.writes(since)).toEqual([]);
    } finally {
      app.push({ 'x.yaml': null });
      await clear?.();
    }
    await app.ready(30_000);
  });

  it('403: an account without the right', async () => {
    const poor = await lockstep.app('refusals-none', { 'a.yaml': configMap('a', { a: '1' }) }, {}, 'none');
    expect(await poor.refused('Forbidden')).toMatch(
      /User "system:serviceaccount:refusals-none:lockstep" cannot patch resource "configmaps"/,
    );
  });
});
