import { groupOf, type KubeObject } from '../../../sync/types.ts';
import { importApplication } from './argo.ts';
import { importApplicationSet } from './argo-set.ts';
import { importKustomization, sourceName } from './flux.ts';
import { importHelmRelease } from './flux-helm.ts';
import type { Imported, ImportOptions, Note } from './note.ts';

/** What objects of Argo CD and Flux are as Deliveries and sets; what is neither is left out. */
export function importAll(
  objects: readonly KubeObject[],
  options: ImportOptions,
): Imported & { readonly read: number } {
  const sources = new Map(
    objects.map((object) => [
      sourceName(object.kind, object.metadata.namespace ?? 'default', object.metadata.name),
      object,
    ]),
  );
  const projects = new Map(
    objects.filter(({ kind }) => kind === 'AppProject').map((project) => [project.metadata.name, project]),
  );
  const all = objects.flatMap((object): Imported[] => {
    const group = groupOf(object.apiVersion);
    if (group === 'argoproj.io' && object.kind === 'Application') return [importApplication(object, projects, options)];
    if (group === 'argoproj.io' && object.kind === 'ApplicationSet')
      return [importApplicationSet(object, projects, options)];
    if (group === 'kustomize.toolkit.fluxcd.io') return [importKustomization(object, sources, options)];
    return group === 'helm.toolkit.fluxcd.io' ? [importHelmRelease(object, sources, options)] : [];
  });
  const manifests = all.flatMap((one) => one.manifests);
  return { manifests, notes: [...all.flatMap((one) => one.notes), ...clashes(manifests)], read: all.length };
}

/** Two that would be one. */
function clashes(manifests: readonly KubeObject[]): Note[] {
  const seen = new Set<string>();
  return manifests.flatMap(({ kind, metadata: { namespace, name } }) => {
    const title = `${kind} ${namespace}/${name}`;
    if (!seen.has(title)) {
      seen.add(title);
      return [];
    }
    return [
      {
        about: title,
        kind: 'refused' as const,
        field: 'metadata.name',
        message: 'there are two of this name: give one of them another',
      },
    ];
  });
}
