import { expect, it, onTestFinished } from 'vitest';
import { at, isObject } from '../../../diff/json.ts';
import { parseYaml } from '../../../sync/render/yaml.ts';
import { deployment, describeOnOwnCluster, useLockstep } from '../support/lockstep.ts';
import { expectBack, held, picture } from '../support/rollback.ts';

/** One row of what re-applying the old manifest alone does not undo. */
interface Row {
  readonly name: string;
  readonly kind: readonly [apiVersion: string, kind: string];
  readonly good: string;
  readonly bad: string;
  /** What the bad revision looks like at the version that is looked at, where that is another one. */
  readonly live?: string;
}

const web = (spec: string): string =>
  deployment('o').replace('      annotations: {}\n', '').replace('  replicas: 1\n', `  replicas: 1\n${spec}`);
const workload = (kind: string, spec: string): string => `apiVersion: apps/v1
kind: ${kind}
metadata: {name: o}
spec:
${spec}  selector: {matchLabels: {app: o}}
  template:
    metadata: {labels: {app: o}}
    spec: {containers: [{name: main, image: "app:1"}]}
`;
const service = (spec: string): string =>
  `apiVersion: v1\nkind: Service\nmetadata: {name: o}\nspec: {selector: {app: o}, ${spec}}\n`;
const account = 'apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: x}\n---\n';

/** What it scales does not exist, so that it is never healthy. */
const scaler = (version: string, spec: string): string =>
  `apiVersion: autoscaling/${version}\nkind: HorizontalPodAutoscaler\nmetadata: {name: o, annotations: {lockstep.dev/health: ignore}}\nspec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: nothing}, maxReplicas: 3${spec}}\n`;
const cpu = 'metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}]';

const rows: readonly Row[] = [
  { name: 'recreate', kind: ['apps/v1', 'Deployment'], good: web('  strategy: {type: Recreate}\n'), bad: web('') },
  { name: 'default', kind: ['apps/v1', 'Deployment'], good: web(''), bad: web('  strategy: {type: Recreate}\n') },
  {
    name: 'account',
    kind: ['apps/v1', 'Deployment'],
    good: web(''),
    bad: account + web('').replace('      containers:', '      serviceAccountName: x\n      containers:'),
  },
  {
    name: 'ondelete',
    kind: ['apps/v1', 'StatefulSet'],
    good: workload('StatefulSet', '  updateStrategy: {type: OnDelete}\n'),
    bad: workload('StatefulSet', ''),
  },
  {
    name: 'ondelete-back',
    kind: ['apps/v1', 'StatefulSet'],
    good: workload('StatefulSet', ''),
    bad: workload('StatefulSet', '  updateStrategy: {type: OnDelete}\n'),
  },
  {
    name: 'daemon',
    kind: ['apps/v1', 'DaemonSet'],
    good: workload('DaemonSet', ''),
    bad: workload('DaemonSet', '  updateStrategy: {type: OnDelete}\n'),
  },
  {
    name: 'daemon-back',
    kind: ['apps/v1', 'DaemonSet'],
    good: workload('DaemonSet', '  updateStrategy: {type: OnDelete}\n'),
    bad: workload('DaemonSet', ''),
  },
  {
    name: 'family',
    kind: ['v1', 'Service'],
    good: service('ports: [{port: 80}]'),
    bad: service('ipFamilyPolicy: PreferDualStack, ports: [{port: 80}]'),
  },
  {
    name: 'node-port',
    kind: ['v1', 'Service'],
    good: service('type: NodePort, ports: [{port: 80}]'),
    bad: service('type: ClusterIP, ports: [{port: 80}]'),
  },
  {
    name: 'cluster-ip',
    kind: ['v1', 'Service'],
    good: service('type: ClusterIP, ports: [{port: 80}]'),
    bad: service('type: NodePort, ports: [{port: 80}]'),
  },
  {
    name: 'balancer',
    kind: ['v1', 'Service'],
    good: service('type: LoadBalancer, externalTrafficPolicy: Local, ports: [{port: 80}]'),
    bad: service('type: ClusterIP, ports: [{port: 80}]'),
  },
  {
    name: 'external',
    kind: ['v1', 'Service'],
    good: service('ports: [{port: 80}]'),
    bad: service('type: ExternalName, externalName: example.com, ports: [{port: 80}]'),
  },
  {
    name: 'external-back',
    kind: ['v1', 'Service'],
    good: service('type: ExternalName, externalName: example.com, ports: [{port: 80}]'),
    bad: service('type: ClusterIP, ports: [{port: 80}]'),
  },
  {
    name: 'hpa',
    kind: ['autoscaling/v2', 'HorizontalPodAutoscaler'],
    good: scaler('v1', ', targetCPUUtilizationPercentage: 50'),
    bad: scaler('v2', ''),
  },
  {
    name: 'hpa-back',
    kind: ['autoscaling/v2', 'HorizontalPodAutoscaler'],
    good: scaler('v2', ''),
    bad: scaler('v1', ', targetCPUUtilizationPercentage: 50'),
    live: scaler('v2', `, ${cpu}`),
  },
];

const spaces = rows.map(({ name }) => `exact-${name}`);
const lockstep = useLockstep(spaces);
/** What makes each bad revision fail. */
const failing = deployment('failing', { image: 'app:missing' });

/** What the manifest of a row asks for; of an account beside it nothing is looked at. */
function specOf(text: string): object {
  const manifest = parseYaml(text).at(-1);
  const spec = at(manifest, 'spec');
  if (!isObject(spec)) throw new Error('a row without a spec');
  return spec;
}

/** Does what a cloud does for a Service of type LoadBalancer. */
function giveAddresses(namespace: string): () => void {
  const path = `/api/v1/namespaces/${namespace}/services/o/status`;
  const body = JSON.stringify({ status: { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } } });
  const give = (): void => {
    const contentType = 'application/merge-patch+json';
    lockstep.kube.http.request({ method: 'PATCH', path, body, contentType }).catch(() => undefined);
  };
  const timer = setInterval(give, 100);
  return () => clearInterval(timer);
}

describeOnOwnCluster('the inverse is exact', () => {
  it.each(rows)('$name', async ({ name, kind, good, bad, live: asLive = bad }) => {
    const app = await lockstep.app(`exact-${name}`, { 'o.yaml': good });
    const stop = name === 'balancer' ? giveAddresses(app.namespace) : () => undefined;
    onTestFinished(stop);
    await app.ready();
    const revision = app.revision;
    const refs = [app.ref(kind[0], kind[1], 'o')];
    const before = await picture(lockstep, refs);
    app.push({ 'o.yaml': bad, 'failing.yaml': failing });
    const status = await held(app);
    await expectBack(lockstep, app, before, refs, revision);
    expect(at(status, 'status', 'leftBehind')).toBeUndefined();
    // Forward, the same change is no trouble.
    app.push({ 'o.yaml': bad, 'failing.yaml': null });
    await app.ready(20_000);
    const live = await app.get(kind[0], kind[1], 'o');
    expect(live).toMatchObject({ spec: specOf(asLive) });
  });
});
