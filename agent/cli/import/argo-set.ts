import { at, isObject, type Json, type JsonObject } from '../../../diff/json.ts';
import { deliveryApiVersion } from '../../../sync/delivery/crd.ts';
import type { KubeObject } from '../../../sync/types.ts';
import { importApplication } from './argo.ts';
import { refOf } from './argo-source.ts';
import { compact, type Imported, type ImportOptions, listOf, mapOf, type Notes, notesOn, textOf } from './note.ts';

/** What an ApplicationSet is as a DeliverySet. */
export function importApplicationSet(
  object: KubeObject,
  projects: ReadonlyMap<string, KubeObject>,
  options: ImportOptions,
): Imported {
  const notes = notesOn(`ApplicationSet ${object.metadata.namespace ?? ''}/${object.metadata.name}`);
  const spec = mapOf(object['spec']);
  const generators = listOf(spec['generators']).flatMap((one) => generatorOf(mapOf(one), notes));
  if (generators.length === 0) {
    notes.refused('generators', 'none of them has a counterpart, so no set is made');
    return { manifests: [], notes: notes.all };
  }
  const template = mapOf(renamed(spec['template'] ?? null, notes));
  const application: KubeObject = {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'Application',
    metadata: {
      namespace: object.metadata.namespace ?? '',
      ...withCascade(mapOf(template['metadata']), mapOf(spec['syncPolicy'])),
      name: String(at(template, 'metadata', 'name')),
    },
    spec: mapOf(template['spec']),
  };
  const made = importApplication(application, projects, { isActive: true });
  for (const { kind, field, message } of made.notes) if (kind !== 'maps') notes[kind](`template.${field}`, message);
  for (const field of ['templatePatch', 'strategy'])
    if (spec[field] !== undefined) notes.refused(field, 'there is nothing like it');
  const [delivery] = made.manifests;
  if (made.manifests.length > 1) notes.refused('template', 'one with several sources: make a set for each');
  if (delivery === undefined || made.manifests.length > 1) return { manifests: [], notes: notes.all };
  const set: KubeObject = {
    apiVersion: deliveryApiVersion,
    kind: 'DeliverySet',
    metadata: { name: object.metadata.name, namespace: object.metadata.namespace ?? 'default' },
    spec: compact({
      suspend: options.isActive ? undefined : true,
      generators,
      deletion: deletionOf(mapOf(spec['syncPolicy'])),
      template: { metadata: compact({ ...delivery.metadata }), spec: delivery['spec'] as JsonObject },
    }),
  };
  return { manifests: [set], notes: notes.all };
}

/** Argo CD itself adds the finalizer by which an Application takes all along, unless it is told otherwise. */
function withCascade(metadata: JsonObject, policy: JsonObject): JsonObject {
  const isPreserved = policy['preserveResourcesOnDeletion'] === true;
  if (isPreserved || listOf(metadata['finalizers']).length > 0) return metadata;
  return { ...metadata, finalizers: ['resources-finalizer.argocd.argoproj.io'] };
}

function deletionOf(policy: JsonObject): string {
  if (policy['preserveResourcesOnDeletion'] === true) return 'orphan';
  const sync = policy['applicationsSync'];
  return sync === 'create-only' || sync === 'create-update' ? 'confirm' : 'delete';
}

const known = ['list', 'git', 'pullRequest'];

function generatorOf(generator: JsonObject, notes: Notes): JsonObject[] {
  for (const name of Object.keys(generator))
    if (!known.includes(name))
      notes.refused(`generators.${name}`, 'there is no such generator; a list or files of a repository may do');
  for (const name of known)
    for (const field of ['template', 'pathParamPrefix', 'elementsYaml'])
      if (at(generator, name, field) !== undefined)
        notes.refused(
          `generators.${name}.${field}`,
          'there is nothing like it: write it into the template or the list',
        );
  const elements = listOf(at(generator, 'list', 'elements'));
  if (generator['list'] !== undefined) return elements.length === 0 ? [] : [{ list: [...elements] }];
  if (generator['git'] !== undefined) return gitOf(mapOf(generator['git']), notes);
  return generator['pullRequest'] === undefined ? [] : requestsOf(mapOf(generator['pullRequest']), notes);
}

function gitOf(git: JsonObject, notes: Notes): JsonObject[] {
  const repository = { url: textOf(git['repoURL']) ?? '', ref: refOf(textOf(git['revision']), notes) };
  if (git['values'] !== undefined) notes.refused('generators.git.values', 'write them into the template');
  const paths = (field: string, isLeftOut: boolean): string[] =>
    listOf(git[field])
      .map(mapOf)
      .filter((one) => (one['exclude'] === true) === isLeftOut)
      .flatMap((one) => textOf(one['path']) ?? []);
  return (['directories', 'files'] as const).flatMap((field) => {
    const include = paths(field, false);
    return include.length === 0 ? [] : [{ [field]: compact({ ...repository, include, exclude: paths(field, true) }) }];
  });
}

/** Where servers answer: Argo CD adds it by itself. */
const apiPaths = { github: '/api/v3', gitlab: '/api/v4', gitea: '/api/v1' } as const;

function requestsOf(asked: JsonObject, notes: Notes): JsonObject[] {
  const provider = (['github', 'gitlab', 'gitea'] as const).find((name) => asked[name] !== undefined);
  if (provider === undefined) {
    notes.refused('generators.pullRequest', 'only GitHub, GitLab and Gitea are asked for requests');
    return [];
  }
  const { owner, repo, project, api, labels, tokenRef, appSecretName } = mapOf(asked[provider]) as Record<string, Json>;
  if (tokenRef !== undefined || appSecretName !== undefined)
    notes.differs(
      'generators.pullRequest',
      'its token is to be the bearerToken of a Secret named requests in the namespace of the set',
    );
  const secretRef = tokenRef === undefined && appSecretName === undefined ? undefined : { name: 'requests' };
  const server = textOf(api)?.replace(/\/+$/, '');
  const end = apiPaths[provider];
  const path = provider === 'gitlab' ? String(project) : `${owner}/${repo}`;
  const branches = listOf(asked['filters']).flatMap((filter) => textOf(mapOf(filter)['targetBranchMatch']) ?? []);
  if (listOf(asked['filters']).length > 0)
    notes.differs('generators.pullRequest.filters', 'only labels and one branch as a target narrow it down');
  const branch = branches.length === 1 && /^[\w./-]+$/.test(branches[0] ?? '') ? branches[0] : undefined;
  return [
    {
      pullRequests: compact({
        provider,
        api: server === undefined || server.endsWith(end) ? server : `${server}${end}`,
        project: path,
        labels: [...listOf(labels)],
        branch,
        secretRef,
      }),
    },
  ];
}

/** Parameters as they are called here. */
const names: Readonly<Record<string, string>> = {
  'path.basename': 'path.name',
  'path.basenameNormalized': 'path.slug',
  'path.path': 'path',
  'path.filename': 'path.file',
  'path.filenameNormalized': 'path.fileSlug',
  branch_slug: 'branchSlug',
  branchSlug: 'branchSlug',
  head_sha: 'commit',
  head_short_sha: 'shortCommit',
  target_branch: 'target',
  target_branch_slug: 'targetSlug',
};

/** Every text of a template, with its parameters by their names here. */
function renamed(value: Json, notes: Notes): Json {
  if (Array.isArray(value)) return value.map((one) => renamed(one, notes));
  if (isObject(value))
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, renamed(inner ?? null, notes)]));
  if (typeof value !== 'string') return value;
  return value.replaceAll(/\{\{-?\s*(.*?)\s*-?\}\}/g, (whole, expression: string) => {
    const name = nameOf(expression);
    if (name !== undefined) return `{{ ${name} }}`;
    notes.refused('template', `${whole} is more than the name of a parameter that there is`);
    return whole;
  });
}

const missing = new Set(['head_short_sha_7', 'labels']);

function nameOf(expression: string): string | undefined {
  const [, index] = /^index \.path\.segments (\d+)$/.exec(expression) ?? /^path\[(\d+)\]$/.exec(expression) ?? [];
  if (index !== undefined) return `path.${index}`;
  const plain = expression.replace(/^\./, '');
  if (!/^[\w-]+(\.[\w-]+)*$/.test(plain) || missing.has(plain)) return undefined;
  return names[plain] ?? plain;
}
