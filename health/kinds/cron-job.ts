import { at, objectsAt, textAt } from '../../diff/json.ts';
import type { Health, KubeObject } from '../../sync/types.ts';
import { degraded, healthy, suspended } from '../scale.ts';

/** A CronJob is degraded when its last run began after its last success and nothing runs now: that run failed. */
export function cronJob(object: KubeObject): Health {
  if (at(object, 'spec', 'suspend') === true) return suspended('CronJobSuspended', 'the CronJob is suspended');
  const scheduled = textAt(object, 'status', 'lastScheduleTime');
  const succeeded = textAt(object, 'status', 'lastSuccessfulTime');
  const active = objectsAt(object, 'status', 'active').length > 0;
  if (scheduled === undefined || active) return healthy();
  if (succeeded === undefined || Date.parse(succeeded) < Date.parse(scheduled)) {
    return degraded('LastRunFailed', `the run of ${scheduled} did not succeed`);
  }
  return healthy();
}
