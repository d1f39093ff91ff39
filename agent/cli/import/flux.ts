import { at, type Json, type JsonObject, textAt } from '../../../diff/json.ts';
import { deliveryApiVersion } from '../../../sync/delivery/crd.ts';
import type { KubeObject } from '../../../sync/types.ts';
import {
  compact,
  folderOf,
  type Imported,
  type ImportOptions,
  listOf,
  mapOf,
  type Notes,
  notesOn,
  textOf,
} from './note.ts';

/** Objects by their kind, namespace and name: `GitRepository flux-system/shop`. */
export type FluxSources = ReadonlyMap<string, KubeObject>;

export function sourceName(kind: string, namespace: string, name: string): string {
  return `${kind} ${namespace}/${name}`;
}

/** What a Kustomization and its source are as a Delivery. */
export function importKustomization(object: KubeObject, sources: FluxSources, options: ImportOptions): Imported {
  const { name, namespace = 'default' } = object.metadata;
  const notes = notesOn(`Kustomization ${namespace}/${name}`);
  const spec = mapOf(object['spec']);
  const source = fluxSource(mapOf(spec['sourceRef']), namespace, sources, notes);
  if (source === undefined) return { manifests: [], notes: notes.all };
  const path = folderOf(spec['path']);
  const render = compact({
    kustomize: overlayOf(spec, notes),
    substitute: substituteOf(spec, notes),
    decryption: decryptionOf(spec, notes),
  });
  for (const field of ['healthChecks', 'retryInterval', 'ignoreMissingComponents', 'buildMetadata'])
    if (spec[field] !== undefined)
      notes.differs(
        field,
        field === 'healthChecks' ? 'all objects are waited for' : 'there is nothing like it, and nothing that needs it',
      );
  return { manifests: [deliveryOf(object, { ...source, path }, render, options, notes)], notes: notes.all };
}

/** What is the same for a Kustomization and a HelmRelease. */
export function deliveryOf(
  { metadata: { name, namespace = 'default' }, kind, spec: given }: KubeObject,
  source: JsonObject | undefined,
  render: JsonObject,
  { isActive }: ImportOptions,
  notes: Notes,
): KubeObject {
  const spec = mapOf(given as Json);
  if (spec['serviceAccountName'] === undefined)
    notes.differs(
      'serviceAccountName',
      `Flux acted as itself: make a service account lockstep in ${namespace} with the rights that it needs`,
    );
  const kubeconfig = textAt(spec, 'kubeConfig', 'secretRef', 'name');
  if (spec['kubeConfig'] !== undefined && kubeconfig === undefined)
    notes.refused('kubeConfig', 'identities of clouds: put a kubeconfig into a Secret');
  if (kubeconfig !== undefined && spec['serviceAccountName'] !== undefined)
    notes.refused(
      'kubeConfig',
      'Flux acts as the service account in the other cluster; here the user of the kubeconfig does all: give it no more rights than that account has',
    );
  const key = textAt(spec, 'kubeConfig', 'secretRef', 'key');
  if (key !== undefined && !['value', 'value.yaml', 'kubeconfig'].includes(key))
    notes.refused('kubeConfig.secretRef.key', `put what stands under ${key} under kubeconfig`);
  noteManner(spec, notes);
  const timeout = textOf(spec['timeout']);
  return {
    apiVersion: deliveryApiVersion,
    kind: 'Delivery',
    metadata: { name, namespace },
    spec: compact({
      suspend: spec['suspend'] === true || !isActive ? true : undefined,
      source: source === undefined ? undefined : compact(source),
      render,
      target: compact({
        namespace: kind === 'HelmRelease' ? textOf(spec['targetNamespace']) : undefined,
        serviceAccountName: textOf(spec['serviceAccountName']),
        kubeconfigSecretRef: kubeconfig === undefined ? undefined : { name: kubeconfig },
      }),
      sync: compact({
        adopt: true,
        prune: spec['prune'] === false ? false : undefined,
        ignore: ignoresOf(spec, notes),
      }),
      health: compact({ deadline: timeout, rules: rulesOf(spec) }),
      dependsOn: listOf(spec['dependsOn']).map((one) => dependencyOf(mapOf(one), notes)),
      deletionPolicy: isOrphaning(spec) ? 'orphan' : undefined,
    }),
  };
}

/** How and how often Flux applies. */
function noteManner(spec: JsonObject, notes: Notes): void {
  if (spec['force'] === true)
    notes.differs(
      'force',
      'an object may be replaced where it says so itself: kustomize.toolkit.fluxcd.io/force: enabled',
    );
  if (spec['interval'] !== undefined)
    notes.differs('interval', 'drift is undone at once; how often a server is asked is the interval of its source');
  if (spec['wait'] === false) notes.differs('wait', 'all objects are waited for');
}

function dependencyOf(one: JsonObject, notes: Notes): JsonObject {
  if (one['readyExpr'] !== undefined)
    notes.refused('dependsOn.readyExpr', 'a dependency is met when it is good at what Git says');
  return compact({ name: textOf(one['name']), namespace: textOf(one['namespace']) });
}

/** What it says itself counts; without a word it is as for pruning. */
function isOrphaning(spec: JsonObject): boolean {
  const policy = textOf(spec['deletionPolicy']) ?? 'MirrorPrune';
  return policy === 'Orphan' || (policy === 'MirrorPrune' && spec['prune'] === false);
}

/** A rule that is for more objects here than there is none. */
function ignoresOf(spec: JsonObject, notes: Notes): Json[] {
  const rules = [...listOf(spec['ignore']), ...listOf(at(spec, 'driftDetection', 'ignore'))].map(mapOf);
  return rules.flatMap((rule) => {
    const target = mapOf(rule['target']);
    const paths = listOf(rule['paths']).filter((path) => path !== '' && path !== '/');
    if (paths.length === 0) {
      notes.refused('ignore', 'a whole object: put kustomize.toolkit.fluxcd.io/reconcile: disabled onto it');
      return [];
    }
    const named = Object.entries(target).filter(([, value]) => textOf(value) !== undefined);
    const wrong = named.find(([field, value]) => !targetFields.includes(field) || !isPlainName(value));
    if (wrong !== undefined) {
      notes.refused(
        'ignore',
        `its target names objects by ${wrong[0]}: ${String(wrong[1])}; write a rule for each kind or name`,
      );
      return [];
    }
    return [
      compact({ ...Object.fromEntries(named.filter(([field]) => field !== 'version')), jsonPointers: [...paths] }),
    ];
  });
}

const targetFields = ['kind', 'name', 'namespace', 'group', 'version'];

/** Flux takes them for regular expressions. */
function isPlainName(value: Json | undefined): boolean {
  return /^[A-Za-z0-9.-]+$/.test(String(value));
}

/** Rules of CEL are written over the whole object there, as `status.…`; here it is `self`. */
function rulesOf(spec: JsonObject): Json[] {
  const expression = (text: Json | undefined): string | undefined =>
    textOf(text)?.replaceAll(/(?<![\w.'"])(status|metadata|spec|data)(?=[.[])/g, 'self.$1');
  return listOf(spec['healthCheckExprs'])
    .map(mapOf)
    .map((rule) => {
      const apiVersion = textOf(rule['apiVersion']) ?? '';
      return compact({
        group: apiVersion.includes('/') ? apiVersion.split('/')[0] : '',
        kind: textOf(rule['kind']),
        progressing: expression(rule['inProgress']),
        degraded: expression(rule['failed']),
        healthy: expression(rule['current']),
      });
    });
}

/** @returns undefined for one that is not there, or has no counterpart */
export function fluxSource(ref: JsonObject, from: string, sources: FluxSources, notes: Notes): JsonObject | undefined {
  const [kind, name = ''] = [textOf(ref['kind']) ?? 'GitRepository', textOf(ref['name'])];
  const namespace = textOf(ref['namespace']) ?? from;
  const found = sources.get(sourceName(kind, namespace, name));
  if (kind === 'Bucket' || kind === 'ExternalArtifact') {
    notes.refused('sourceRef', `a ${kind} is no source: put what it holds into Git or a registry`);
    return undefined;
  }
  if (found === undefined) {
    notes.refused('sourceRef', `the ${kind} ${namespace}/${name} was not among what was read`);
    return undefined;
  }
  const spec = mapOf(found['spec']);
  const secrets = ['secretRef', 'proxySecretRef'].flatMap((field) => textAt(spec, field, 'name') ?? []);
  if (namespace !== from)
    for (const secret of secrets) notes.differs('sourceRef', `copy the Secret ${namespace}/${secret} into ${from}`);
  for (const field of ['include', 'sparseCheckout', 'certSecretRef', 'layerSelector'])
    if (spec[field] !== undefined) notes.refused(`sourceRef ${kind} ${field}`, 'there is nothing like it');
  if (textOf(spec['provider']) !== undefined && spec['provider'] !== 'generic' && spec['provider'] !== 'github')
    notes.refused(`sourceRef ${kind} provider`, 'identities of clouds: give a token or password by a Secret');
  const shared = {
    url: textOf(spec['url']),
    interval: textOf(spec['interval']),
    secretRef: mapOf(spec['secretRef']),
    proxySecretRef: mapOf(spec['proxySecretRef']),
    ignore: textOf(spec['ignore']),
  };
  return kind === 'OCIRepository' ? ociSource(spec, shared, notes) : gitSource(spec, shared, notes);
}

function ociSource(spec: JsonObject, shared: Record<string, Json | undefined>, notes: Notes): JsonObject {
  if (spec['verify'] !== undefined)
    notes.refused('sourceRef OCIRepository verify', 'signatures of artifacts are not looked at yet');
  const { tag, semver, digest } = mapOf(spec['ref']);
  return compact({
    ...shared,
    ref: compact({ tag, semver, digest }),
    insecure: spec['insecure'] === true ? true : undefined,
  });
}

function gitSource(spec: JsonObject, shared: Record<string, Json | undefined>, notes: Notes): JsonObject {
  const ref = mapOf(spec['ref']);
  const verify = mapOf(spec['verify']);
  if (verify['secretRef'] !== undefined)
    notes.differs('sourceRef GitRepository verify', 'every value of the Secret is a public key');
  const modes: Readonly<Record<string, string>> = { head: 'HEAD' };
  const mode = textOf(verify['mode']) ?? 'HEAD';
  return compact({
    ...shared,
    // Without a word Flux follows master.
    ref: Object.keys(ref).length === 0 ? { branch: 'master' } : ref,
    submodules: spec['recurseSubmodules'] === true ? true : undefined,
    verify:
      Object.keys(verify).length === 0
        ? undefined
        : compact({ mode: modes[mode] ?? mode, secretRef: mapOf(verify['secretRef']) }),
  });
}

function overlayOf(spec: JsonObject, notes: Notes): JsonObject {
  const common = mapOf(spec['commonMetadata']);
  if (Object.keys(common).length > 0) notes.differs('commonMetadata', 'labels and annotations are put onto pods too');
  return compact({
    namespace: textOf(spec['targetNamespace']),
    namePrefix: textOf(spec['namePrefix']),
    nameSuffix: textOf(spec['nameSuffix']),
    labels: mapOf(common['labels']),
    annotations: mapOf(common['annotations']),
    images: listOf(spec['images'])
      .map(mapOf)
      .map(({ name, newName, newTag, digest }) => compact({ name, newName, newTag, digest })),
    patches: listOf(spec['patches'])
      .map(mapOf)
      .map(({ patch, target }) => compact({ patch, target: mapOf(target) })),
    components: [...listOf(spec['components'])],
  });
}

function substituteOf(spec: JsonObject, notes: Notes): JsonObject | undefined {
  const build = mapOf(spec['postBuild']);
  if (spec['postBuild'] !== undefined)
    notes.differs('postBuild', 'a variable that nobody gives and that has no default is an error; in Flux it is empty');
  const from = listOf(build['substituteFrom'])
    .map(mapOf)
    .map(({ kind, name, optional }) => compact({ kind, name, optional: optional === true ? true : undefined }));
  return spec['postBuild'] === undefined ? undefined : compact({ vars: mapOf(build['substitute']), from });
}

function decryptionOf(spec: JsonObject, notes: Notes): JsonObject | undefined {
  const decryption = mapOf(spec['decryption']);
  const name = textAt(decryption, 'secretRef', 'name');
  if (spec['decryption'] !== undefined && name === undefined)
    notes.refused('decryption', 'keys of clouds: encrypt the files for age or OpenPGP too');
  return name === undefined ? undefined : { provider: 'sops', secretRef: { name } };
}
