import type { HealthRule } from '../scale.ts';
import { acmeChallenge } from './acme-challenge.ts';
import { acmeOrder } from './acme-order.ts';
import { argoApplication } from './argo-application.ts';
import { backupStorageLocation } from './backup-storage-location.ts';
import { cephCluster } from './ceph-cluster.ts';
import { certificate } from './certificate.ts';
import { certificateRequest } from './certificate-request.ts';
import { clusterApi } from './cluster-api.ts';
import { kyvernoPolicy } from './cluster-policy.ts';
import { cnpgCluster } from './cnpg-cluster.ts';
import { constraintTemplate } from './constraint-template.ts';
import { crossplanePackage } from './crossplane-package.ts';
import { dataVolume } from './data-volume.ts';
import { elasticStack, elasticsearch } from './elastic.ts';
import { externalSecret } from './external-secret.ts';
import { flux } from './flux.ts';
import { grafana } from './grafana.ts';
import { httpProxy } from './http-proxy.ts';
import { inferenceService } from './inference-service.ts';
import { istio } from './istio.ts';
import { jobSet } from './job-set.ts';
import { karpenter } from './karpenter.ts';
import { rayJob, rayService } from './kuberay.ts';
import { kueueWorkload } from './kueue-workload.ts';
import { longhornVolume } from './longhorn-volume.ts';
import { openTelemetryCollector } from './open-telemetry-collector.ts';
import { prometheusMonitor } from './prometheus-monitor.ts';
import { sealedSecret } from './sealed-secret.ts';
import { sparkApplication } from './spark-application.ts';
import { virtualMachine } from './virtual-machine.ts';

/** A rule for custom kinds of which the convention says too little, or something wrong. */
export interface CustomRule {
  readonly project: string;
  readonly group: string;
  readonly kinds: readonly string[];
  readonly rule: HealthRule;
  /** Why the convention is not enough. */
  readonly why: string;
}

/** The custom kinds that have a rule of their own. The reference page has this table. */
export const customRules: readonly CustomRule[] = [
  {
    project: 'Argo CD',
    group: 'argoproj.io',
    kinds: ['Application'],
    rule: argoApplication,
    why: 'It tells of the health of others, of a sync and of errors in three places, none of which is a condition with a status.',
  },
  {
    project: 'cert-manager',
    group: 'cert-manager.io',
    kinds: ['Certificate'],
    rule: certificate,
    why: 'Ready never says why; whether it is being issued or has failed stands in Issuing.',
  },
  {
    project: 'cert-manager',
    group: 'cert-manager.io',
    kinds: ['CertificateRequest'],
    rule: certificateRequest,
    why: 'An issuer that does not exist is Pending.',
  },
  {
    project: 'cert-manager',
    group: 'acme.cert-manager.io',
    kinds: ['Order'],
    rule: acmeOrder,
    why: 'Its state `ready` is not the end.',
  },
  {
    project: 'cert-manager',
    group: 'acme.cert-manager.io',
    kinds: ['Challenge'],
    rule: acmeChallenge,
    why: 'One that can not be presented is pending for ever.',
  },
  {
    project: 'Cluster API',
    group: 'cluster.x-k8s.io',
    kinds: ['MachineDeployment', 'MachineSet', 'MachinePool', 'KubeadmControlPlane'],
    rule: clusterApi,
    why: 'NotAvailable is said while it starts and when it never will.',
  },
  {
    project: 'CloudNativePG',
    group: 'postgresql.cnpg.io',
    kinds: ['Cluster'],
    rule: cnpgCluster,
    why: 'Its phases are sentences, and it is Ready though its archive does not work.',
  },
  {
    project: 'Contour',
    group: 'projectcontour.io',
    kinds: ['HTTPProxy'],
    rule: httpProxy,
    why: 'The cause stands in a list inside of its condition.',
  },
  {
    project: 'Crossplane',
    group: 'pkg.crossplane.io',
    kinds: ['Provider', 'Configuration', 'Function', 'ProviderRevision', 'ConfigurationRevision', 'FunctionRevision'],
    rule: crossplanePackage,
    why: 'A package is Unhealthy from the beginning on; only the message tells what is still to come.',
  },
  {
    project: 'Elastic Cloud on Kubernetes',
    group: 'elasticsearch.k8s.elastic.co',
    kinds: ['Elasticsearch'],
    rule: elasticsearch,
    why: 'Its phase and the colour of its data must be read together.',
  },
  {
    project: 'Elastic Cloud on Kubernetes',
    group: 'k8s.elastic.co',
    kinds: ['Kibana', 'ApmServer', 'EnterpriseSearch', 'Beat', 'Agent', 'ElasticMapsServer', 'Logstash'],
    rule: elasticStack,
    why: 'Red is the colour of starting, too.',
  },
  {
    project: 'External Secrets',
    group: 'external-secrets.io',
    kinds: ['ExternalSecret', 'PushSecret'],
    rule: externalSecret,
    why: 'The generation that was synced stands in a field of its own.',
  },
  {
    project: 'Flux',
    group: 'toolkit.fluxcd.io',
    kinds: [
      'GitRepository',
      'HelmRepository',
      'OCIRepository',
      'Bucket',
      'HelmChart',
      'Kustomization',
      'HelmRelease',
      'ImageRepository',
      'ImagePolicy',
      'ImageUpdateAutomation',
    ],
    rule: flux,
    why: 'It goes on reconciling while it tells of a failure, and the same reason may mean a wait and a mistake.',
  },
  {
    project: 'Gatekeeper',
    group: 'templates.gatekeeper.sh',
    kinds: ['ConstraintTemplate'],
    rule: constraintTemplate,
    why: 'Each pod says for itself whether it has it.',
  },
  {
    project: 'Grafana operator',
    group: 'grafana.integreatly.org',
    kinds: ['Grafana'],
    rule: grafana,
    why: 'It is made in stages, and its condition is taken away when one fails.',
  },
  {
    project: 'Istio',
    group: 'istio.io',
    kinds: [
      'VirtualService',
      'Gateway',
      'DestinationRule',
      'ServiceEntry',
      'Sidecar',
      'AuthorizationPolicy',
      'RequestAuthentication',
      'PeerAuthentication',
      'EnvoyFilter',
      'WasmPlugin',
      'Telemetry',
    ],
    rule: istio,
    why: 'Errors are messages of an analysis, and a policy that is half dropped counts as accepted.',
  },
  {
    project: 'JobSet',
    group: 'jobset.x-k8s.io',
    kinds: ['JobSet'],
    rule: jobSet,
    why: 'It has no condition while it runs.',
  },
  {
    project: 'Karpenter',
    group: 'karpenter.sh',
    kinds: ['NodePool', 'NodeClaim'],
    rule: karpenter,
    why: 'A pool is Ready though none of its nodes ever comes.',
  },
  {
    project: 'KServe',
    group: 'serving.kserve.io',
    kinds: ['InferenceService'],
    rule: inferenceService,
    why: 'That its model can not be loaded stands beside its conditions.',
  },
  {
    project: 'KubeRay',
    group: 'ray.io',
    kinds: ['RayJob'],
    rule: rayJob,
    why: 'How a run ended is not how the job ends: it may be tried again.',
  },
  {
    project: 'KubeRay',
    group: 'ray.io',
    kinds: ['RayService'],
    rule: rayService,
    why: 'An application that failed stands beside a condition that says Initializing.',
  },
  {
    project: 'KubeVirt',
    group: 'kubevirt.io',
    kinds: ['VirtualMachine'],
    rule: virtualMachine,
    why: 'Its conditions are those of an instance that may not be there; what it prints of itself is right.',
  },
  {
    project: 'KubeVirt',
    group: 'cdi.kubevirt.io',
    kinds: ['DataVolume'],
    rule: dataVolume,
    why: 'One that waits for its first consumer must not hold up the wave before that.',
  },
  {
    project: 'Kueue',
    group: 'kueue.x-k8s.io',
    kinds: ['Workload'],
    rule: kueueWorkload,
    why: 'It may wait for quota as long as it takes, but not for a queue that does not exist.',
  },
  {
    project: 'Kyverno',
    group: 'kyverno.io',
    kinds: ['ClusterPolicy', 'Policy'],
    rule: kyvernoPolicy,
    why: 'The reason Failed only means that its webhook is not registered yet.',
  },
  {
    project: 'Longhorn',
    group: 'longhorn.io',
    kinds: ['Volume'],
    rule: longhornVolume,
    why: 'A degraded volume is being rebuilt; a faulted one is lost.',
  },
  {
    project: 'OpenTelemetry operator',
    group: 'opentelemetry.io',
    kinds: ['OpenTelemetryCollector'],
    rule: openTelemetryCollector,
    why: 'All it says is `1/2` replicas.',
  },
  {
    project: 'Prometheus operator',
    group: 'monitoring.coreos.com',
    kinds: ['ServiceMonitor', 'PodMonitor', 'Probe', 'PrometheusRule', 'ScrapeConfig'],
    rule: prometheusMonitor,
    why: 'Each Prometheus that selects it has conditions of its own.',
  },
  {
    project: 'Rook',
    group: 'ceph.rook.io',
    kinds: ['CephCluster'],
    rule: cephCluster,
    why: 'An error stands in its state while its phase says Progressing, and Ceph has a health of its own.',
  },
  {
    project: 'Sealed Secrets',
    group: 'bitnami.com',
    kinds: ['SealedSecret'],
    rule: sealedSecret,
    why: 'A failure has no reason, only a message.',
  },
  {
    project: 'Spark operator',
    group: 'sparkoperator.k8s.io',
    kinds: ['SparkApplication'],
    rule: sparkApplication,
    why: 'RUNNING is the end for one that is always run again, and the way for all others.',
  },
  {
    project: 'Velero',
    group: 'velero.io',
    kinds: ['BackupStorageLocation'],
    rule: backupStorageLocation,
    why: 'Unavailable is what was tried and refused.',
  },
];

/** The rule for a custom kind, if it has one of its own. */
export function customRuleOf(group: string, kind: string): HealthRule | undefined {
  return customRules.find((one) => one.kinds.includes(kind) && (group === one.group || group.endsWith(`.${one.group}`)))
    ?.rule;
}
