import { textAt } from '../../diff/json.ts';
import type { KubeObject } from '../../sync/types.ts';
import { degraded, healthy, progressing, type Verdict } from '../scale.ts';

/** Elasticsearch of Elastic Cloud on Kubernetes: a phase for what goes on, and a colour for the data. */
export function elasticsearch(object: KubeObject): Verdict {
  const phase = textAt(object, 'status', 'phase') ?? '';
  const colour = textAt(object, 'status', 'health') ?? 'unknown';
  if (phase === 'Invalid' || phase === 'Stalled') return degraded(phase, `its phase is ${phase}; see its events`);
  if (phase !== 'Ready') return progressing(phase || 'NotObserved', phase === '' ? 'was not seen yet' : `is ${phase}`);
  if (colour === 'red') return degraded('Red', 'its health is red: not all of its data is there');
  return colour === 'unknown' ? progressing('Unknown', 'its health is not known yet') : healthy(colour);
}

/** Kibana, Beats and the rest of the stack are red while they start, too: that they may not be joined is their only failure. */
export function elasticStack(object: KubeObject): Verdict {
  const status = textAt(object, 'status', 'associationStatus');
  if (status === 'Failed') return degraded('AssociationFailed', 'its association is Failed; see its events');
  const colour = textAt(object, 'status', 'health') ?? 'unknown';
  return colour === 'green' ? healthy(colour) : progressing(colour, `its health is ${colour}`);
}
