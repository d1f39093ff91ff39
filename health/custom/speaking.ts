import { at, isObject } from '../../diff/json.ts';
import { groupOf, type KubeObject } from '../../sync/types.ts';

/** Kinds of which their controllers write a status as soon as they see them, by group. */
const kinds: Readonly<Record<string, readonly string[]>> = {
  'acid.zalan.do': ['postgresql'],
  'acme.cert-manager.io': ['Order', 'Challenge'],
  'argoproj.io': ['Application', 'Rollout', 'Workflow', 'AnalysisRun', 'EventSource', 'Sensor', 'EventBus'],
  'bitnami.com': ['SealedSecret'],
  'cassandra.datastax.com': ['CassandraDatacenter'],
  'cdi.kubevirt.io': ['DataVolume'],
  'ceph.rook.io': ['CephCluster', 'CephBlockPool', 'CephFilesystem', 'CephObjectStore'],
  'cert-manager.io': ['Certificate', 'CertificateRequest', 'Issuer', 'ClusterIssuer'],
  'cluster.x-k8s.io': ['Cluster', 'Machine', 'MachineDeployment', 'MachineSet', 'MachinePool'],
  'controlplane.cluster.x-k8s.io': ['KubeadmControlPlane'],
  'elasticsearch.k8s.elastic.co': ['Elasticsearch'],
  'eventing.knative.dev': ['Broker', 'Trigger'],
  'external-secrets.io': ['ExternalSecret', 'SecretStore', 'ClusterSecretStore', 'PushSecret', 'ClusterExternalSecret'],
  'flagger.app': ['Canary'],
  'grafana.integreatly.org': ['Grafana', 'GrafanaDashboard', 'GrafanaDatasource', 'GrafanaFolder'],
  'helm.toolkit.fluxcd.io': ['HelmRelease'],
  'image.toolkit.fluxcd.io': ['ImageRepository', 'ImagePolicy', 'ImageUpdateAutomation'],
  'jetstream.nats.io': ['Stream', 'Consumer'],
  'k8s.mariadb.com': ['MariaDB'],
  'kafka.strimzi.io': ['Kafka', 'KafkaTopic', 'KafkaUser', 'KafkaConnect', 'KafkaConnector', 'KafkaBridge', 'KafkaMirrorMaker2'],
  'karpenter.sh': ['NodePool', 'NodeClaim'],
  'keda.sh': ['ScaledObject', 'ScaledJob'],
  'kibana.k8s.elastic.co': ['Kibana'],
  'kubevirt.io': ['VirtualMachine', 'VirtualMachineInstance'],
  'kueue.x-k8s.io': ['Workload', 'ClusterQueue', 'LocalQueue'],
  'kustomize.toolkit.fluxcd.io': ['Kustomization'],
  'kyverno.io': ['ClusterPolicy', 'Policy'],
  'longhorn.io': ['Volume'],
  'mongodbcommunity.mongodb.com': ['MongoDBCommunity'],
  'monitoring.coreos.com': ['Prometheus', 'Alertmanager'],
  'objectbucket.io': ['ObjectBucketClaim'],
  'opentelemetry.io': ['OpenTelemetryCollector'],
  'operators.coreos.com': ['ClusterServiceVersion', 'Subscription', 'InstallPlan', 'CatalogSource'],
  'pkg.crossplane.io': ['Provider', 'Configuration', 'Function', 'ProviderRevision', 'ConfigurationRevision', 'FunctionRevision'],
  'postgresql.cnpg.io': ['Cluster', 'Backup', 'Pooler'],
  'psmdb.percona.com': ['PerconaServerMongoDB'],
  'pxc.percona.com': ['PerconaXtraDBCluster'],
  'rabbitmq.com': ['RabbitmqCluster', 'Queue', 'Exchange', 'Binding', 'User', 'Vhost', 'Policy', 'Permission'],
  'ray.io': ['RayCluster', 'RayJob', 'RayService'],
  'serving.knative.dev': ['Service', 'Route', 'Configuration', 'Revision'],
  'serving.kserve.io': ['InferenceService'],
  'snapshot.storage.k8s.io': ['VolumeSnapshot'],
  'source.toolkit.fluxcd.io': ['GitRepository', 'HelmRepository', 'OCIRepository', 'Bucket', 'HelmChart'],
  'sparkoperator.k8s.io': ['SparkApplication'],
  'tekton.dev': ['PipelineRun', 'TaskRun'],
  'templates.gatekeeper.sh': ['ConstraintTemplate'],
  'velero.io': ['Backup', 'Restore', 'BackupStorageLocation'],
}; // biome-ignore format: a table

/** Clouds: each of their services is a group of its own, and all of its kinds are resources there. */
const clouds = /(?:^|\.)(?:azure\.com|cnrm\.cloud\.google\.com|services\.k8s\.aws)$/;
const notInCloud = new Set([
  'FieldExport',
  'AdoptedResource',
  'IAMRoleSelector',
  'ConfigConnector',
  'ConfigConnectorContext',
]);

/** Whether the controller of an object writes a status of it as soon as it has seen it. */
export function speaks(object: KubeObject): boolean {
  const group = groupOf(object.apiVersion);
  if (kinds[group]?.includes(object.kind) === true) return true;
  // What Crossplane manages elsewhere is told by its spec, in whatever group.
  if (isObject(at(object, 'spec', 'forProvider'))) return true;
  return clouds.test(group) && !notInCloud.has(object.kind);
}
