import { at, isObject, textAt } from '../../diff/json.ts';
import type { KubeObject } from '../../sync/types.ts';
import { condition, explain } from '../kinds/conditions.ts';
import { generic } from '../kinds/generic.ts';
import { degraded, type HealthContext, healthy, progressing, type Verdict } from '../scale.ts';

/** A RayJob: how its run ended counts only once the job as a whole has: it may be tried again. */
export function rayJob(object: KubeObject): Verdict {
  const word = textAt(object, 'status', 'jobDeploymentStatus') ?? '';
  const run = textAt(object, 'status', 'jobStatus') ?? '';
  const why = ['reason', 'message'].map((key) => textAt(object, 'status', key)).filter((one) => one !== undefined);
  const isFailed = word === 'Failed' || word === 'ValidationFailed' || (word === 'Complete' && run !== 'SUCCEEDED');
  if (isFailed) return degraded(why[0] ?? word, why.join(': ') || `is ${word}`);
  if (word === 'Complete') return healthy('Complete');
  return progressing(word || 'NotObserved', word === '' ? 'was not seen yet' : `is ${word}`);
}

/** A RayService: an application that could not be deployed stands beside a condition that only says Initializing. */
export function rayService(object: KubeObject, context: HealthContext): Verdict {
  for (const name of ['pendingServiceStatus', 'activeServiceStatus']) {
    const applications = at(object, 'status', name, 'applicationStatuses');
    for (const [application, status] of Object.entries(isObject(applications) ? applications : {})) {
      if (textAt(status, 'status') === 'DEPLOY_FAILED')
        return degraded(
          'DeployFailed',
          `application ${application}: ${textAt(status, 'message') ?? 'was not deployed'}`,
        );
    }
  }
  const upgrade = condition(object, 'UpgradeInProgress');
  return upgrade?.status === 'True' ? progressing('UpgradeInProgress', explain(upgrade)) : generic(object, context);
}
