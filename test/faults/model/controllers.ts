import { at, numberAt, objectsAt, textAt } from '../../../diff/json.ts';
import { type KubeObject, keyOf, refOf } from '../../../sync/types.ts';
import { failing } from '../content.ts';
import type { Random } from '../random.ts';
import type { ApiServer } from './api-server.ts';
import type { Time } from './time.ts';

/** Plays the controllers of Deployments and Jobs: an image with `bad` in it never runs, and a Job fails whose pod says so. */
export function runControllers(server: ApiServer, time: Time, random: Random): void {
  server.listeners.add(({ type, object }) => {
    if (type === 'deleted') return;
    const generation = numberAt(object, 'metadata', 'generation') ?? 0;
    if (object.kind === 'Deployment' && numberAt(object, 'status', 'observedGeneration') !== generation)
      time.after(random.between(100, 2_000), () => rollOut(server, time, object));
    if (object.kind === 'Job' && at(object, 'status') === undefined)
      time.after(random.between(100, 2_000), () => endJob(server, object));
  });
}

const isBad = (object: KubeObject): boolean =>
  objectsAt(object, 'spec', 'template', 'spec', 'containers').some((one) => textAt(one, 'image')?.includes('bad'));

function rollOut(server: ApiServer, time: Time, object: KubeObject): void {
  const key = keyOf(refOf(object));
  const observedGeneration = numberAt(object, 'metadata', 'generation') ?? 0;
  if (server.objects.get(key)?.metadata['generation'] !== observedGeneration) return;
  const replicas = numberAt(object, 'spec', 'replicas') ?? 1;
  const progressing = { type: 'Progressing', status: 'True', reason: 'ReplicaSetUpdated' };
  if (!isBad(object)) {
    const counts = { replicas, updatedReplicas: replicas, readyReplicas: replicas, availableReplicas: replicas };
    server.setStatus(key, {
      observedGeneration,
      ...counts,
      conditions: [{ ...progressing, reason: 'NewReplicaSetAvailable' }],
    });
    return;
  }
  const counts = { replicas: replicas + 1, updatedReplicas: 1, readyReplicas: replicas, availableReplicas: replicas };
  server.setStatus(key, { observedGeneration, ...counts, conditions: [progressing] });
  time.after(1_000, () => {
    if (server.objects.get(key)?.metadata['generation'] !== observedGeneration) return;
    const failed = {
      type: 'Progressing',
      status: 'False',
      reason: 'ProgressDeadlineExceeded',
      message: 'it never runs',
    };
    server.setStatus(key, { observedGeneration, ...counts, conditions: [failed] });
  });
}

function endJob(server: ApiServer, object: KubeObject): void {
  const key = keyOf(refOf(object));
  if (server.objects.get(key)?.metadata.uid !== object.metadata.uid) return;
  const fails = textAt(object, 'spec', 'template', 'metadata', 'annotations', 'test.lockstep.dev/pod') === failing;
  const end = fails
    ? { type: 'Failed', status: 'True', reason: 'BackoffLimitExceeded', message: 'it failed' }
    : { type: 'Complete', status: 'True' };
  server.setStatus(key, { conditions: [end] });
}
