import { asDeclared, foreignIn } from '../../diff/declared.ts';
import { managedEntries } from '../../diff/field-sets.ts';
import { normalizeManifest } from '../../diff/normalize.ts';
import { isDeliveryManager } from '../../sync/stamp.ts';
import { groupOf, isKubeObject, type KubeObject, refOf } from '../../sync/types.ts';
import { viewDifference } from '../api/views/differences.ts';
import { referenceOf } from '../api/views/resources.ts';
import type { DiffView } from '../api/views/schemas.ts';
import { objectsIn } from './files.ts';

/**
 * `lockstep diff -f FILE --live FILE`: how live objects, as `kubectl get -o yaml` prints them, differ from manifests,
 * without a cluster.
 */
export function diffFiles(wantedFile: string, liveFile: string): DiffView[] {
  const live = objectsIn(liveFile);
  return objectsIn(wantedFile).flatMap((object): DiffView[] => {
    const manifest = normalizeManifest(object);
    const found = live.find((one) => isSameObject(one, object));
    if (!isKubeObject(manifest)) return [];
    const view = differenceOf(manifest, found);
    const isSame = view.release === undefined && view.foreign === undefined;
    return isSame ? [] : [{ ...referenceOf(refOf(found ?? object)), isHidden: false, ...view }];
  });
}

/** A manifest may leave its namespace to the Delivery. */
function isSameObject(live: KubeObject, wanted: KubeObject): boolean {
  const { name, namespace } = wanted.metadata;
  const isNamed = live.kind === wanted.kind && live.metadata.name === name;
  const isThere = namespace === undefined || live.metadata.namespace === namespace;
  return isNamed && isThere && groupOf(live.apiVersion) === groupOf(wanted.apiVersion);
}

function differenceOf(wanted: KubeObject, live: KubeObject | undefined): Pick<DiffView, 'release' | 'foreign'> {
  if (live === undefined) return { release: viewDifference(undefined, wanted) };
  const own = managerIn(live);
  const release = viewDifference(live, asDeclared(live, wanted, own) as KubeObject);
  const foreign = foreignIn(live, wanted, own ?? '');
  return { ...(release.changes.length === 0 ? {} : { release }), ...(foreign.length === 0 ? {} : { foreign }) };
}

/** The Delivery that applied the object, as the API server knows it. */
function managerIn(live: KubeObject): string | undefined {
  return managedEntries(live).find(({ manager, operation }) => operation === 'Apply' && isDeliveryManager(manager))
    ?.manager;
}
