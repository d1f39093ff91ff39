import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { request as secureRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { loadAccess } from '../../agent/kube/client.ts';
import { textAt } from '../../diff/json.ts';
import { printYaml } from '../../sync/render/yaml.ts';
import { type AgentProcess, startAgentProcess } from '../e2e/support/agent.ts';
import { clearNamespace, deliveryOf, makeNamespace } from '../e2e/support/furnish.ts';
import { type GitServer, startGitServer } from '../e2e/support/git-server.ts';
import { connect, type Kube, until } from '../e2e/support/kube.ts';
import { type App, appOf, configMap, describeOnOwnCluster, type Lockstep } from '../e2e/support/lockstep.ts';

/** What the way to the API server does to a request; undefined lets it pass. */
type Fault = (incoming: IncomingMessage, outgoing: ServerResponse) => true | undefined;

const namespace = 'faults-api';
let fault: Fault = () => undefined;
let kube: Kube;
let git: GitServer;
let agent: AgentProcess;
let app: App;
let kubeconfig = '';
const closers: (() => Promise<unknown> | unknown)[] = [];

/** The real API server, behind a way on which things go wrong. */
async function startWay(): Promise<string> {
  const access = await loadAccess(inject('kubeconfig'), Date.now);
  const { hostname, port } = new URL(access.server);
  const headers = await access.headers();
  const way = createServer((incoming, outgoing) => {
    if (fault(incoming, outgoing) === true) return;
    const options = {
      hostname,
      port,
      path: incoming.url,
      method: incoming.method,
      ca: access.tls['ca'] as Buffer,
      headers: { ...incoming.headers, ...headers, host: `${hostname}:${port}` },
    };
    const onward = secureRequest(options, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on('error', () => outgoing.destroy());
    outgoing.on('close', () => onward.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => way.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    way.closeAllConnections();
    way.close();
  });
  const file = join(mkdtempSync(join(tmpdir(), 'lockstep-way-')), 'kubeconfig');
  const cluster = {
    server: `http://127.0.0.1:${(way.address() as AddressInfo).port}`,
    'insecure-skip-tls-verify': true,
  };
  const contexts = [{ name: 'way', context: { cluster: 'way', user: 'way' } }];
  writeFileSync(
    file,
    printYaml({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'way', cluster }],
      users: [{ name: 'way', user: {} }],
      contexts,
      'current-context': 'way',
    }),
  );
  return file;
}

const flags = ['--watch-namespaces', namespace, '--request-timeout', '2000'];

beforeAll(async () => {
  if (inject('auditLog') === '') return;
  kube = await connect(inject('kubeconfig'));
  await clearNamespace(kube, namespace);
  await makeNamespace(kube, namespace);
  git = await startGitServer();
  kubeconfig = await startWay();
  agent = await startAgentProcess(kubeconfig, flags);
  const lockstep = {
    kube,
    git,
    get agent() {
      return agent;
    },
  } as unknown as Lockstep;
  app = appOf(lockstep, namespace, git.repository('faults.git'));
  app.push({ 'a.yaml': configMap('a', { color: 'blue' }), 'b.yaml': configMap('b', { color: 'blue' }) });
  await kube.apply(deliveryOf(namespace, 'app', app.repository.url));
  await app.ready();
});

afterAll(async () => {
  await agent?.stop();
  for (const close of closers) await close();
  await git?.close();
  await kube?.close();
});

const isList = (incoming: IncomingMessage): boolean =>
  incoming.method === 'GET' && /\/configmaps\?/.test(incoming.url ?? '') && !incoming.url?.includes('watch=true');
const answer = (outgoing: ServerResponse, status: number): true => {
  outgoing
    .writeHead(status, { 'content-type': 'application/json' })
    .end(JSON.stringify({ kind: 'Status', message: 'a fault', code: status }));
  return true;
};

async function restart(): Promise<void> {
  await agent.stop('SIGKILL');
  agent = await startAgentProcess(kubeconfig, flags);
}

describeOnOwnCluster('when the API server', () => {
  it.each([500, 503, 404])(
    'fails a list with %i, nothing is deleted or written, and it goes on by itself afterwards',
    async (status) => {
      fault = (incoming, outgoing) => (isList(incoming) ? answer(outgoing, status) : undefined);
      const since = Date.now();
      await restart();
      await sleep(2_000);
      expect(app.writes(since)).toEqual([]);
      fault = () => undefined;
      await kube.edit(app.ref('v1', 'ConfigMap', 'a'), { data: { color: 'red' } });
      await until(
        'drift is healed again',
        async () => textAt(await app.get('v1', 'ConfigMap', 'a'), 'data', 'color') === 'blue',
        60_000,
      );
    },
  );

  it('breaks every watch off, drift is still seen', async () => {
    fault = (incoming, outgoing) => {
      if (incoming.url?.includes('watch=true')) setTimeout(() => outgoing.destroy(), 300);
      return undefined;
    };
    for (const color of ['red', 'green']) {
      await kube.edit(app.ref('v1', 'ConfigMap', 'a'), { data: { color } });
      await until(
        'it is healed',
        async () => textAt(await app.get('v1', 'ConfigMap', 'a'), 'data', 'color') === 'blue',
      );
      await sleep(500);
    }
    fault = () => undefined;
  });

  it('loses the answer to a write of the record, the release is finished all the same', async () => {
    let lost = 0;
    fault = (incoming, outgoing) => {
      if (incoming.method !== 'PUT' || !incoming.url?.includes('/secrets/lockstep-') || lost > 0) return undefined;
      lost += 1;
      outgoing.writeHead = () => {
        outgoing.destroy();
        return outgoing;
      };
      return undefined;
    };
    app.push({ 'b.yaml': configMap('b', { color: 'green' }) });
    await app.ready(30_000);
    expect(lost).toBe(1);
    fault = () => undefined;
    app.push({ 'b.yaml': configMap('b', { color: 'yellow' }) });
    await app.ready();
  });

  it('refuses every dry-run for a while, no release begins, that is said, and it goes on', async () => {
    fault = (incoming, outgoing) =>
      incoming.method === 'PATCH' && /\/configmaps\//.test(incoming.url ?? '') ? answer(outgoing, 500) : undefined;
    app.push({ 'a.yaml': configMap('a', { color: 'black' }) });
    expect(await app.refused('ClusterUnavailable')).toContain('a fault');
    fault = () => undefined;
    await app.ready(60_000);
  });

  it('is silent, the agent gives up each request and goes on when it speaks again', async () => {
    fault = () => true;
    await sleep(3_000);
    fault = () => undefined;
    app.push({ 'a.yaml': configMap('a', { color: 'white' }) });
    await app.ready(90_000);
  });
});
