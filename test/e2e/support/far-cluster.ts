import type { AddressInfo } from 'node:net';
import { createServer, connect as dial, type Socket } from 'node:net';
import { afterAll, beforeAll } from 'vitest';
import { loadAccess } from '../../../agent/kube/client.ts';
import { type ControlPlane, startControlPlane } from '../../cluster/control-plane.ts';
import { makeNamespace, tokenOf } from './furnish.ts';
import { connect, type Kube } from './kube.ts';
import { kubeconfigText } from './kubeconfig.ts';

/** Another real cluster, on a way that can be cut. */
export interface FarCluster {
  /** The cluster as its own admin sees it, past the way. */
  readonly kube: Kube;
  /** A kubeconfig of an account there that may do everything, over the way. */
  kubeconfig(account: string): Promise<string>;
  /** Connections stay open, and nothing comes through: the worst that can happen to who waits. */
  isSilent: boolean;
  /** Nobody is there at all. */
  cut(): Promise<void>;
  /** Somebody is there again, at another address. */
  mend(): Promise<void>;
}

/** The kubeconfig of an account that may do everything in a cluster. */
export async function kubeconfigOf(kube: Kube, kubeconfig: string, account: string, server?: string): Promise<string> {
  const access = await loadAccess(kubeconfig, Date.now);
  await makeNamespace(kube, account);
  const token = await tokenOf(kube, account, 'lockstep', 'https://kubernetes.default.svc');
  const ca = Buffer.from(access.tls['ca'] as Buffer).toString('base64');
  return kubeconfigText({ server: server ?? access.server, 'certificate-authority-data': ca }, { token });
}

/** Starts another control plane for a test file. */
export function useFarCluster(): FarCluster {
  const far = { isSilent: false } as { -readonly [Key in keyof FarCluster]: FarCluster[Key] };
  let plane: ControlPlane | undefined;
  let way: Way | undefined;
  beforeAll(async () => {
    plane = await startControlPlane({ nodes: 1 });
    const access = await loadAccess(plane.kubeconfig, Date.now);
    far.kube = await connect(plane.kubeconfig);
    const { port } = new URL(access.server);
    far.cut = async () => way?.close();
    far.mend = async () => {
      way = await openWay(Number(port), () => far.isSilent);
    };
    await far.mend();
    const { kubeconfig } = plane;
    far.kubeconfig = (account) => kubeconfigOf(far.kube, kubeconfig, account, `https://127.0.0.1:${way?.port}`);
  });
  afterAll(async () => {
    way?.close();
    await far.kube?.close();
    await plane?.stop();
  });
  return far;
}

interface Way {
  readonly port: number;
  close(): void;
}

/** Bytes go through as they are, or not at all: TLS is between the two ends. */
async function openWay(to: number, isSilent: () => boolean): Promise<Way> {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const end = dial(to, '127.0.0.1');
    const carry = (from: Socket, into: Socket): void => {
      sockets.add(from);
      from.on('data', (bytes) => {
        if (!isSilent()) into.write(bytes);
      });
      from.on('error', () => into.destroy());
      from.on('close', () => {
        sockets.delete(from);
        into.destroy();
      });
    };
    carry(near, end);
    carry(end, near);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
