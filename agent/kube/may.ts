import { at, toJson } from '../../diff/json.ts';
import type { Kinds } from '../../sync/ports.ts';
import { groupOf, type ObjectRef } from '../../sync/types.ts';
import type { KubeHttp } from './http.ts';

/** Something that a person would do, in the API server's words. */
export interface Action {
  readonly verb: string;
  readonly group?: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly namespace?: string | undefined;
  readonly name?: string;
}

/** Whether somebody may do something. @throws ApiError */
export type May = (action: Action) => Promise<boolean>;

/** A user as a token review names them. */
export interface Subject {
  readonly username: string;
  readonly uid?: string | undefined;
  readonly groups: readonly string[];
  readonly extra: Readonly<Record<string, readonly string[]>>;
}

/** Who may see single objects of a kind sees at most so many of them at once. */
const mostByName = 200;

const reviews = '/apis/authorization.k8s.io/v1';

/** Whether the user who calls may do something. */
export async function mayI(http: KubeHttp, action: Action): Promise<boolean> {
  return review(http, 'SelfSubjectAccessReview', { resourceAttributes: { ...action } });
}

/** Whether a user may do something, as the API server's own rules decide. */
export async function maySubject(http: KubeHttp, subject: Subject, action: Action): Promise<boolean> {
  const { username: user, uid, groups, extra } = subject;
  const attributes = { resourceAttributes: { ...action } };
  return review(http, 'SubjectAccessReview', {
    user,
    ...(uid === undefined ? {} : { uid }),
    groups,
    extra,
    ...attributes,
  });
}

async function review(http: KubeHttp, kind: string, spec: object): Promise<boolean> {
  const body = toJson({ apiVersion: 'authorization.k8s.io/v1', kind, spec });
  const path = `${reviews}/${kind.toLowerCase()}s`;
  const answer = await http.request({ method: 'POST', path, body, contentType: 'application/json' });
  return at(answer.body, 'status', 'allowed') === true;
}

/**
 * Whether somebody may get objects: what is recorded of an object is for those who may see it. Each kind is asked for as
 * a whole first, and only where that is refused by name; after many such questions the rest counts as refused.
 */
export function mayGet(may: May, kinds: Kinds): (ref: ObjectRef) => Promise<boolean> {
  const wholes = new Map<string, Promise<boolean>>();
  let byName = 0;
  return async ({ apiVersion, kind, namespace, name }) => {
    const resource = kinds.find(apiVersion, kind)?.plural;
    // Who may see a kind that is not served can't be asked.
    if (resource === undefined) return false;
    const action: Action = { verb: 'get', group: groupOf(apiVersion), resource, namespace };
    const whole = `${action.group}/${resource} ${namespace ?? ''}`;
    const asked = wholes.get(whole) ?? may(action);
    wholes.set(whole, asked);
    if (await asked) return true;
    byName += 1;
    return byName <= mostByName && may({ ...action, name });
  };
}
