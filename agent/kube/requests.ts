import { textAt, toJson } from '../../diff/json.ts';
import { deliveryResource } from '../../sync/delivery/crd.ts';
import { requestAnnotation } from '../../sync/delivery/delivery.ts';
import { isConflict } from '../../sync/errors.ts';
import { annotation, isKubeObject } from '../../sync/types.ts';
import type { KubeHttp } from './http.ts';
import { objectPath } from './paths.ts';

/** How often it is tried while somebody else writes the Delivery at the same moment. */
const mostTries = 8;

/**
 * Writes a request onto a Delivery, and never over another one that the agent has not taken note of: that would be lost
 * unseen.
 * @returns the request that stands in the way, as `verb@id`; undefined when it was written
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
    const asked = isKubeObject(delivery) ? annotation(delivery, requestAnnotation) : undefined;
    // It was written, and only the answer to that was lost.
    if (asked === request) return undefined;
    if (asked !== undefined && isPending(asked, textAt(delivery, 'status', 'lastRequest'))) return wordOf(asked);
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

/**
 * Whether the agent has yet to take note of a request. A sync stands in nobody's way: it may last, and whatever else is
 * asked for makes the agent look too.
 */
function isPending(asked: string, taken: string | undefined): boolean {
  return !asked.startsWith('sync@') && wordOf(asked) !== wordOf(taken ?? '');
}

/** `verb@id`: what a request is known by. What follows may be masked in a status. */
function wordOf(request: string): string {
  return request.split(' ', 1)[0] ?? '';
}
