import { type Json, objectsAt } from '../../../diff/json.ts';
import { readDelivery } from '../../../sync/delivery/delivery.ts';
import { messageOf } from '../../../sync/errors.ts';
import { groupOf, type KubeObject } from '../../../sync/types.ts';
import { importApplication } from './argo.ts';
import { importApplicationSet } from './argo-set.ts';
import { importKustomization, sourceName } from './flux.ts';
import { importHelmRelease } from './flux-helm.ts';
import { type Imported, type ImportOptions, type Note, notesOn } from './note.ts';

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
    if (group === 'argoproj.io' && object.kind === 'Application') {
      const set = setOf(object);
      return [set === undefined ? importApplication(object, projects, options) : madeBySet(object, set)];
    }
    if (group === 'argoproj.io' && object.kind === 'ApplicationSet')
      return [importApplicationSet(object, projects, options)];
    if (group === 'kustomize.toolkit.fluxcd.io') return [importKustomization(object, sources, options)];
    return group === 'helm.toolkit.fluxcd.io' ? [importHelmRelease(object, sources, options)] : [];
  });
  const checked = all.map(onlyReadable);
  const manifests = checked.flatMap((one) => one.manifests);
  return { manifests, notes: [...checked.flatMap((one) => one.notes), ...clashes(manifests)], read: all.length };
}

/** The ApplicationSet that has made an Application: it becomes a set, and makes the Delivery itself. */
function setOf({ metadata }: KubeObject): string | undefined {
  const owner = objectsAt(metadata as unknown as Json, 'ownerReferences').find(({ kind }) => kind === 'ApplicationSet');
  return owner === undefined ? undefined : String(owner['name']);
}

function madeBySet({ metadata }: KubeObject, set: string): Imported {
  const notes = notesOn(`Application ${metadata.namespace ?? ''}/${metadata.name}`);
  notes.differs('metadata.ownerReferences', `left out: it is one of the ApplicationSet ${set}`);
  return { manifests: [], notes: notes.all };
}

/** What Lockstep itself would refuse is not written. */
function onlyReadable({ manifests, notes }: Imported): Imported {
  const problems: Note[] = [];
  const readable = manifests.filter((manifest) => {
    try {
      readDelivery(manifest);
      return true;
    } catch (error) {
      const about = notes[0]?.about ?? `${manifest.kind} ${manifest.metadata.namespace}/${manifest.metadata.name}`;
      problems.push({
        about,
        kind: 'refused',
        field: 'spec',
        message: `what it comes to is not valid: ${messageOf(error)}`,
      });
      return false;
    }
  });
  return { manifests: readable, notes: [...notes, ...problems] };
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
