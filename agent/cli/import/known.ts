import { isObject, type Json } from '../../../diff/json.ts';

const helm = [
  ...['releaseName', 'valueFiles', 'values', 'valuesObject', 'parameters', 'fileParameters', 'skipCrds', 'skipTests'],
  ...['skipSchemaValidation', 'ignoreMissingValueFiles', 'apiVersions', 'kubeVersion', 'namespace', 'version'],
];
const kustomize = [
  ...['namespace', 'namePrefix', 'nameSuffix', 'images', 'commonLabels', 'labelWithoutSelector', 'commonAnnotations'],
  ...['patches', 'replicas', 'components', 'version'],
];
const source = [
  ...['repoURL', 'path', 'targetRevision', 'chart', 'ref', 'name', 'plugin'],
  ...helm.map((field) => `helm.${field}`),
  ...kustomize.map((field) => `kustomize.${field}`),
  ...['recurse', 'include', 'exclude', 'jsonnet'].map((field) => `directory.${field}`),
];

/** The fields of a `spec` that are read here, by kind. What else there is can not have been taken over. */
const known: Readonly<Record<string, readonly string[]>> = {
  Application: [
    ...['project', 'destination.server', 'destination.name', 'destination.namespace', 'sources'],
    ...source.map((field) => `source.${field}`),
    ...['syncPolicy.automated', 'syncPolicy.syncOptions', 'syncPolicy.retry', 'ignoreDifferences'],
    ...['info', 'revisionHistoryLimit'],
  ],
  ApplicationSet: [
    ...['generators', 'template', 'templatePatch', 'strategy', 'goTemplate', 'goTemplateOptions'],
    ...['syncPolicy.preserveResourcesOnDeletion', 'syncPolicy.applicationsSync'],
  ],
  Kustomization: [
    ...['sourceRef', 'path', 'interval', 'retryInterval', 'timeout', 'suspend', 'prune', 'force', 'wait'],
    ...['targetNamespace', 'namePrefix', 'nameSuffix', 'commonMetadata', 'images', 'patches', 'components'],
    ...['postBuild', 'decryption', 'healthChecks', 'healthCheckExprs', 'dependsOn', 'serviceAccountName'],
    ...['kubeConfig', 'deletionPolicy', 'ignore', 'ignoreMissingComponents', 'buildMetadata'],
  ],
  HelmRelease: [
    ...['chart', 'chartRef', 'interval', 'timeout', 'suspend', 'releaseName', 'targetNamespace', 'storageNamespace'],
    ...['dependsOn', 'values', 'valuesFrom', 'install', 'upgrade', 'rollback', 'uninstall', 'test', 'maxHistory'],
    ...['postRenderers', 'driftDetection', 'serviceAccountName', 'kubeConfig', 'persistentClient', 'healthCheckExprs'],
    ...['deletionPolicy', 'ignore', 'prune', 'force'],
  ],
};

/** The fields of an object that nothing here reads, by their path below `spec`. */
export function unknownFields(kind: string, spec: Json): string[] {
  const own = (known[kind] ?? []).map((field) => field.split('.'));
  const found = unknownBelow(own, spec, []);
  const sources = kind === 'Application' && isObject(spec) && Array.isArray(spec['sources']) ? spec['sources'] : [];
  const ofSource = source.map((field) => field.split('.'));
  return [...new Set([...found, ...sources.flatMap((one) => unknownBelow(ofSource, one, ['sources']))])];
}

/** @param own the paths that are known from here on */
function unknownBelow(own: readonly (readonly string[])[], value: Json, path: readonly string[]): string[] {
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([name, inner]) => {
    const below = own.filter(([first]) => first === name).map((rest) => rest.slice(1));
    if (below.length === 0) return inner === null ? [] : [[...path, name].join('.')];
    return below.some((rest) => rest.length === 0) ? [] : unknownBelow(below, inner, [...path, name]);
  });
}
