import { at, type JsonObject, textAt } from '../../../diff/json.ts';
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
  const valuesFiles = [...listOf(at(spec, 'chart', 'spec', 'valuesFiles'))];
  if (valuesFrom.length > 0 && valuesFiles.length > 0)
    notes.differs(
      'valuesFrom',
      'files of values count before values of the cluster; in Flux it is the other way round',
    );
  const helm = compact({
    ...found.helm,
    releaseName: textOf(spec['releaseName']) ?? (target === undefined ? undefined : `${target}-${name}`.slice(0, 53)),
    valuesFiles,
    values: mapOf(spec['values']),
    valuesFrom: valuesFrom.map(({ kind, name: of, valuesKey, targetPath, optional }) =>
      compact({ kind, name: of, valuesKey, targetPath, optional: optional === true ? true : undefined }),
    ),
    skipCrds: at(spec, 'install', 'crds') === 'Skip' ? true : undefined,
  });
  return { manifests: [deliveryOf(object, found.source, { helm }, options, notes)], notes: notes.all };
}

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
