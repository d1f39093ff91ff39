import type { KubeObject } from '../../sync/types.ts';
import type { KubeHttp } from './http.ts';
import { follow } from './watch.ts';

/** One object by its name. */
export interface Place {
  readonly namespace: string;
  readonly name: string;
}

/** What becomes of an object that is followed. */
export interface PlaceListener {
  /** How it is now; undefined while there is none. */
  onState(object: KubeObject | undefined): void;
  /** It can't be watched; that is tried again. */
  onFailed(error: Error): void;
}

/**
 * Follows one object of the core group.
 * @returns a function that ends it
 */
export function followOne(
  http: KubeHttp,
  plural: 'configmaps' | 'secrets',
  { namespace, name }: Place,
  { onState, onFailed }: PlaceListener,
): () => void {
  const path = async (): Promise<string> => `/api/v1/namespaces/${encodeURIComponent(namespace)}/${plural}`;
  return follow(http, { path, fieldSelector: `metadata.name=${name}` }, (event) => {
    if (event.type === 'failed') onFailed(event.error);
    else if (event.type === 'changed') onState(event.object);
    else if (event.type === 'deleted' || (event.type === 'synced' && event.uids.size === 0)) onState(undefined);
  });
}
