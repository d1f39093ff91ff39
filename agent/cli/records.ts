import type { ReleaseRecord } from '../../sync/release/record.ts';
import type { KubeHttp } from '../kube/http.ts';
import { createSeals } from '../record-key.ts';
import { readStored } from '../record-reader.ts';
import { createRecordSecrets } from '../record-secrets.ts';

/**
 * The record of a Delivery, for a person who may read the Secrets of the agent's namespace.
 * @throws ApiError; Error that says why there is none
 */
export async function readRecordOf(http: KubeHttp, agentNamespace: string, uid: string): Promise<ReleaseRecord> {
  const stored = await readStored(createRecordSecrets(http, agentNamespace), createSeals(http, agentNamespace), uid);
  if (stored === undefined)
    throw new Error(`there is no record in the namespace ${agentNamespace}; name the agent's with --agent-namespace`);
  if ('problem' in stored) throw new Error(stored.problem);
  return stored.record;
}
