import { createHash } from 'node:crypto';
import { at, type Json, type JsonObject, textAt } from '../../../diff/json.ts';
import type { KubeObject } from '../../../sync/types.ts';
import { deliveryOf, type FluxSources, fluxSource, sourceName } from './flux.ts';
import { compact, type Imported, type ImportOptions, listOf, mapOf, type Notes, notesOn, textOf } from './note.ts';

/** What a HelmRelease and its chart are as a Delivery. */
export function importHelmRelease(object: KubeObject, sources: FluxSources, options: ImportOptions): Imported {
  const { name, namespace = 'default' } = object.metadata;
  const notes = notesOn(`HelmRelease ${namespace}/${name}`);
  const spec = mapOf(object['spec']);
  const found = chartOf(spec, namespace, sources, notes);
  if (found === undefined) return { manifests: [], notes: notes.all };
  noteDifferences(spec, notes);
  const target = textOf(spec['targetNamespace']);
  const valuesFrom = listOf(spec['valuesFrom']).map(mapOf);
  const valuesFiles = valuesFilesOf(spec, notes);
  if (valuesFrom.length > 0 && valuesFiles.length > 0)
    notes.differs(
      'valuesFrom',
      'files of values count before values of the cluster; in Flux it is the other way round',
    );
  const helm = compact({
    ...found.helm,
    releaseName: textOf(spec['releaseName']) ?? releaseName(name, target),
    valuesFiles,
    values: mapOf(spec['values']),
    valuesFrom: valuesFrom.map(({ kind, name: of, valuesKey, targetPath, optional }) =>
      compact({ kind, name: of, valuesKey, targetPath, optional: optional === true ? true : undefined }),
    ),
    skipCrds: at(spec, 'install', 'crds') === 'Skip' ? true : undefined,
  });
  return { manifests: [deliveryOf(object, found.source, { helm }, options, notes)], notes: notes.all };
}

/** Flux puts the namespace before it, and shortens what Helm would not take. */
function releaseName(name: string, target: string | undefined): string | undefined {
  const whole = target === undefined ? name : `${target}-${name}`;
  if (whole.length > 53)
    return `${whole.slice(0, 40)}-${createHash('sha256').update(whole).digest('hex').slice(0, 12)}`;
  return whole === name ? undefined : whole;
}

/** Those of a chart in Git are named from the top of the repository. */
function valuesFilesOf(spec: JsonObject, notes: Notes): Json[] {
  const chart = mapOf(at(spec, 'chart', 'spec'));
  const files = listOf(chart['valuesFiles']);
  if (files.length > 0 && !files.includes('values.yaml'))
    notes.differs('chart.spec.valuesFiles', 'the values.yaml of the chart counts too, below them');
  for (const [field, why] of Object.entries(unknown))
    if (chart[field] !== undefined && chart[field] !== false) notes.refused(`chart.spec.${field}`, why);
  const isInGit = textAt(chart, 'sourceRef', 'kind') !== 'HelmRepository';
  if (isInGit && chart['reconcileStrategy'] !== 'Revision' && spec['chart'] !== undefined)
    notes.differs(
      'chart.spec.reconcileStrategy',
      'each commit that changes the chart is released, with a new version of it or not',
    );
  return files.map((file) =>
    isInGit && typeof file === 'string' && !file.startsWith('/') ? `/${file.replace(/^\.\//, '')}` : file,
  );
}

const unknown = {
  verify: 'signatures of charts are not looked at',
  ignoreMissingValuesFiles: 'a file of values that is missing is an error',
};

function noteDifferences(spec: JsonObject, notes: Notes): void {
  for (const field of [
    'install',
    'upgrade',
    'rollback',
    'uninstall',
    'maxHistory',
    'storageNamespace',
    'persistentClient',
  ])
    if (spec[field] !== undefined)
      notes.differs(field, 'there is no Helm release: objects are applied, watched and rolled back by Lockstep');
  if (at(spec, 'install', 'createNamespace') === true)
    notes.refused('install.createNamespace', 'make the namespace, or put it into Git as an object');
  if (at(spec, 'test', 'enable') === true)
    notes.refused('test', 'tests of charts are not run: make what matters a PostSync hook or an analysis');
  if (spec['postRenderers'] !== undefined)
    notes.refused('postRenderers', 'a chart is not changed after it was rendered: use its values');
  if (at(spec, 'driftDetection', 'mode') !== 'enabled')
    notes.differs('driftDetection', 'drift is undone; sync.selfHeal: false only tells it');
}

interface FoundChart {
  readonly source: JsonObject | undefined;
  readonly helm: JsonObject;
}

function chartOf(spec: JsonObject, namespace: string, sources: FluxSources, notes: Notes): FoundChart | undefined {
  const reference = mapOf(spec['chartRef']);
  if (textOf(reference['kind']) === 'OCIRepository') {
    const source = fluxSource(reference, namespace, sources, notes);
    return source === undefined ? undefined : { source, helm: {} };
  }
  const chart = mapOf(at(spec, 'chart', 'spec'));
  const ref = mapOf(chart['sourceRef']);
  if (textOf(ref['kind']) !== 'HelmRepository') {
    const source = fluxSource(ref, namespace, sources, notes);
    return source === undefined
      ? undefined
      : { source: { ...source, path: textOf(chart['chart'])?.replace(/^\.\//, '') ?? '' }, helm: {} };
  }
  const where = textOf(ref['namespace']) ?? namespace;
  const repository = sources.get(sourceName('HelmRepository', where, textOf(ref['name']) ?? ''));
  if (repository === undefined) {
    notes.refused('chart', `the HelmRepository ${where}/${textOf(ref['name'])} was not among what was read`);
    return undefined;
  }
  const secret = textAt(repository, 'spec', 'secretRef', 'name');
  if (secret !== undefined && where !== namespace)
    notes.differs('chart', `copy the Secret ${where}/${secret} into ${namespace}`);
  noteRepository(repository, `HelmRepository ${where}/${textOf(ref['name'])}`, notes);
  const version = textOf(chart['version']);
  return {
    source: undefined,
    helm: compact({
      repository: textAt(repository, 'spec', 'url'),
      chart: textOf(chart['chart']),
      version: version === '*' ? undefined : version,
      secretRef: secret === undefined ? undefined : { name: secret },
      insecure: at(repository, 'spec', 'insecure') === true ? true : undefined,
    }),
  };
}

function noteRepository(repository: KubeObject, title: string, notes: Notes): void {
  if (at(repository, 'spec', 'certSecretRef') !== undefined)
    notes.refused('chart', `put the certificates of the ${title} into the Secret of its secretRef`);
  if (at(repository, 'spec', 'passCredentials') === true)
    notes.refused('chart', `a login of the ${title} only goes to the server itself; a Secret with url names another`);
}
