import { at, numberAt, objectsAt, textAt } from '../../diff/json.ts';
import type { KubeObject } from '../../sync/types.ts';
import { degraded, healthy, suspended, type Verdict } from '../scale.ts';
import { lastWritten } from './silence.ts';

/**
 * A CronJob is degraded when its last run began after its last success and nothing runs now: that run failed. A run from
 * before its last change says nothing of what it is now.
 */
export function cronJob(object: KubeObject): Verdict {
  if (at(object, 'spec', 'suspend') === true) return suspended('CronJobSuspended', 'the CronJob is suspended');
  const scheduled = textAt(object, 'status', 'lastScheduleTime');
  if (scheduled === undefined) return healthy('NotRunYet');
  if (objectsAt(object, 'status', 'active').length > 0) return healthy('Running');
  const succeeded = textAt(object, 'status', 'lastSuccessfulTime');
  if (succeeded !== undefined && Date.parse(succeeded) >= Date.parse(scheduled)) return healthy('LastRunSucceeded');
  // Kubernetes before 1.21 does not say when a run succeeded, and some versions not where no finished Job is kept.
  const isUntold =
    object.apiVersion === 'batch/v1beta1' || numberAt(object, 'spec', 'successfulJobsHistoryLimit') === 0;
  if (succeeded === undefined && isUntold) return healthy('LastRunUnknown');
  const failed = `the run of ${scheduled} did not succeed`;
  if (Date.parse(scheduled) < lastWritten(object)) return healthy('NotRunYet', `${failed}, and it was changed since`);
  return degraded('LastRunFailed', failed);
}
