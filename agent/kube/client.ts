import type { RequestOptions } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';

/** What is needed to speak to an API server. */
export interface Access {
  readonly server: string;
  /** TLS settings, in the names of node:tls. */
  readonly tls: Readonly<Record<string, string | Buffer | boolean>>;
  /**
   * The headers that authenticate a request now: tokens are read again and refreshed as the configuration says.
   * @param isRefused those of the last answer were refused, so that they are asked for anew
   */
  headers(isRefused?: boolean): Promise<Readonly<Record<string, string>>>;
}

/** How long headers are used before KubeConfig is asked again, in milliseconds. */
const headersLifetime = 30_000;

/**
 * The access that a kubeconfig file or, without one, the pod's own service account gives. Every way of authentication
 * that KubeConfig knows works: in-cluster, token, token file, client certificate, exec.
 * @param root where the file system of the pod begins
 */
export async function loadAccess(kubeconfig: string | undefined, now: () => number, root = ''): Promise<Access> {
  const config = new KubeConfig();
  if (kubeconfig === undefined) config.loadFromCluster(root);
  else config.loadFromFile(kubeconfig);
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new Error(`the kubeconfig ${kubeconfig ?? 'of the pod'} names no current cluster`);
  const first = await ask(config);
  let cached = { at: now(), headers: headersOf(first) };
  return {
    server: cluster.server.replace(/\/$/, ''),
    tls: tlsOf(first),
    headers: async (isRefused = false) => {
      if (isRefused || now() - cached.at > headersLifetime)
        cached = { at: now(), headers: headersOf(await ask(config)) };
      return cached.headers;
    },
  };
}

async function ask(config: KubeConfig): Promise<RequestOptions> {
  const options: RequestOptions = {};
  await config.applyToHTTPSOptions(options);
  return options;
}

function headersOf(options: RequestOptions): Record<string, string> {
  const headers = Object.fromEntries(
    Object.entries(options.headers ?? {}).map(([name, value]) => [name, String(value)]),
  );
  if (options.auth) headers['Authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`;
  return headers;
}

function tlsOf(options: RequestOptions): Record<string, string | Buffer | boolean> {
  const tls: Record<string, string | Buffer | boolean> = {};
  for (const name of ['ca', 'cert', 'key', 'pfx', 'passphrase', 'servername', 'rejectUnauthorized'] as const) {
    const value = options[name];
    if (typeof value === 'string' || typeof value === 'boolean' || Buffer.isBuffer(value)) tls[name] = value;
  }
  return tls;
}
