import { type Json, type JsonObject, objectsAt, textAt } from '../../diff/json.ts';
import { LockstepError } from '../../sync/errors.ts';
import type { Access } from './client.ts';

/** What a kubeconfig of somebody else may say. Everything beyond is refused: programs, files and blind trust above all. */
const known = {
  cluster: [
    'server',
    'certificate-authority-data',
    'tls-server-name',
    'insecure-skip-tls-verify',
    'disable-compression',
  ],
  user: ['token', 'client-certificate-data', 'client-key-data'],
} as const;

/** The access that a kubeconfig gives, and what of it must never be shown. */
export interface RemoteAccess {
  readonly access: Access;
  readonly secrets: readonly string[];
}

/**
 * Reads a kubeconfig that a tenant wrote, field by field: only the current context counts, and nothing in it is run, read
 * from a file, or trusted without a certificate.
 * @param documents the parsed file
 * @throws LockstepError KubeconfigInvalid that names the field, and never a value
 */
export function readKubeconfig(documents: readonly Json[]): RemoteAccess {
  const [config, another] = documents;
  if (config === undefined || another !== undefined) throw invalid('one document is needed');
  const current = textAt(config, 'current-context');
  if (current === undefined) throw invalid('current-context is missing');
  const context = named(config, 'contexts', 'context', current);
  const cluster = named(config, 'clusters', 'cluster', textAt(context, 'cluster'));
  const user = named(config, 'users', 'user', textAt(context, 'user'));
  refuseOthers('cluster', cluster);
  refuseOthers('user', user);
  if (cluster['insecure-skip-tls-verify'] === true) throw invalid('insecure-skip-tls-verify is not allowed');
  const token = textAt(user, 'token');
  const tls = {
    ...fromBase64('ca', cluster, 'certificate-authority-data'),
    ...fromBase64('cert', user, 'client-certificate-data'),
    ...fromBase64('key', user, 'client-key-data'),
    ...servername(cluster),
  };
  if (token === undefined && !('cert' in tls && 'key' in tls))
    throw invalid('the user needs a token, or client-certificate-data and client-key-data');
  const headers: Record<string, string> = token === undefined ? {} : { Authorization: `Bearer ${token}` };
  return {
    access: { server: serverOf(cluster), tls, headers: async () => headers },
    secrets: [token, textAt(user, 'client-key-data')].filter((secret) => secret !== undefined),
  };
}

function invalid(why: string): LockstepError {
  return new LockstepError('KubeconfigInvalid', `the kubeconfig can not be used: ${why}`);
}

function named(config: Json, list: string, field: string, name: string | undefined): JsonObject {
  const found = objectsAt(config, list).find((item) => item['name'] === name)?.[field];
  if (name === undefined || typeof found !== 'object' || found === null || Array.isArray(found))
    throw invalid(`${list} has no ${field} ${name === undefined ? 'for the current context' : JSON.stringify(name)}`);
  return found;
}

function refuseOthers(part: keyof typeof known, fields: JsonObject): void {
  const other = Object.keys(fields).find((field) => !(known[part] as readonly string[]).includes(field));
  if (other !== undefined)
    throw invalid(`${other} of the ${part} is not allowed; there may be ${known[part].join(', ')}`);
}

function serverOf(cluster: JsonObject): string {
  const server = textAt(cluster, 'server') ?? '';
  const url = URL.canParse(server) ? new URL(server) : undefined;
  if (url?.protocol !== 'https:' || url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '')
    throw invalid('server is no https:// URL');
  return url.href.replace(/\/$/, '');
}

function servername(cluster: JsonObject): { servername?: string } {
  const name = textAt(cluster, 'tls-server-name');
  return name === undefined ? {} : { servername: name };
}

function fromBase64<T extends string>(name: T, fields: JsonObject, field: string): Partial<Record<T, Buffer>> {
  const text = textAt(fields, field);
  if (text === undefined) return {};
  const bytes = Buffer.from(text, 'base64');
  if (!bytes.toString('latin1').includes('-----BEGIN')) throw invalid(`${field} is no PEM text in base64`);
  return { [name]: bytes } as Partial<Record<T, Buffer>>;
}
