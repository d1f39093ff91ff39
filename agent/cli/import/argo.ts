import { at, isObject, type JsonObject, textAt } from '../../../diff/json.ts';
import { deliveryApiVersion } from '../../../sync/delivery/crd.ts';
import type { KubeObject } from '../../../sync/types.ts';
import { argoSource, type SourceParts } from './argo-source.ts';
import { argoSync } from './argo-sync.ts';
import { compact, type Imported, type ImportOptions, listOf, mapOf, type Notes, notesOn, textOf } from './note.ts';

const ownCluster = 'https://kubernetes.default.svc';
const cascade = /^resources-finalizer\.argocd\.argoproj\.io/;

/**
 * What an Application is as Deliveries: one for each of its sources that makes manifests.
 * @param projects those that were read, by name
 */
export function importApplication(
  object: KubeObject,
  projects: ReadonlyMap<string, KubeObject>,
  options: ImportOptions,
): Imported {
  const notes = notesOn(`Application ${object.metadata.namespace ?? ''}/${object.metadata.name}`);
  const spec = mapOf(object['spec']);
  const project = textOf(spec['project']) ?? 'default';
  if (project !== 'default')
    notes.differs(
      'project',
      `what the project ${project} forbids stands in the ConfigMap lockstep-limits here, for each namespace`,
    );
  for (const name of Object.keys(mapOf(at(object, 'metadata', 'annotations'))))
    if (name.startsWith('notifications.argoproj.io/'))
      notes.refused(`annotation ${name}`, 'Lockstep tells by Kubernetes events, metrics and REST');
  const found = targetOf(object, spec, notes);
  if (found === undefined) return { manifests: [], notes: notes.all };
  const { namespace, target } = found;
  if (project !== 'default' && !projects.has(project))
    notes.refused('project', `the AppProject ${project} was not among what was read: its windows are not known`);
  const sync = argoSync(spec, projects.get(project), { name: object.metadata.name, namespace, target }, notes);
  const parts = sourcesOf(object, spec, notes);
  const manifests = parts.map((part, index): KubeObject => {
    const name = parts.length === 1 ? object.metadata.name : `${object.metadata.name}-${index + 1}`;
    return {
      apiVersion: deliveryApiVersion,
      kind: 'Delivery',
      metadata: { name, namespace },
      spec: deliverySpec(object, part, { target, sync }, options, notes),
    };
  });
  noteLogins(manifests, notes);
  return { manifests, notes: notes.all };
}

function deliverySpec(
  { metadata, spec }: KubeObject,
  { source, render }: SourceParts,
  { target, sync }: { target: JsonObject; sync: JsonObject },
  { isActive }: ImportOptions,
  notes: Notes,
): JsonObject {
  const isCascading = listOf(metadata['finalizers'] as never).some((name) => cascade.test(String(name)));
  const history = at(spec, 'revisionHistoryLimit');
  if (at(spec, 'syncPolicy', 'retry') !== undefined)
    notes.differs(
      'syncPolicy.retry',
      'what passes by itself is tried again until it works; a release that fails is rolled back',
    );
  if (at(spec, 'info') !== undefined) notes.differs('info', 'left out: it is for people');
  return compact({
    suspend: isActive ? undefined : true,
    source,
    render,
    target,
    sync,
    history: typeof history === 'number' && history > 0 ? history : undefined,
    deletionPolicy: isCascading ? undefined : 'orphan',
  });
}

interface Found {
  readonly namespace: string;
  readonly target: JsonObject;
}

/** A Delivery stands in the namespace of what it delivers: it acts as an account there. */
function targetOf(object: KubeObject, spec: JsonObject, notes: Notes): Found | undefined {
  const destination = mapOf(spec['destination']);
  const [server, cluster] = [textOf(destination['server']), textOf(destination['name'])];
  const isOwn = server === ownCluster || cluster === 'in-cluster';
  const wanted = textOf(destination['namespace']);
  if (isOwn) return { namespace: wanted ?? object.metadata.namespace ?? 'default', target: {} };
  if (server?.includes('{{') === true) {
    notes.refused(
      'destination.server',
      'an address that is filled in: name clusters instead, as their Secrets are named',
    );
    return undefined;
  }
  const secret = secretName(cluster ?? (server === undefined ? '' : hostOf(server)));
  notes.differs(
    'destination',
    `make a Secret ${secret} with a kubeconfig of ${server ?? cluster ?? 'that cluster'}, and an account there`,
  );
  const target = compact({ namespace: wanted, kubeconfigSecretRef: { name: secret } });
  return { namespace: object.metadata.namespace ?? 'default', target };
}

/** What is filled in stays as it is. */
function secretName(cluster: string): string {
  const parts = cluster.split(/(\{\{.*?\}\})/);
  return parts
    .map((part, index) => (index % 2 === 1 ? part : part.toLowerCase().replaceAll(/[^a-z0-9.-]+/g, '-')))
    .join('');
}

function hostOf(server: string): string {
  return URL.canParse(server) ? new URL(server).hostname : 'cluster';
}

function sourcesOf(object: KubeObject, spec: JsonObject, notes: Notes): SourceParts[] {
  const many = listOf(spec['sources']).map(mapOf);
  const all = many.length > 0 ? many : [mapOf(spec['source'])];
  const named = new Map(
    all.flatMap((source) => (typeof source['ref'] === 'string' ? [[source['ref'], source] as const] : [])),
  );
  const making = all.filter(
    (source) => source['ref'] === undefined || source['path'] !== undefined || source['chart'] !== undefined,
  );
  if (making.length > 1)
    notes.differs(
      'sources',
      `each of the ${making.length} sources is a Delivery of its own: what one has, another can not change`,
    );
  const type = textAt(object, 'status', 'sourceType');
  return making.map((source) => {
    const isPlain = type === 'Directory' || source['directory'] !== undefined;
    const isKnown =
      type !== undefined ||
      source['kustomize'] !== undefined ||
      source['helm'] !== undefined ||
      source['chart'] !== undefined;
    if (!isPlain && !isKnown)
      notes.differs(
        'source.path',
        'if it holds plain manifests, those in folders below count too: leave them out by spec.source.ignore',
      );
    const part = argoSource(source, named, isPlain, notes);
    return making.length === 1 ? part : withRelease(part, object.metadata.name, !isPlain && !isKnown, notes);
  });
}

/** Of several sources each has the name of the Application for its release. */
function withRelease({ source, render }: SourceParts, name: string, mayBeChart: boolean, notes: Notes): SourceParts {
  const helm = render['helm'];
  if (mayBeChart)
    notes.differs(
      'sources',
      `if one of them is a chart, write render.helm.releaseName: ${name}, so that objects keep their names`,
    );
  return isObject(helm) ? { source, render: { ...render, helm: { releaseName: name, ...helm } } } : { source, render };
}

/** Logins are not copied: they are in the namespace of Argo CD. */
function noteLogins(manifests: readonly KubeObject[], notes: Notes): void {
  const urls = manifests.flatMap(({ spec }) => [
    textAt(spec, 'source', 'url'),
    textAt(spec, 'render', 'helm', 'repository'),
  ]);
  for (const url of new Set(urls))
    if (url !== undefined)
      notes.differs(
        'repository',
        `if ${url} needs a login, make a Secret in the namespace of the Delivery and name it by secretRef`,
      );
}
