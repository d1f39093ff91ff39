import { groupOf, type KubeObject } from '../../sync/types.ts';

/**
 * Groups whose controllers write a status of each of their objects, and the kinds of them that get none: as long as there is
 * none of the others, they were not seen, however long that takes.
 */
const groups: Readonly<Record<string, readonly string[]>> = {
  'acid.zalan.do': ['OperatorConfiguration'],
  'acme.cert-manager.io': [],
  'apps.kubeblocks.io': [],
  'argoproj.io': ['AppProject', 'AnalysisTemplate', 'ClusterAnalysisTemplate', 'WorkflowTemplate', 'ClusterWorkflowTemplate', 'CronWorkflow', 'Experiment', 'WorkflowEventBinding'],
  'aws.upbound.io': [],
  'azure.com': [],
  'bitnami.com': [],
  'cassandra.datastax.com': [],
  'cdi.kubevirt.io': ['CDIConfig', 'StorageProfile', 'DataSource', 'DataImportCron'],
  'ceph.rook.io': [],
  'cert-manager.io': [],
  'cluster.x-k8s.io': ['ClusterClass', 'ClusterResourceSet'],
  'cnrm.cloud.google.com': [],
  'crossplane.io': ['ProviderConfig', 'ProviderConfigUsage', 'DeploymentRuntimeConfig', 'ControllerConfig', 'Composition', 'CompositionRevision', 'EnvironmentConfig', 'Usage', 'ClusterUsage', 'ImageConfig', 'StoreConfig'],
  'eventing.knative.dev': [],
  'external-secrets.io': [],
  'flagger.app': ['MetricTemplate', 'AlertProvider'],
  'grafana.integreatly.org': ['GrafanaNotificationTemplate'],
  'jetstream.nats.io': ['Account'],
  'k8s.elastic.co': [],
  'k8s.mariadb.com': [],
  'kafka.strimzi.io': ['KafkaRebalance'],
  'karpenter.sh': ['NodeOverlay'],
  'keda.sh': ['TriggerAuthentication', 'ClusterTriggerAuthentication', 'CloudEventSource'],
  'kubevirt.io': ['VirtualMachineInstancetype', 'VirtualMachineClusterInstancetype', 'VirtualMachinePreference', 'VirtualMachineClusterPreference', 'VirtualMachineInstancePreset'],
  'kueue.x-k8s.io': ['ResourceFlavor', 'WorkloadPriorityClass', 'Topology'],
  'kyverno.io': ['PolicyException', 'CleanupPolicy', 'ClusterCleanupPolicy'],
  'longhorn.io': ['Setting'],
  'mongodbcommunity.mongodb.com': [],
  'monitoring.coreos.com': ['ServiceMonitor', 'PodMonitor', 'Probe', 'PrometheusRule', 'ScrapeConfig', 'AlertmanagerConfig'],
  'objectbucket.io': [],
  'operators.coreos.com': ['OperatorCondition', 'OperatorGroup', 'OLMConfig'],
  'opentelemetry.io': ['Instrumentation'],
  'postgresql.cnpg.io': ['ImageCatalog', 'ClusterImageCatalog'],
  'pxc.percona.com': [],
  'psmdb.percona.com': [],
  'rabbitmq.com': [],
  'ray.io': [],
  'services.k8s.aws': ['FieldExport', 'AdoptedResource'],
  'serving.knative.dev': ['DomainMapping'],
  'serving.kserve.io': ['ServingRuntime', 'ClusterServingRuntime', 'ClusterStorageContainer', 'TrainedModel'],
  'snapshot.storage.k8s.io': ['VolumeSnapshotClass', 'VolumeGroupSnapshotClass'],
  'sparkoperator.k8s.io': [],
  'tekton.dev': ['Pipeline', 'Task', 'StepAction', 'ClusterTask'],
  'templates.gatekeeper.sh': [],
  'toolkit.fluxcd.io': ['Provider', 'Alert'],
  'velero.io': ['Schedule', 'VolumeSnapshotLocation', 'ServerStatusRequest'],
}; // biome-ignore format: a table

/** Whether the controller of an object writes a status of it sooner or later. */
export function speaks({ apiVersion, kind }: KubeObject): boolean {
  const group = groupOf(apiVersion);
  const name = Object.keys(groups).find((one) => group === one || group.endsWith(`.${one}`));
  return name !== undefined && groups[name]?.includes(kind) === false;
}
