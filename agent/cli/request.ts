import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { textAt, toJson } from '../../diff/json.ts';
import { condition } from '../../health/kinds/conditions.ts';
import { formatRequest, requestAnnotation } from '../../sync/delivery/delivery.ts';
import { annotation, type KubeObject } from '../../sync/types.ts';
import type { KubeHttp } from '../kube/http.ts';
import { writeRequest } from '../kube/requests.ts';
import { parseConnected } from './arguments.ts';
import { connected, readDeliveryObject } from './connection.ts';
import { printJson, table } from './table.ts';

/** Requests that name a plan. */
const withPlan: ReadonlySet<string> = new Set(['sync', 'confirm', 'approve']);

/** How long the agent has to take note of a request, in milliseconds. */
const patience = 30_000;

/**
 * `lockstep retry NAME` and the like: writes the request onto the Delivery, as the user that the API server knows, and waits
 * until the agent has taken note of it. Exit code 1 when it was refused.
 */
export function requestCommand(verb: string): (args: readonly string[]) => Promise<number> {
  return async (args) => {
    const expected = verb === 'rollback' ? ['NAME', '[REVISION|RELEASE]'] : ['NAME'];
    const options = withPlan.has(verb) ? ({ plan: { type: 'string' } } as const) : {};
    const { words: given, flags, namespace, isJson } = parseConnected(args, expected, options);
    const [name = '', to] = given;
    const { plan } = flags;
    if (verb !== 'sync' && withPlan.has(verb) && plan === undefined) throw new Error('--plan is needed');
    if (plan !== undefined && !/^[\w-]+$/.test(plan)) throw new Error(`${JSON.stringify(plan)} names no plan`);
    if (to !== undefined && !/^[0-9A-Za-z]+$/.test(to)) throw new Error(`${JSON.stringify(to)} names no release`);
    return connected(flags['kubeconfig'], async (http) => {
      const more = { ...(to === undefined ? {} : { to }), ...(plan === undefined ? {} : { plan }) };
      const request = formatRequest(verb, randomUUID().slice(0, 8), await whoAmI(http), more);
      const delivery = await ask(http, namespace, name, request);
      const refused = textAt(delivery, 'status', 'requestRefused');
      if (refused !== undefined) throw new Error(refused);
      const state = textAt(delivery, 'status', 'state') ?? '';
      const message = condition(delivery, 'Ready')?.message ?? '';
      const line = table([[`${namespace}/${name}`, state, message]]);
      if (isJson) printJson(delivery);
      else process.stdout.write(line);
      return 0;
    });
  };
}

async function ask(http: KubeHttp, namespace: string, name: string, request: string): Promise<KubeObject> {
  const pending = await writeRequest(http, namespace, name, request);
  if (pending !== undefined)
    throw new Error(
      `${pending} is not taken note of yet; when the agent runs it soon is, and to take it back: kubectl annotate delivery ${name} -n ${namespace} ${requestAnnotation}-`,
    );
  const end = performance.now() + patience;
  while (performance.now() < end) {
    const delivery = await readDeliveryObject(http, namespace, name);
    if (textAt(delivery, 'status', 'lastRequest') === request) return delivery;
    const asked = annotation(delivery, requestAnnotation);
    if (asked !== request)
      throw new Error(
        `another request took its place: ${asked ?? 'none'}; whether it was carried out, \`lockstep history\` tells`,
      );
    await sleep(100);
  }
  throw new Error(
    `the agent has not taken note of it within ${patience / 1000} s; it is carried out when the agent runs`,
  );
}

/** The user as the API server knows it. */
async function whoAmI(http: KubeHttp): Promise<string> {
  const body = toJson({ apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' });
  const path = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
  const answer = await http.request({ method: 'POST', path, body, contentType: 'application/json' });
  return textAt(answer.body, 'status', 'userInfo', 'username') ?? 'unknown';
}
