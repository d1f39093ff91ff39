import { at, type Json, type JsonObject } from '../../../diff/json.ts';
import { typedValue } from '../../../sync/render/typed-value.ts';
import { parseYaml } from '../../../sync/render/yaml.ts';
import { compact, folderOf, listOf, mapOf, type Notes, textOf } from './note.ts';

/** What of a Delivery says where its manifests come from, and how they are rendered. */
export interface SourceParts {
  readonly source: JsonObject | undefined;
  readonly render: JsonObject;
}

/**
 * The source of an Application.
 * @param values the source that `$name/` in files of values means, by its name
 * @param isDirectory whether it is known to be a folder of plain manifests
 */
export function argoSource(
  source: JsonObject,
  values: ReadonlyMap<string, JsonObject>,
  isDirectory: boolean,
  notes: Notes,
): SourceParts {
  for (const field of ['plugin', 'helm.fileParameters', 'directory.jsonnet'])
    if (at(source, ...field.split('.')) !== undefined && !isEmpty(at(source, ...field.split('.'))))
      notes.refused(`source.${field}`, 'there is nothing like it: render it into Git, or by kustomize or Helm');
  const chart = textOf(source['chart']);
  if (chart !== undefined) return chartSource(source, chart, values, notes);
  const path = folderOf(source['path']);
  const directory = mapOf(source['directory']);
  return {
    source: compact({
      url: urlOf(source['repoURL']),
      ref: refOf(textOf(source['targetRevision']), notes),
      path,
      ignore: isDirectory ? ignoreOf(path, directory) : undefined,
    }),
    render: compact({
      kustomize: kustomizeOf(mapOf(source['kustomize']), notes),
      helm: helmOf(mapOf(source['helm']), ownFiles(source, values, notes), notes),
    }),
  };
}

function isEmpty(value: Json | undefined): boolean {
  return Object.keys(mapOf(value)).length === 0 && listOf(value).length === 0;
}

/** Without a scheme it is a registry. */
function urlOf(value: Json | undefined): string {
  const url = textOf(value) ?? '';
  return url.includes('://') || /^[^/]+@[^/]+:/.test(url) ? url : `oci://${url}`;
}

function chartSource(
  source: JsonObject,
  chart: string,
  values: ReadonlyMap<string, JsonObject>,
  notes: Notes,
): SourceParts {
  const helm = helmOf(mapOf(source['helm']), valueFilesOf(source).filter(isInside), notes);
  const version = textOf(source['targetRevision']);
  const named = compact({
    repository: urlOf(source['repoURL']),
    chart,
    version: version === '*' ? undefined : version,
  });
  const files = valueFilesOf(source);
  const names = new Set(files.flatMap((file) => /^\$([^/]+)\//.exec(file)?.[1] ?? []));
  const [name] = names;
  const beside = name === undefined ? undefined : values.get(name);
  if (name !== undefined && beside === undefined)
    notes.refused('source.helm.valueFiles', `no source has the name ${name}`);
  if (names.size > 1) notes.refused('sources', 'files of values from several repositories: put them into one');
  if (beside === undefined) return { source: undefined, render: { helm: { ...helm, ...named } } };
  const inside = files.filter(isInside);
  if (inside.length > 0)
    notes.refused('source.helm.valueFiles', `${inside.join(', ')} of the chart itself: files are read from Git here`);
  const valuesFiles = files.filter((file) => file.startsWith('$')).map((file) => file.slice(file.indexOf('/')));
  const ref = refOf(textOf(beside['targetRevision']), notes);
  return {
    source: compact({ url: urlOf(beside['repoURL']), ref }),
    render: { helm: { ...helm, ...named, valuesFiles } },
  };
}

function valueFilesOf(source: JsonObject): string[] {
  return listOf(mapOf(source['helm'])['valueFiles']).filter((file) => typeof file === 'string');
}

function isInside(file: string): boolean {
  return !file.startsWith('$');
}

/** The files of values of a chart in Git: those of another source are here only where that is the same repository. */
function ownFiles(source: JsonObject, values: ReadonlyMap<string, JsonObject>, notes: Notes): string[] {
  return valueFilesOf(source).flatMap((file) => {
    if (isInside(file)) return [file];
    const [, name = '', path = ''] = /^\$([^/]+)(\/.*)$/.exec(file) ?? [];
    const beside = values.get(name);
    const isSame = beside?.['repoURL'] === source['repoURL'] && beside?.['targetRevision'] === source['targetRevision'];
    if (isSame) return [path];
    notes.refused(
      'source.helm.valueFiles',
      `${file} stands in another repository than the chart: put it beside the chart`,
    );
    return [];
  });
}

/** Argo CD does not say whether a name is a branch or a tag. */
export function refOf(revision: string | undefined, notes: Notes): JsonObject {
  if (revision === undefined || revision === 'HEAD') return { name: 'HEAD' };
  if (/^[0-9a-f]{40}$/.test(revision) || revision === '{{ commit }}') return { commit: revision };
  if (revision.startsWith('refs/')) return { name: revision };
  if (revision === '*') return { semver: revision };
  if (/[*x^~<>=|]|\s-\s/.test(revision) && /\d/.test(revision) && /^[\dv*x^~<>=|.,\s-]+$/.test(revision))
    return { semver: revision };
  if (!/^v?\d+\.\d+(\.\d+)?([-+].*)?$/.test(revision)) return { branch: revision };
  notes.differs(
    'source.targetRevision',
    `${revision} is taken for a tag; if it is a branch, write ref: {branch: ${revision}}`,
  );
  return { tag: revision };
}

/** A folder of plain manifests is not looked into any deeper, unless that is said. */
function ignoreOf(path: string, directory: JsonObject): string | undefined {
  const top = path === '' ? '' : `/${path}`;
  const globs = (field: string): string[] =>
    (textOf(directory[field]) ?? '')
      .replace(/^\{(.*)\}$/, '$1')
      .split(',')
      .map((glob) => glob.trim())
      .filter((glob) => glob !== '');
  const included = globs('include').map((glob) => `!${top}/${glob}`);
  const lines = [
    ...(included.length === 0 ? [] : [`${top}/**`, ...included]),
    ...globs('exclude').map((glob) => `${top}/${glob}`),
    ...(directory['recurse'] === true ? [] : [`${top}/*/`]),
  ];
  return lines.length === 0 ? undefined : `${lines.join('\n')}\n`;
}

function helmOf(helm: JsonObject, files: readonly string[], notes: Notes): JsonObject {
  for (const field of ['apiVersions', 'kubeVersion', 'namespace'])
    if (helm[field] !== undefined) notes.differs(`source.helm.${field}`, 'is that of the target cluster');
  if (helm['ignoreMissingValueFiles'] === true)
    notes.refused('source.helm.ignoreMissingValueFiles', 'a file of values that is missing is an error');
  const given = [mapOf(helm['valuesObject']), valuesIn(textOf(helm['values']), notes)];
  const values = structuredClone(given.find((one) => Object.keys(one).length > 0) ?? {});
  for (const parameter of listOf(helm['parameters'])) setValue(values, mapOf(parameter), notes);
  return compact({
    releaseName: textOf(helm['releaseName']),
    valuesFiles: [...files],
    values,
    skipCrds: helm['skipCrds'] === true ? true : undefined,
    skipSchemaValidation: helm['skipSchemaValidation'] === true ? true : undefined,
  });
}

function valuesIn(text: string | undefined, notes: Notes): JsonObject {
  if (text === undefined) return {};
  try {
    return mapOf(parseYaml(text)[0]);
  } catch {
    notes.refused('source.helm.values', 'a text that is no YAML');
    return {};
  }
}

/** `a.b.c=value`; a text that looks like a number or word is one, unless it is forced to be a text. */
function setValue(values: JsonObject, parameter: JsonObject, notes: Notes): void {
  const whole = textOf(parameter['name']) ?? '';
  if (/(?<!\\)\[/.test(whole)) {
    notes.refused(
      'source.helm.parameters',
      `${whole}: one item of a list can not be set: write the whole list into values`,
    );
    return;
  }
  const names = whole.split(/(?<!\\)\./).map((name) => name.replaceAll('\\.', '.'));
  const text = typeof parameter['value'] === 'string' ? parameter['value'] : '';
  const isText = parameter['forceString'] === true;
  const last = names.pop() ?? '';
  let map = values;
  if ([...names, last].includes('__proto__')) {
    notes.refused('source.helm.parameters', `${whole}: no value may have that name`);
    return;
  }
  for (const name of names) {
    const inner = Object.hasOwn(map, name) ? mapOf(map[name]) : {};
    map[name] = inner;
    map = inner;
  }
  map[last] = isText ? text : listed(text);
}

/** `{a,b}` is a list. */
function listed(text: string): Json {
  const [, inner] = /^\{(.*)\}$/.exec(text) ?? [];
  if (inner === undefined) return typedValue(text);
  return inner === '' ? [] : inner.split(/(?<!\\),/).map((one) => typedValue(one.replaceAll('\\,', ',')));
}

function kustomizeOf(kustomize: JsonObject, notes: Notes): JsonObject {
  if (kustomize['version'] !== undefined)
    notes.differs('source.kustomize.version', 'kustomize is the one that Lockstep holds');
  if (kustomize['commonLabels'] !== undefined && kustomize['labelWithoutSelector'] !== true)
    notes.differs(
      'source.kustomize.commonLabels',
      'labels are on objects and their pods, and not on selectors: add them in the kustomization where they must be',
    );
  const patches = listOf(kustomize['patches']).map(mapOf);
  if (patches.some(({ patch }) => textOf(patch) === undefined))
    notes.refused('source.kustomize.patches', 'one that stands in a file: name it in the kustomization');
  return compact({
    namespace: textOf(kustomize['namespace']),
    namePrefix: textOf(kustomize['namePrefix']),
    nameSuffix: textOf(kustomize['nameSuffix']),
    labels: mapOf(kustomize['commonLabels']),
    annotations: mapOf(kustomize['commonAnnotations']),
    images: listOf(kustomize['images']).flatMap((image) => (typeof image === 'string' ? imageOf(image) : [])),
    replicas: [...listOf(kustomize['replicas'])],
    patches: patches
      .filter(({ patch }) => textOf(patch) !== undefined)
      .map(({ patch, target }) => compact({ patch, target: mapOf(target) })),
    components: [...listOf(kustomize['components'])],
  });
}

/** `name=newName:tag`, `name:tag`, `name@digest`. */
function imageOf(text: string): JsonObject {
  const [old, now = old] = text.includes('=') ? text.split('=', 2) : [text.replace(/(@.*|:[^/:]*)$/, ''), text];
  const [, name = '', tag, digest] = /^([^@]*?)(?::([^/:@]+))?(?:@(.+))?$/.exec(now ?? '') ?? [];
  return compact({ name: old, newName: name === old ? undefined : name, newTag: tag, digest });
}
