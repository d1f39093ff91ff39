import { textAt, toJson } from '../../diff/json.ts';
import { deliveryResource } from '../../sync/delivery/crd.ts';
import { requestAnnotation, shownRequest } from '../../sync/delivery/delivery.ts';
import { isConflict } from '../../sync/errors.ts';
import { annotation, isKubeObject, type KubeObject } from '../../sync/types.ts';
import { maskText } from '../mask.ts';
import type { KubeHttp } from './http.ts';
import { objectPath } from './paths.ts';

/** How often it is tried while somebody else writes the Delivery at the same moment. */
const mostTries = 8;

/**
 * Writes a request onto a Delivery, and never over another one that the agent has not taken note of: that would be lost
 * unseen.
 * @returns the request that stands in the way; undefined when it was written
 * @throws ApiError
 */
export async function writeRequest(
  http: KubeHttp,
  namespace: string,
  name: string,
  request: string,
): Promise<string | undefined> {
  const path = objectPath(deliveryResource, namespace, name);
  for (let tried = 1; ; tried += 1) {
    const { body: delivery } = await http.request({ method: 'GET', path });
    const pending = isKubeObject(delivery) ? pendingRequest(delivery) : undefined;
    if (pending !== undefined) return pending;
    const resourceVersion = textAt(delivery, 'metadata', 'resourceVersion');
    const body = toJson({ metadata: { resourceVersion, annotations: { [requestAnnotation]: request } } });
    try {
      await http.request({ method: 'PATCH', path, body, contentType: 'application/merge-patch+json' });
      return undefined;
    } catch (error) {
      if (!isConflict(error) || tried === mostTries) throw error;
    }
  }
}

/** The request that the agent has not taken note of yet, as a status would tell it. */
function pendingRequest(delivery: KubeObject): string | undefined {
  const asked = annotation(delivery, requestAnnotation);
  if (asked === undefined) return undefined;
  const told = maskText(shownRequest(asked));
  return told === textAt(delivery, 'status', 'lastRequest') ? undefined : told;
}
