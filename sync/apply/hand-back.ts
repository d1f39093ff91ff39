import { fieldManager } from '../stamp.ts';
import type { KubeObject } from '../types.ts';
import type { Applier } from './entry.ts';
import { givenBack, type Taken } from './taken.ts';
import { whileStill, writeEntries } from './write-entries.ts';

/** Makes fields those of their managers again. Their values are there already. */
export function handBack({ cluster, uid }: Applier, object: KubeObject, due: readonly Taken[]): Promise<KubeObject> {
  return whileStill(cluster, object, (still) => writeEntries(cluster, still, givenBack(still, due, fieldManager(uid))));
}
