import { afterAll, beforeAll, describe, inject } from 'vitest';
import { objectsAt, textAt } from '../../../diff/json.ts';
import { condition } from '../../../health/kinds/conditions.ts';
import type { KubeObject, ObjectRef } from '../../../sync/types.ts';
import { type AgentProcess, startAgentProcess } from './agent.ts';
import { type AuditEntry, agentRequests, readAudit, writes } from './audit.ts';
import { clearNamespace, deliveryOf, deliveryRef, makeNamespace, type Rights } from './furnish.ts';
import { type GitServer, type Repository, startGitServer } from './git-server.ts';
import { connect, gone, type Kube, until } from './kube.ts';

/** One agent, one Git server, and namespaces of a test file's own, on the shared control plane. */
export interface Lockstep {
  readonly kube: Kube;
  readonly git: GitServer;
  /** When the tests of the file began, in milliseconds: what came before is of others. */
  readonly began: number;
  agent: AgentProcess;
  /** A namespace with a repository in it and a Delivery of that. */
  app(
    namespace: string,
    files: Readonly<Record<string, string>>,
    spec?: Record<string, object | string | boolean | number>,
    rights?: Rights,
  ): Promise<App>;
  /** Ends the agent and starts another one. */
  restart(
    signal?: NodeJS.Signals,
    while_?: () => Promise<unknown>,
    environment?: Readonly<Record<string, string>>,
  ): Promise<void>;
  /** Starts one more agent beside the first. */
  another(): Promise<AgentProcess>;
}

/** One Delivery, and what tests ask about it. */
export interface App {
  readonly namespace: string;
  readonly repository: Repository;
  readonly delivery: ObjectRef;
  /** The revision that was pushed last. */
  revision: string;
  /** When that was, in milliseconds. */
  pushedAt: number;
  push(files: Readonly<Record<string, string | null>>, message?: string): string;
  ref(apiVersion: string, kind: string, name: string): ObjectRef;
  get(apiVersion: string, kind: string, name: string): Promise<KubeObject | undefined>;
  /** Waits until the Delivery is Ready at the revision that was pushed last, and that is good and pruned. */
  ready(timeout?: number): Promise<KubeObject>;
  /** Waits until the condition Ready is not True for a reason; answers its message. */
  refused(reason: string, timeout?: number): Promise<string>;
  status(): Promise<KubeObject>;
  /** Asks the agent for something, such as `sync@1`. */
  request(text: string): Promise<void>;
  /** Deletes the Delivery and waits until it is gone. */
  remove(timeout?: number): Promise<void>;
  /** What the agent sent concerning this app since a time, watches left out. */
  requests(since: number): AuditEntry[];
  /** Real writes of objects since a time, in order. */
  writes(since: number): AuditEntry[];
  /** The Kubernetes Events on the Delivery. */
  events(): Promise<{ reason: string; message: string }[]>;
}

/** Tests that need simulated nodes, the audit log or the users of the own control plane; skipped on another cluster. */
export const describeOnOwnCluster = describe.skipIf(inject('auditLog') === '');

/** What a test file wants to be different. */
export interface Options {
  /** `user:password` that the Git server asks for. */
  readonly credentials?: string;
  /** More flags of the agent. */
  readonly flags?: readonly string[];
  /** How the agent reaches the API server, given the kubeconfig of an admin. */
  kubeconfig?(real: string): Promise<string>;
}

/** Starts everything for a test file. Namespaces are named first, because the agent serves only those. */
export function useLockstep(namespaces: readonly string[], options: Options = {}): Lockstep {
  const state: Partial<Lockstep> = {};
  const flags = ['--watch-namespaces', namespaces.join(','), '--log-level', 'debug', ...(options.flags ?? [])];
  let kubeconfig = '';
  beforeAll(async () => {
    const began = Date.now();
    const real = inject('kubeconfig');
    const kube = await connect(real);
    for (const namespace of namespaces) await clearNamespace(kube, namespace);
    const git = await startGitServer({ credentials: options.credentials });
    kubeconfig = (await options.kubeconfig?.(real)) ?? real;
    const agent = await startAgentProcess(kubeconfig, flags);
    Object.assign(state, { kube, git, began, agent });
  });
  afterAll(async () => {
    await state.agent?.stop();
    await state.git?.close();
    await state.kube?.close();
  });
  const lockstep = state as Lockstep;
  lockstep.app = (namespace, files, spec, rights) => makeApp(lockstep, namespace, files, spec, rights);
  lockstep.restart = async (signal, meanwhile, environment) => {
    await lockstep.agent.stop(signal);
    await meanwhile?.();
    lockstep.agent = await startAgentProcess(kubeconfig, flags, environment);
  };
  lockstep.another = () => startAgentProcess(kubeconfig, flags);
  return lockstep;
}

async function makeApp(
  lockstep: Lockstep,
  namespace: string,
  files: Readonly<Record<string, string>>,
  spec: Record<string, object | string | boolean | number> = {},
  rights: Rights = 'cluster',
): Promise<App> {
  const { kube, git } = lockstep;
  await makeNamespace(kube, namespace, rights);
  const repository = git.repository(`${namespace}.git`);
  const app = appOf(lockstep, namespace, repository);
  if (Object.keys(files).length > 0) app.push(files);
  await kube.apply(deliveryOf(namespace, 'app', repository.url, spec));
  return app;
}

/** The questions about a Delivery named `app` in a namespace. */
export function appOf(lockstep: Lockstep, namespace: string, repository: Repository): App {
  const { kube } = lockstep;
  const agentSays = (): string => lockstep.agent.output().split('\n').slice(-12).join('\n');
  const delivery = deliveryRef(namespace, 'app');
  const ref = (apiVersion: string, kind: string, name: string): ObjectRef => ({ apiVersion, kind, namespace, name });
  const status = async (): Promise<KubeObject> => (await kube.get(delivery)) ?? ({} as KubeObject);
  const readyCondition = (object: KubeObject) => condition(object, 'Ready');
  const concerns = (entry: AuditEntry): boolean =>
    entry.namespace === namespace || (entry.impersonated ?? '').startsWith(`system:serviceaccount:${namespace}:`);
  const audit = (since: number): AuditEntry[] => readAudit(inject('auditLog'), Math.max(since, lockstep.began));
  const app: App = {
    namespace,
    repository,
    delivery,
    revision: '',
    pushedAt: 0,
    push: (changed, message) => {
      app.revision = repository.commit(changed, message);
      app.pushedAt = Date.now();
      return app.revision;
    },
    ref,
    get: (apiVersion, kind, name) => kube.get(ref(apiVersion, kind, name)),
    ready: (timeout) =>
      until(
        `${namespace} is Ready at ${app.revision}`,
        async () => {
          const object = await status();
          return readyCondition(object)?.status === 'True' &&
            textAt(object, 'status', 'state') === 'Synced' &&
            textAt(object, 'status', 'revision', 'target') === app.revision
            ? object
            : undefined;
        },
        timeout,
      ).catch(async (error: Error) => {
        throw new Error(`${error.message}: ${JSON.stringify((await status())['status'])}\n${agentSays()}`);
      }),
    refused: (reason, timeout) =>
      until(
        `${namespace} is not Ready for ${reason}`,
        async () => {
          const ready = readyCondition(await status());
          return ready?.status !== 'True' && ready?.reason === reason ? ready.message : undefined;
        },
        timeout,
      ).catch(async (error: Error) => {
        throw new Error(`${error.message}: ${JSON.stringify((await status())['status'])}\n${agentSays()}`);
      }),
    status,
    request: async (text) => {
      await kube.edit(delivery, { metadata: { annotations: { 'lockstep.dev/request': text } } });
    },
    // The garbage collector learns of new kinds every 30 seconds: until then nothing of them goes.
    remove: async (timeout = 60_000) => {
      await kube.delete(delivery);
      await gone(kube, delivery, timeout);
    },
    requests: (since) => agentRequests(audit(since)).filter(concerns),
    writes: (since) => writes(audit(since)).filter(concerns),
    events: async () => {
      const { body } = await kube.http.request({ method: 'GET', path: `/api/v1/namespaces/${namespace}/events` });
      return objectsAt(body, 'items')
        .filter((event) => textAt(event, 'involvedObject', 'kind') === 'Delivery')
        .map((event) => ({ reason: textAt(event, 'reason') ?? '', message: textAt(event, 'message') ?? '' }));
    },
  };
  return app;
}

export { configMap, customKind, customKindRef, deployment } from './manifests.ts';
