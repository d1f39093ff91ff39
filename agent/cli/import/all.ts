import { type Json, type JsonObject, objectsAt } from '../../../diff/json.ts';
import { readDelivery } from '../../../sync/delivery/delivery.ts';
import { messageOf } from '../../../sync/errors.ts';
import { groupOf, type KubeObject } from '../../../sync/types.ts';
import { importApplication } from './argo.ts';
import { importApplicationSet } from './argo-set.ts';
import { importKustomization, sourceName } from './flux.ts';
import { importHelmRelease } from './flux-helm.ts';
import { unknownFields } from './known.ts';
import { type Imported, type ImportOptions, mapOf, type Note, notesOn } from './note.ts';

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
  function made(object: KubeObject): Imported[] {
    const group = groupOf(object.apiVersion);
    if (group === 'argoproj.io' && object.kind === 'Application') {
      const set = setOf(object);
      return [set === undefined ? importApplication(object, projects, options) : madeBySet(object, set)];
    }
    if (group === 'argoproj.io' && object.kind === 'ApplicationSet')
      return [importApplicationSet(object, projects, options)];
    if (group === 'kustomize.toolkit.fluxcd.io') return [importKustomization(object, sources, options)];
    return group === 'helm.toolkit.fluxcd.io' ? [importHelmRelease(object, sources, options)] : [];
  }
  const all = objects.flatMap((object) =>
    made(object)
      .map(onlyReadable)
      .map((one) => withMapped(object, one)),
  );
  const manifests = all.flatMap((one) => one.manifests);
  return { manifests, notes: [...all.flatMap((one) => one.notes), ...clashes(manifests)], read: all.length };
}

/** What is neither another thing here nor without a counterpart is told too: the fields that are taken over as they are. */
function withMapped({ kind, metadata, ...object }: KubeObject, { manifests, notes: own }: Imported): Imported {
  if (manifests.length === 0) return { manifests, notes: own };
  const about = `${kind} ${metadata.namespace ?? ''}/${metadata.name}`;
  const notes = [...own, ...unknownFields(kind, mapOf(object['spec'])).map((field) => unknownNote(about, field))];
  const told = notes.map(({ field }) => field);
  const isTold = (field: string): boolean =>
    told.some((other) => other === 'spec' || isWithin(field, other) || isWithin(other, field));
  const fields = fieldsOf(mapOf(object['spec'])).filter((field) => !isTold(field));
  const message = manifests.map((one) => `${one.kind} ${one.metadata.namespace}/${one.metadata.name}`).join(', ');
  return { manifests, notes: [{ about, kind: 'maps', field: fields.join(', '), message }, ...notes] };
}

function unknownNote(about: string, field: string): Note {
  return { about, kind: 'refused', field, message: 'there is nothing like it' };
}

/** Fields as they are named in the report: of a map, those that it holds. */
function fieldsOf(spec: JsonObject): string[] {
  return Object.entries(spec).flatMap(([name, value]) => {
    const inner = Object.keys(mapOf(value));
    return inner.length === 0 ? [name] : inner.map((below) => `${name}.${below}`);
  });
}

function isWithin(field: string, other: string): boolean {
  return field === other || field.startsWith(`${other}.`) || field.startsWith(`${other}[`);
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
