import { isObject, type JsonObject } from '../../diff/json.ts';
import type { SetDeletion } from '../children.ts';
import { LockstepError } from '../errors.ts';
import { artifactFollowedOf, type Followed, followedOf } from '../source/follow.ts';
import { parseSourceUrl } from '../source/url.ts';
import type { DeliverySpec } from './schema.ts';
import type { DeliverySetSpec, GeneratorSpec } from './set-schema.ts';

/** What Deliveries of a set are made for. */
export type Generator =
  | { readonly by: 'list'; readonly elements: readonly JsonObject[] }
  | {
      readonly by: 'directories' | 'files';
      readonly url: string;
      readonly followed: Followed;
      readonly secretName: string | undefined;
      readonly include: readonly string[];
      readonly exclude: readonly string[];
    }
  | {
      readonly by: 'pullRequests';
      readonly provider: 'github' | 'gitlab' | 'gitea';
      readonly api: string | undefined;
      readonly project: string;
      readonly labels: readonly string[];
      readonly branch: string | undefined;
      readonly secretName: string | undefined;
    };

/** A set of Deliveries. */
export interface SetSettings {
  readonly generators: readonly Generator[];
  /** The manifest of a Delivery. */
  readonly template: JsonObject;
  readonly deletion: SetDeletion;
}

/** @throws LockstepError InvalidSpec, SourceUnsupported */
export function readSet({ generators, template, deletion = 'confirm' }: DeliverySetSpec): SetSettings {
  const { metadata, spec } = template as { metadata: JsonObject; spec: JsonObject };
  const annotations = isObject(metadata['annotations']) ? metadata['annotations'] : {};
  // Who deletes by a set has said so once for all. Each Delivery stands for itself: one that fails rolls no other back.
  const allowed = {
    'lockstep.dev/health': 'ignore',
    ...(deletion === 'confirm' ? {} : { 'lockstep.dev/prune': 'allowed' }),
  };
  const policy = deletion === 'orphan' ? { deletionPolicy: 'orphan' } : {};
  return {
    generators: generators.map(readGenerator),
    template: {
      apiVersion: 'lockstep.dev/v1alpha1',
      kind: 'Delivery',
      metadata: { ...metadata, annotations: { ...annotations, ...allowed } },
      spec: { ...spec, ...policy },
    },
    deletion,
  };
}

/** @throws LockstepError InvalidSpec, SourceUnsupported */
function readGenerator(spec: GeneratorSpec, index: number): Generator {
  const field = `spec.generators[${index}]`;
  const { list, directories, files, pullRequests } = spec;
  const given = [list, directories, files, pullRequests].filter((one) => one !== undefined);
  if (given.length !== 1)
    throw new LockstepError('InvalidSpec', `${field} needs one of list, directories, files and pullRequests`);
  if (list !== undefined) return { by: 'list', elements: list as JsonObject[] };
  if (pullRequests !== undefined) {
    const { provider, api, project, labels = [], branch, secretRef } = pullRequests;
    return { by: 'pullRequests', provider, api, project, labels, branch, secretName: secretRef?.name };
  }
  const by = files === undefined ? 'directories' : 'files';
  const { url, ref = {}, secretRef, include = [], exclude = [] } = files ?? directories ?? { url: '' };
  const { scheme } = parseSourceUrl(url, `${field}.${by}.url`);
  const followed = scheme === 'oci' ? artifactFollowedOf(ref) : followedOf(ref);
  return { by, url, followed, secretName: secretRef?.name, include, exclude };
}

/** What a set says of how it is delivered, as a Delivery would say it. */
export function deliverySpecOf({ serviceAccountName, suspend = false }: DeliverySetSpec): DeliverySpec {
  return { target: serviceAccountName === undefined ? {} : { serviceAccountName }, suspend };
}
