import { canonicalJson, isObject, type JsonObject, textsAt, toJson } from '../diff/json.ts';
import { deliveryApiVersion, resourceOf } from '../sync/delivery/crd.ts';
import type { DeliveryStatus } from '../sync/delivery/status-schema.ts';
import { isAbsent } from '../sync/errors.ts';
import { isKubeObject, type KubeObject } from '../sync/types.ts';
import type { Events } from './events.ts';
import type { KubeHttp } from './kube/http.ts';
import { objectPath } from './kube/paths.ts';
import { maskFreeTexts } from './mask.ts';

/** Holds a Delivery until its objects are gone. */
const finalizer = 'lockstep.dev/objects';

/** Writes what the agent has to say about Deliveries onto them. Each answers the Delivery as it is then. */
export interface DeliveryWriter {
  /** Writes the status when it says something new, and an event when that is trouble. */
  status(delivery: KubeObject, status: DeliveryStatus): Promise<KubeObject>;
  /** Keeps the Delivery from vanishing before its objects are taken care of. */
  hold(delivery: KubeObject): Promise<KubeObject>;
  release(delivery: KubeObject): Promise<KubeObject>;
}

export function createDeliveryWriter(http: KubeHttp, events: Events): DeliveryWriter {
  /** Server-side apply drops what the status no longer holds. */
  async function applyStatus(delivery: KubeObject, status: JsonObject): Promise<KubeObject> {
    const { namespace = '', name } = delivery.metadata;
    const body = toJson({ apiVersion: deliveryApiVersion, kind: delivery.kind, metadata: { namespace, name }, status });
    const query = { fieldManager: 'lockstep-status', force: 'true' };
    const contentType = 'application/apply-patch+yaml';
    const answer = await http.request({
      method: 'PATCH',
      path: `${pathOf(delivery)}/status`,
      query,
      body,
      contentType,
    });
    return isKubeObject(answer.body) ? answer.body : delivery;
  }

  async function writeFinalizers(delivery: KubeObject, finalizers: readonly string[]): Promise<KubeObject> {
    const body = toJson({ metadata: { finalizers, resourceVersion: delivery.metadata.resourceVersion } });
    const contentType = 'application/merge-patch+json';
    const answer = await http.request({ method: 'PATCH', path: pathOf(delivery), body, contentType });
    return isKubeObject(answer.body) ? answer.body : delivery;
  }

  return {
    status: async (delivery, status) => {
      const shown: JsonObject = JSON.parse(JSON.stringify(maskFreeTexts(status)));
      const old = statusIn(delivery);
      if (canonicalJson(shown) === canonicalJson(delivery['status'] ?? {})) return delivery;
      try {
        const written = await applyStatus(delivery, shown);
        tellTrouble(events, written, shown, old);
        return written;
      } catch (error) {
        if (isAbsent(error)) return delivery;
        throw error;
      }
    },
    hold: async (delivery) => {
      const finalizers = finalizersOf(delivery);
      return finalizers.includes(finalizer) ? delivery : writeFinalizers(delivery, [...finalizers, finalizer]);
    },
    release: (delivery) =>
      writeFinalizers(
        delivery,
        finalizersOf(delivery).filter((name) => name !== finalizer),
      ),
  };
}

/** What the release tells itself, once, at the moment when it happens: sync/release/tell.ts. */
const toldByRelease = new Set(['ReleaseFailed', 'RollingBack', 'RolledBack', 'RollbackFailed']);

/** What goes wrong, or is waited for, is told as an event when it changes. */
function tellTrouble(events: Events, delivery: KubeObject, status: DeliveryStatus, old: DeliveryStatus): void {
  const [now, before] = [readyOf(status), readyOf(old)];
  if (now === undefined || now.status === 'True' || (now.reason === before?.reason && now.message === before.message))
    return;
  if (toldByRelease.has(now.reason)) return;
  const calm = now.reason === 'Progressing' || now.reason === 'Planning' || now.status === 'Unknown';
  if (calm && now.reason === before?.reason) return;
  events.write(delivery, calm ? 'Normal' : 'Warning', now.reason, now.message);
}

function readyOf(status: DeliveryStatus) {
  return status.conditions?.find((condition) => condition.type === 'Ready');
}

/** The status that a Delivery carries. */
export function statusIn(delivery: KubeObject): DeliveryStatus {
  return isObject(delivery['status']) ? delivery['status'] : {};
}

function pathOf(delivery: KubeObject): string {
  return objectPath(resourceOf(delivery), delivery.metadata.namespace, delivery.metadata.name);
}

function finalizersOf(delivery: KubeObject): string[] {
  return textsAt(delivery, 'metadata', 'finalizers');
}
