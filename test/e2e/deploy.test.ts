import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { loadAccess } from '../../agent/kube/client.ts';
import { nodeFlags } from '../../deploy/bundle.ts';
import { at, isObject, objectsAt, textAt } from '../../diff/json.ts';
import { condition } from '../../health/kinds/conditions.ts';
import { parseYaml } from '../../sync/render/yaml.ts';
import { delivery, namespace } from './demo/stage.ts';
import { tellStory } from './demo/story.ts';
import type { AgentProcess } from './support/agent.ts';
import { readAudit } from './support/audit.ts';
import { agentNamespace, clearNamespace, tokenOf } from './support/furnish.ts';
import { type GitServer, startGitServer } from './support/git-server.ts';
import { mayJail, startJailed } from './support/jail.ts';
import { connect, type Kube, until } from './support/kube.ts';
import { kubectl } from './support/kubectl.ts';
import { describeOnOwnCluster } from './support/lockstep.ts';

const account = 'lockstep-agent';
let kube: Kube;
let git: GitServer;
let agent: AgentProcess;
let started = 0;

async function run(...args: string[]) {
  const ended = await kubectl(inject('kubeconfig'), args);
  expect(ended, args.join(' ')).toMatchObject({ code: 0 });
  return ended.stdout;
}

describeOnOwnCluster('the install', () => {
  beforeAll(async () => {
    kube = await connect(inject('kubeconfig'));
    git = await startGitServer();
    await clearNamespace(kube, namespace);
    // What an earlier run on a kept cluster has left.
    await run('-n', agentNamespace, 'delete', '--ignore-not-found', 'serviceaccount', 'person');
    await run('delete', '--ignore-not-found', 'clusterrolebinding', 'lockstep-test-person');
    await run('delete', '--ignore-not-found', 'namespace', 'lockstep-platform');
  });
  afterAll(async () => {
    await agent?.stop();
    await git?.close();
    await kube?.close();
  });

  it('names every verb: no wildcard stands in its roles', async () => {
    for (const overlay of ['deploy/base', 'deploy/platform']) {
      const built = await run('kustomize', overlay);
      const rules = parseYaml(built).flatMap((object) => objectsAt(object, 'rules'));
      expect(rules.length).toBeGreaterThan(8);
      for (const rule of rules) expect(JSON.stringify(rule)).not.toContain('*');
      const granted = rules.filter((rule) => JSON.stringify(rule['verbs']).includes('impersonate'));
      expect(granted.map((rule) => rule['resources'])).toEqual([['serviceaccounts']]);
    }
  });

  it('starts Node in the image as the tests do', () => {
    const entry = ['/nodejs/bin/node', ...nodeFlags, '/app/lockstep.mjs']
      .map((word) => JSON.stringify(word))
      .join(', ');
    expect(readFileSync('deploy/Dockerfile', 'utf8')).toContain(`ENTRYPOINT [${entry}]`);
  });

  it('is applied as it stands, by kubectl', async () => {
    const applied = await run('apply', '-k', 'deploy/base');
    expect(applied).toContain('deployment.apps/lockstep-agent ');
    // The namespace refuses pods that ask for more than the strictest profile allows: these are made.
    await until('the pod is admitted and runs', async () => {
      const { body } = await kube.http.request({ method: 'GET', path: `/api/v1/namespaces/${agentNamespace}/pods` });
      return objectsAt(body, 'items').some((pod) => textAt(pod, 'status', 'phase') === 'Running');
    });
    expect(await run('apply', '-k', 'deploy/base')).not.toMatch(/configured|created/);
    // A dry run makes no namespace that the account in it could be tried in.
    await run('create', 'namespace', 'lockstep-platform');
    const tried = await run('apply', '--dry-run=server', '-k', 'deploy/platform');
    await run('delete', 'namespace', 'lockstep-platform', '--wait=false');
    expect(tried).toContain('clusterrolebinding.rbac.authorization.k8s.io/lockstep-platform created (server dry run)');
  });

  it.skipIf(!mayJail)(
    'does the whole story with just these rights: the bundle alone, as uid 65532, nothing writable but /data',
    async () => {
      await run('create', 'namespace', namespace);
      await run('-n', namespace, 'create', 'serviceaccount', 'lockstep');
      await run(
        '-n',
        namespace,
        'create',
        'rolebinding',
        'lockstep',
        '--clusterrole=admin',
        `--serviceaccount=${namespace}:lockstep`,
      );
      await run(
        '-n',
        namespace,
        'create',
        'rolebinding',
        account,
        '--clusterrole=lockstep-served-namespace',
        `--serviceaccount=${agentNamespace}:${account}`,
      );
      const access = await loadAccess(inject('kubeconfig'), Date.now);
      const { hostname: host, port } = new URL(access.server);
      started = Date.now();
      const token = await tokenOf(kube, agentNamespace, account, 'https://kubernetes.default.svc');
      const identity = { host, port, ca: String(access.tls['ca']), token, namespace: agentNamespace };
      const flags = argumentsInPod();
      agent = await startJailed(identity, [
        ...flags,
        ...['--log-level', 'debug', '--watch-namespaces', namespace],
        // The Git server of the tests is on the machine itself.
        ...['--source-addresses', 'loopback'],
      ]);
      await run('-n', agentNamespace, 'create', 'serviceaccount', 'person');
      await run(
        'create',
        'clusterrolebinding',
        'lockstep-test-person',
        '--clusterrole=lockstep-viewer',
        `--serviceaccount=${agentNamespace}:person`,
      );
      const headers = { authorization: `Bearer ${await tokenOf(kube, agentNamespace, 'person', 'lockstep')}` };
      const api = agent.api.replace('[::]', '127.0.0.1');
      const repository = git.repository('deployed.git');
      await tellStory({ kube, auditLog: inject('auditLog'), repository, api, headers });
      // Rules of people run in a thread that begins with a file of its own.
      await run('-n', namespace, 'patch', 'delivery', delivery.name, '--type=merge', '-p', ruled('self.ready &&'));
      await until('the rule is refused', async () => (await reasonOf()) === 'InvalidRule');
      await run('-n', namespace, 'patch', 'delivery', delivery.name, '--type=merge', '-p', ruled('self.ready'));
      await until('the mended rule is taken', async () => (await reasonOf()) !== 'InvalidRule');
      const refused = readAudit(inject('auditLog'), started).filter(
        ({ user, status }) => status === 403 && user.endsWith(`:${account}`),
      );
      expect(refused).toEqual([]);
    },
    180_000,
  );
});

const ruled = (healthy: string): string =>
  JSON.stringify({ spec: { health: { rules: [{ group: 'example.com', kind: 'Widget', healthy }] } } });

async function reasonOf(): Promise<string | undefined> {
  const found = await kube.get(delivery);
  return found && condition(found, 'Ready')?.reason;
}

/** The arguments of the Deployment, with ports that are free here. */
function argumentsInPod(): string[] {
  const [deployment] = parseYaml(readFileSync('deploy/base/deployment.yaml', 'utf8'));
  const [container] = objectsAt(at(deployment, 'spec', 'template', 'spec'), 'containers');
  const args = isObject(container) && Array.isArray(container['args']) ? container['args'].map(String) : [];
  expect(args[0]).toBe('agent');
  return args
    .slice(1)
    .filter((arg) => !arg.startsWith('--data-dir'))
    .map((arg) => arg.replace(/=:\d+$/, '=:0'));
}
