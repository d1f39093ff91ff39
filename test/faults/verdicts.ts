import { objectsAt } from '../../diff/json.ts';
import type { App } from '../e2e/support/lockstep.ts';

/** The verdicts on all releases of an app that its status tells, each once. */
export async function verdicts(app: App): Promise<ReadonlySet<unknown>> {
  return new Set(objectsAt(await app.status(), 'status', 'history').map(({ verdict }) => verdict));
}
