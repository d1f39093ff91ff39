import { at, toJson } from '../../diff/json.ts';
import type { Kinds } from '../../sync/ports.ts';
import { groupOf, type ObjectRef } from '../../sync/types.ts';
import type { KubeHttp } from '../kube/http.ts';

/** Something that a person would do, in the API server's words. */
export interface Action {
  readonly verb: string;
  readonly group?: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly namespace?: string | undefined;
  readonly name?: string;
}

/** Whether the user who calls may do something. */
export async function mayI(http: KubeHttp, action: Action): Promise<boolean> {
  const body = toJson({
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes: { ...action } },
  });
  const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
  const answer = await http.request({ method: 'POST', path, body, contentType: 'application/json' });
  return at(answer.body, 'status', 'allowed') === true;
}

/**
 * Whether the user who calls may get objects: what is recorded of an object is for those who may see it. Each kind is
 * asked for as a whole first, and only where that is refused by name.
 */
export function mayGet(http: KubeHttp, kinds: Kinds): (ref: ObjectRef) => Promise<boolean> {
  const wholes = new Map<string, Promise<boolean>>();
  return async ({ apiVersion, kind, namespace, name }) => {
    const resource = kinds.find(apiVersion, kind)?.plural;
    // Who may see a kind that is not served can't be asked.
    if (resource === undefined) return false;
    const action: Action = { verb: 'get', group: groupOf(apiVersion), resource, namespace };
    const whole = `${action.group}/${resource} ${namespace ?? ''}`;
    const asked = wholes.get(whole) ?? mayI(http, action);
    wholes.set(whole, asked);
    return (await asked) || mayI(http, { ...action, name });
  };
}
