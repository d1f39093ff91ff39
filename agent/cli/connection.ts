import { parseArgs } from 'node:util';
import { deliveryResource } from '../../sync/delivery/crd.ts';
import { isKubeObject, type KubeObject } from '../../sync/types.ts';
import { loadAccess } from '../kube/client.ts';
import { createKubeHttp, type KubeHttp } from '../kube/http.ts';
import { objectPath } from '../kube/paths.ts';
import { usualKubeconfig } from './kubeconfig.ts';

/** What every command that speaks to a cluster understands. */
export const connectionOptions = {
  namespace: { type: 'string', short: 'n', default: 'default' },
  output: { type: 'string', short: 'o', default: 'text' },
  kubeconfig: { type: 'string' },
} as const;

/** Where the records are, for commands that read them. */
export const recordOptions = {
  'agent-namespace': { type: 'string', default: 'lockstep-system' },
} as const;

/** Speaks to the cluster that kubectl would speak to, as the same user, and closes the connection. */
export async function connected<T>(kubeconfig: string | undefined, speak: (http: KubeHttp) => Promise<T>): Promise<T> {
  const http = createKubeHttp(await loadAccess(kubeconfig ?? usualKubeconfig(process.env), Date.now));
  try {
    return await speak(http);
  } finally {
    await http.close();
  }
}

/** Reads a Delivery. @throws ApiError */
export async function readDeliveryObject(http: KubeHttp, namespace: string, name: string): Promise<KubeObject> {
  const { body } = await http.request({ method: 'GET', path: objectPath(deliveryResource, namespace, name) });
  if (!isKubeObject(body)) throw new Error(`${namespace}/${name} is no Delivery`);
  return body;
}

/** The arguments of a command about one Delivery. */
export function parseNamed(args: readonly string[], more: Record<string, { type: 'string'; default?: string }> = {}) {
  const options = { ...connectionOptions, ...more };
  const { positionals, values } = parseArgs({ args: [...args], allowPositionals: true, options });
  const given: Readonly<Record<string, string | undefined>> = values;
  const [name, ...rest] = positionals;
  if (name === undefined) throw new Error('the NAME of a Delivery is needed');
  return { name, rest, namespace: given['namespace'] ?? 'default', isJson: given['output'] === 'json', given };
}

/** Rows with their columns under each other. */
export function table(rows: readonly (readonly string[])[]): string {
  const columns = Math.max(...rows.map((row) => row.length)) - 1;
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]): string =>
    row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ');
  return rows.map((row) => `${line(row).trimEnd()}\n`).join('');
}
