import { textAt } from '../../diff/json.ts';
import type { KubeObject } from '../../sync/types.ts';
import { healthy, progressing, type Verdict } from '../scale.ts';

/** An OpenTelemetryCollector says `1/2` of its replicas, and nothing else. */
export function openTelemetryCollector(object: KubeObject): Verdict {
  if (textAt(object, 'status', 'version') === undefined) return progressing('NotObserved', 'was not seen yet');
  const [ready = '', wanted = ''] = (textAt(object, 'status', 'scale', 'statusReplicas') ?? '').split('/');
  return Number(ready) < Number(wanted)
    ? progressing('Unavailable', `${ready} of ${wanted} replicas are ready`)
    : healthy('Available');
}
