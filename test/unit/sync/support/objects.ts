import type { TreeFile } from '../../../../sync/render/plain.ts';
import type { KubeObject } from '../../../../sync/types.ts';

/** An object as it would come out of a file. */
export function object(
  kind: string,
  name: string,
  options: { apiVersion?: string; annotations?: Record<string, string>; namespace?: string; spec?: object } = {},
): KubeObject {
  const { apiVersion = 'v1', annotations = {}, namespace, spec } = options;
  return {
    apiVersion,
    kind,
    metadata: { name, annotations, ...(namespace === undefined ? {} : { namespace }) },
    ...(spec === undefined ? {} : { spec }),
  } as unknown as KubeObject;
}

/** A file of a commit. */
export const file = (path: string, text: string, type: TreeFile['type'] = 'file'): TreeFile => ({
  path,
  oid: `${path}${text}`,
  type,
  read: () => Buffer.from(text),
});
