import type { ObjectRef } from '../../../sync/types.ts';

/** A ConfigMap as text. */
export function configMap(name: string, data: Readonly<Record<string, string>>, metadata = ''): string {
  const lines = Object.entries(data).map(([key, value]) => `  ${key}: ${JSON.stringify(value)}`);
  return `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\n${metadata}data:\n${lines.join('\n')}\n`;
}

/** A Deployment as text. */
export function deployment(
  name: string,
  options: { replicas?: number; image?: string; wave?: number; pod?: Readonly<Record<string, string>> } = {},
): string {
  const wave = options.wave === undefined ? '' : `  annotations: {lockstep.dev/wave: "${options.wave}"}\n`;
  const pod = JSON.stringify(
    Object.fromEntries(Object.entries(options.pod ?? {}).map(([key, value]) => [`test.lockstep.dev/${key}`, value])),
  );
  return `apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${name}
${wave}spec:
  replicas: ${options.replicas ?? 1}
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata:
      labels: {app: ${name}}
      annotations: ${pod}
    spec:
      containers:
        - name: main
          image: ${options.image ?? 'app:1'}
          ports: [{containerPort: 8080}]
`;
}

/** A version of a custom kind, as far as it is no `v1` that is served, stored and holds anything. */
export interface KindVersion {
  readonly name?: string;
  readonly served?: boolean;
  readonly storage?: boolean;
  /** As YAML on one line. */
  readonly schema?: string;
}

/** A CustomResourceDefinition as text. */
export function customKind(group: string, kind: string, versions: readonly KindVersion[] = [{}]): string {
  const singular = kind.toLowerCase();
  const lines = versions.map(
    ({ name = 'v1', served = true, storage = true, schema = '{type: object}' }) =>
      `    - {name: ${name}, served: ${served}, storage: ${storage}, schema: {openAPIV3Schema: ${schema}}}\n`,
  );
  return `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: ${singular}s.${group}}
spec:
  group: ${group}
  scope: Namespaced
  names: {plural: ${singular}s, singular: ${singular}, kind: ${kind}}
  versions:
${lines.join('')}`;
}

/** How that definition is named to the API server. */
export function customKindRef(group: string, kind: string): ObjectRef {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    name: `${kind.toLowerCase()}s.${group}`,
  };
}

/** What Git LFS commits in place of a file. */
export const lfsPointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'1'.repeat(64)}\nsize 9\n`;
