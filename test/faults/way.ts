import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { request as secureRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { loadAccess } from '../../agent/kube/client.ts';
import { writeKubeconfig } from '../e2e/support/kubeconfig.ts';
import { type Lockstep, useLockstep } from '../e2e/support/lockstep.ts';

/** What happens to a request on its way: `true` says that it was dealt with, `undefined` lets it pass, at once or later. */
export type Fault = (incoming: IncomingMessage, outgoing: ServerResponse) => true | undefined | Promise<undefined>;

/** The way to the real API server, on which things go wrong. */
export interface Way {
  fault: Fault;
}

/** An agent that reaches the real API server on a way where things go wrong. It gives a request up after 2 seconds. */
export function useFaultyWay(
  namespaces: readonly string[],
  flags: readonly string[] = [],
): { readonly lockstep: Lockstep; readonly way: Way } {
  const way: Way = { fault: () => undefined };
  let close: () => void = () => undefined;
  // Hooks of the end run in reverse: the way is closed after the agent.
  afterAll(() => close());
  const lockstep = useLockstep(namespaces, {
    flags: ['--request-timeout', '2000', ...flags],
    kubeconfig: async (real) => {
      const opened = await openWay(way, real);
      close = opened.close;
      return opened.kubeconfig;
    },
  });
  return { lockstep, way };
}

async function openWay(way: Way, kubeconfig: string): Promise<{ kubeconfig: string; close: () => void }> {
  const access = await loadAccess(kubeconfig, Date.now);
  const { hostname, port } = new URL(access.server);
  const headers = await access.headers();
  const server = createServer(async (incoming, outgoing) => {
    if ((await way.fault(incoming, outgoing)) === true || outgoing.destroyed) return;
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
      outgoing.flushHeaders();
      answer.pipe(outgoing);
    });
    onward.on('error', () => outgoing.destroy());
    outgoing.on('close', () => onward.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-way-'));
  const file = join(folder, 'kubeconfig');
  const { port: ownPort } = server.address() as AddressInfo;
  writeKubeconfig(file, { server: `http://127.0.0.1:${ownPort}`, 'insecure-skip-tls-verify': true }, {});
  return {
    kubeconfig: file,
    close: () => {
      server.closeAllConnections();
      server.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Answers as an API server that refuses. */
export function refuse(outgoing: ServerResponse, status: number, message = 'a fault'): true {
  outgoing
    .writeHead(status, { 'content-type': 'application/json' })
    .end(JSON.stringify({ kind: 'Status', message, code: status }));
  return true;
}
