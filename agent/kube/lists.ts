import { type Json, objectsAt, textAt } from '../../diff/json.ts';
import { isKubeObject, type KubeObject } from '../../sync/types.ts';

/** The items of a list do not repeat their type. */
export function itemsOf(body: Json): KubeObject[] {
  const kind = (textAt(body, 'kind') ?? '').replace(/List$/, '');
  const apiVersion = textAt(body, 'apiVersion') ?? '';
  return objectsAt(body, 'items')
    .map((item): Json => ({ apiVersion, kind, ...item }))
    .filter(isKubeObject);
}
