import { at, isObject, type Json, type JsonObject, objectsAt, textAt } from '../../diff/json.ts';
import { groupOf, type KubeObject, keyOf } from '../types.ts';

/** Another object that one refers to. */
export interface Reference {
  readonly group: string;
  readonly kind: string;
  /** Undefined for kinds outside of namespaces. */
  readonly namespace: string | undefined;
  readonly name: string;
  /** Pods can't start without it. */
  readonly isVital: boolean;
}

const rbac = 'rbac.authorization.k8s.io';

/** The key of the object that a reference names. */
export function keyOfReference({ group, kind, namespace, name }: Reference): string {
  const ref = { apiVersion: group === '' ? 'v1' : `${group}/v1`, kind, name };
  return keyOf(namespace === undefined ? ref : { ...ref, namespace });
}

/** Manifests of files that did not change stay the same object: each is looked at once. */
const known = new WeakMap<KubeObject, readonly Reference[]>();

/** What an object of a built-in kind refers to: each must be there before it is of any use. */
export function referencesOf(manifest: KubeObject): readonly Reference[] {
  const found = known.get(manifest) ?? lookAt(manifest);
  known.set(manifest, found);
  return found;
}

function lookAt(manifest: KubeObject): Reference[] {
  const spec = podSpecOf(manifest);
  const pods = spec === undefined ? [] : podReferences(spec, manifest.metadata.namespace ?? '');
  return [...pods, ...(byKind[`${groupOf(manifest.apiVersion)}/${manifest.kind}`]?.(manifest) ?? [])];
}

/** What the pods of an object can't start without. */
export function vitalReferencesOf(manifest: KubeObject): Reference[] {
  return referencesOf(manifest).filter(({ isVital }) => isVital);
}

/** The pod template of an object, wherever its kind has it. */
function podSpecOf(manifest: KubeObject): JsonObject | undefined {
  const spec =
    manifest.kind === 'Pod'
      ? manifest['spec']
      : (at(manifest, 'spec', 'template', 'spec') ?? at(manifest, 'spec', 'jobTemplate', 'spec', 'template', 'spec'));
  return isObject(spec) ? spec : undefined;
}

function podReferences(spec: JsonObject, namespace: string): Reference[] {
  const containers = [...objectsAt(spec, 'initContainers'), ...objectsAt(spec, 'containers')];
  const vital = (kind: string, source: Json | undefined, field: string): Reference[] => {
    const name = textAt(source, field);
    const isOptional = at(source, 'optional') === true;
    return name === undefined ? [] : [{ group: '', kind, namespace, name, isVital: !isOptional }];
  };
  const other = (kind: string, name: string | undefined, home: string | undefined, group = ''): Reference[] =>
    name === undefined ? [] : [{ group, kind, namespace: home, name, isVital: false }];
  return [
    ...containers.flatMap((container) => [
      ...objectsAt(container, 'env').flatMap((env) => [
        ...vital('ConfigMap', at(env, 'valueFrom', 'configMapKeyRef'), 'name'),
        ...vital('Secret', at(env, 'valueFrom', 'secretKeyRef'), 'name'),
      ]),
      ...objectsAt(container, 'envFrom').flatMap((from) => [
        ...vital('ConfigMap', from['configMapRef'], 'name'),
        ...vital('Secret', from['secretRef'], 'name'),
      ]),
    ]),
    ...objectsAt(spec, 'volumes').flatMap((volume) => [
      ...vital('ConfigMap', volume['configMap'], 'name'),
      ...vital('Secret', volume['secret'], 'secretName'),
      ...other('PersistentVolumeClaim', textAt(volume, 'persistentVolumeClaim', 'claimName'), namespace),
      ...objectsAt(volume, 'projected', 'sources').flatMap((source) => [
        ...vital('ConfigMap', source['configMap'], 'name'),
        ...vital('Secret', source['secret'], 'name'),
      ]),
    ]),
    ...objectsAt(spec, 'imagePullSecrets').flatMap((secret) => vital('Secret', secret, 'name')),
    ...other('ServiceAccount', textAt(spec, 'serviceAccountName'), namespace),
    ...other('PriorityClass', textAt(spec, 'priorityClassName'), undefined, 'scheduling.k8s.io'),
    ...other('RuntimeClass', textAt(spec, 'runtimeClassName'), undefined, 'node.k8s.io'),
  ];
}

type Look = (manifest: KubeObject) => Reference[];

const byKind: Readonly<Record<string, Look>> = {
  [`${rbac}/RoleBinding`]: ofBinding,
  [`${rbac}/ClusterRoleBinding`]: ofBinding,
  '/PersistentVolumeClaim': (manifest) => [
    ...named('storage.k8s.io', 'StorageClass', undefined, textAt(manifest, 'spec', 'storageClassName')),
    ...named('', 'PersistentVolume', undefined, textAt(manifest, 'spec', 'volumeName')),
  ],
  'networking.k8s.io/Ingress': ofIngress,
  'autoscaling/HorizontalPodAutoscaler': (manifest) => {
    const target = at(manifest, 'spec', 'scaleTargetRef');
    const group = groupOf(textAt(target, 'apiVersion') ?? '');
    return named(group, textAt(target, 'kind') ?? '', homeOf(manifest), textAt(target, 'name'));
  },
  'admissionregistration.k8s.io/ValidatingWebhookConfiguration': ofWebhooks,
  'admissionregistration.k8s.io/MutatingWebhookConfiguration': ofWebhooks,
  'admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding': ofPolicyBinding,
  'admissionregistration.k8s.io/MutatingAdmissionPolicyBinding': ofPolicyBinding,
  'apiregistration.k8s.io/APIService': (manifest) => ofService(at(manifest, 'spec', 'service')),
  'apiextensions.k8s.io/CustomResourceDefinition': (manifest) =>
    ofService(at(manifest, 'spec', 'conversion', 'webhook', 'clientConfig', 'service')),
  'apps/StatefulSet': (manifest) => named('', 'Service', homeOf(manifest), textAt(manifest, 'spec', 'serviceName')),
};

function homeOf(manifest: KubeObject): string {
  return manifest.metadata.namespace ?? '';
}

function named(group: string, kind: string, namespace: string | undefined, name: string | undefined): Reference[] {
  return name === undefined || name === '' ? [] : [{ group, kind, namespace, name, isVital: false }];
}

function ofService(service: Json | undefined): Reference[] {
  return named('', 'Service', textAt(service, 'namespace') ?? 'default', textAt(service, 'name'));
}

function ofBinding(manifest: KubeObject): Reference[] {
  const kind = textAt(manifest, 'roleRef', 'kind') ?? '';
  const home = kind === 'Role' ? homeOf(manifest) : undefined;
  const accounts = objectsAt(manifest, 'subjects').filter((subject) => subject['kind'] === 'ServiceAccount');
  return [
    ...named(rbac, kind, home, textAt(manifest, 'roleRef', 'name')),
    ...accounts.flatMap((one) =>
      named('', 'ServiceAccount', textAt(one, 'namespace') ?? homeOf(manifest), textAt(one, 'name')),
    ),
  ];
}

function ofIngress(manifest: KubeObject): Reference[] {
  const home = homeOf(manifest);
  const backends = [
    at(manifest, 'spec', 'defaultBackend'),
    ...objectsAt(manifest, 'spec', 'rules').flatMap((rule) =>
      objectsAt(rule, 'http', 'paths').map((path) => path['backend']),
    ),
  ];
  return [
    ...named('networking.k8s.io', 'IngressClass', undefined, textAt(manifest, 'spec', 'ingressClassName')),
    ...backends.flatMap((backend) => named('', 'Service', home, textAt(backend, 'service', 'name'))),
    ...objectsAt(manifest, 'spec', 'tls').flatMap((tls) => named('', 'Secret', home, textAt(tls, 'secretName'))),
  ];
}

function ofWebhooks(manifest: KubeObject): Reference[] {
  return objectsAt(manifest, 'webhooks').flatMap((hook) => ofService(at(hook, 'clientConfig', 'service')));
}

function ofPolicyBinding(manifest: KubeObject): Reference[] {
  const kind = manifest.kind.slice(0, -'Binding'.length);
  return named('admissionregistration.k8s.io', kind, undefined, textAt(manifest, 'spec', 'policyName'));
}

/** The kinds that a CustomResourceDefinition defines, or an APIService serves, as a test for others. */
export function providerOf(manifest: KubeObject): ((user: KubeObject) => boolean) | undefined {
  const [group, kind] = [textAt(manifest, 'spec', 'group'), textAt(manifest, 'spec', 'names', 'kind')];
  if (manifest.kind === 'CustomResourceDefinition')
    return (user) => user.kind === kind && groupOf(user.apiVersion) === group;
  const version = textAt(manifest, 'spec', 'version');
  if (manifest.kind === 'APIService' && at(manifest, 'spec', 'service') !== undefined)
    return (user) => user.apiVersion === `${group}/${version}`;
  return undefined;
}

/** What `config.kubernetes.io/depends-on` names, as keys; a text that can't be understood stays as it is. */
export function dependencies(text: string): { readonly key: string | undefined; readonly text: string }[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => ({ key: keyOfDependency(part), text: part }));
}

/** `GROUP/namespaces/NAMESPACE/KIND/NAME` or `GROUP/KIND/NAME`, the group empty for the core. Source: kubernetes-sigs/cli-utils. */
function keyOfDependency(text: string): string | undefined {
  const words = text.split('/');
  const [group = '', second, namespace = '', kind = '', name = ''] = words;
  if (words.length === 5 && second === 'namespaces' && namespace !== '' && kind !== '' && name !== '')
    return `${group}/${kind}/${namespace}/${name}`;
  if (words.length === 3 && second !== undefined && second !== '' && namespace !== '')
    return `${group}/${second}//${namespace}`;
  return undefined;
}
