import { objectsAt, textAt } from '../../diff/json.ts';
import type { KubeObject } from '../../sync/types.ts';
import { healthy, progressing, type Verdict } from '../scale.ts';

/** Only a LoadBalancer Service has something to wait for: its address. */
export function service(object: KubeObject): Verdict {
  if (textAt(object, 'spec', 'type') !== 'LoadBalancer') return healthy();
  if (objectsAt(object, 'status', 'loadBalancer', 'ingress').length > 0) return healthy();
  return progressing('NoAddress', 'the load balancer has no address yet');
}
