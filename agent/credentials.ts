import { hashText } from '../diff/hash.ts';
import { at, isObject, type Json, textAt, toJson } from '../diff/json.ts';
import { isForbidden, LockstepError } from '../sync/errors.ts';
import type { Cluster } from '../sync/ports.ts';
import { type CredentialNames, type Credentials, loginKey } from '../sync/source/login.ts';
import type { AppTokens, GithubApp } from './github-app.ts';
import { registerSecret } from './mask.ts';

/** The value of the first of some keys that a Secret has. */
type Value = (...keys: string[]) => string | undefined;

/**
 * Reads credentials from Secrets, as the identity that the cluster stands for. Keys as Argo CD and Flux name them; the
 * page docs/how-to/repositories.md lists them. A proxy is `address`, `username` and `password`.
 * @param tokens makes tokens where the Secret is that of a GitHub App
 * @throws LockstepError CredentialsNotFound, SourceUnauthorized
 */
export async function readCredentials(
  cluster: Cluster,
  namespace: string,
  { secret, proxy }: CredentialNames,
  tokens: AppTokens,
): Promise<Credentials> {
  const own = secret === undefined ? undefined : await valuesOf(cluster, namespace, secret);
  const way = proxy === undefined ? undefined : await valuesOf(cluster, namespace, proxy);
  const app = own === undefined ? undefined : appIn(own);
  const found = {
    ...(own === undefined ? {} : { ...sshIn(own), ...tlsIn(own), ...registriesIn(own) }),
    ...proxyIn(own?.('proxy'), way, `${namespace}/${proxy}`),
  };
  const login = own === undefined || app !== undefined ? undefined : authorizationIn(own, found);
  if (own !== undefined && app === undefined && login === undefined && Object.keys(found).length === 0)
    throw new LockstepError('CredentialsNotFound', `the Secret ${namespace}/${secret} needs the keys ${usualKeys}`);
  // A token of an app is another one each hour, and the login is the same all the while.
  const registries = [...(found.registries ?? [])].map((pair) => [...pair]);
  const fingerprint = hashText(toJson({ ...found, registries, login: login ?? null, app: { ...app } }));
  const authorization = app === undefined ? login : basic('x-access-token', await tokens.of(app));
  return { authorization, ...found, fingerprint };
}

const usualKeys =
  'username and password, bearerToken, .dockerconfigjson, identity and known_hosts, githubAppID and githubAppPrivateKey, or ca.crt';

async function valuesOf(cluster: Cluster, namespace: string, name: string): Promise<Value> {
  const data = at(await getSecret(cluster, namespace, name), 'data');
  return (...keys) => {
    for (const key of keys) {
      const encoded = isObject(data) ? data[key] : undefined;
      const text = typeof encoded === 'string' ? Buffer.from(encoded, 'base64').toString('utf8').trim() : '';
      if (text !== '') return text;
    }
    return undefined;
  };
}

/** With a key for SSH, the password is the one that the key is locked with. */
function authorizationIn(value: Value, { ssh }: Pick<Credentials, 'ssh'>): string | undefined {
  const token = value('bearerToken', 'token');
  if (token !== undefined) {
    registerSecret(token);
    return `Bearer ${token}`;
  }
  const password = value('password');
  return password === undefined || ssh !== undefined ? undefined : basic(value('username') ?? 'git', password);
}

function basic(username: string, password: string): string {
  const pair = Buffer.from(`${username}:${password}`).toString('base64');
  for (const secret of [password, pair]) registerSecret(secret);
  return `Basic ${pair}`;
}

/**
 * Logins for registries, as Docker keeps them; and the one of a Secret that names its server by `url`.
 * @throws LockstepError CredentialsNotFound
 */
function registriesIn(value: Value): Pick<Credentials, 'registries'> {
  const config = value('.dockerconfigjson');
  const url = value('url');
  const pairs = config === undefined ? [] : dockerLogins(config);
  const own = authorizationIn(value, {});
  const named = url === undefined ? undefined : loginKeyOf(url);
  if (own !== undefined && named !== undefined) pairs.push([named, own]);
  return pairs.length === 0 ? {} : { registries: new Map(pairs) };
}

/** @throws LockstepError CredentialsNotFound, that does not quote it */
function dockerLogins(text: string): [string, string][] {
  const auths = at(parsedConfig(text), 'auths');
  return Object.entries(isObject(auths) ? auths : {}).flatMap(([server, login]): [string, string][] => {
    const key = loginKeyOf(server);
    const pair = Buffer.from(textAt(login, 'auth') ?? '', 'base64').toString('utf8');
    const colon = pair.indexOf(':');
    const username = textAt(login, 'username') ?? pair.slice(0, Math.max(0, colon));
    const password = textAt(login, 'password') ?? (colon < 0 ? '' : pair.slice(colon + 1));
    return key === undefined || password === '' ? [] : [[key, basic(username, password)]];
  });
}

/** Without a scheme it is https; undefined for what is no server. */
function loginKeyOf(server: string): string | undefined {
  const text = server.includes('://') ? server : `https://${server}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^(https?|oci):$/.test(url.protocol)) return undefined;
  const scheme = url.protocol === 'http:' ? 'http' : 'https';
  const port = Number(url.port) || (scheme === 'http' ? 80 : 443);
  const hostname = url.hostname
    .toLowerCase()
    .replace(/\.$/, '')
    .replace(/^\[|\]$/g, '');
  return loginKey({ scheme, hostname, port, path: url.pathname });
}

function parsedConfig(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    throw new LockstepError('CredentialsNotFound', 'the .dockerconfigjson of the Secret is no JSON');
  }
}

/** @throws LockstepError CredentialsNotFound */
function sshIn(value: Value): Pick<Credentials, 'ssh'> {
  const identity = value('identity', 'sshPrivateKey', 'ssh-privatekey');
  if (identity === undefined) return {};
  const knownHosts = value('known_hosts', 'sshKnownHosts');
  if (knownHosts === undefined)
    throw new LockstepError('CredentialsNotFound', 'a Secret with an SSH identity needs known_hosts too');
  const passphrase = value('password');
  for (const secret of [identity, passphrase ?? '']) registerSecret(secret);
  return { ssh: { identity: `${identity}\n`, passphrase, knownHosts } };
}

/** @throws LockstepError CredentialsNotFound */
function tlsIn(value: Value): Pick<Credentials, 'tls'> {
  const ca = value('ca.crt', 'caFile');
  const cert = value('tls.crt', 'certFile', 'tlsClientCertData');
  const key = value('tls.key', 'keyFile', 'tlsClientCertKey');
  if ((cert === undefined) !== (key === undefined))
    throw new LockstepError('CredentialsNotFound', 'a client certificate needs both tls.crt and tls.key');
  if (key !== undefined) registerSecret(key);
  const tls = {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined || key === undefined ? {} : { cert, key }),
  };
  return Object.keys(tls).length === 0 ? {} : { tls };
}

/** @throws LockstepError CredentialsNotFound */
function proxyIn(given: string | undefined, way: Value | undefined, name: string): Pick<Credentials, 'proxy'> {
  const address = way === undefined ? given : way('address');
  if (address === undefined && way === undefined) return {};
  const url = address !== undefined && URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol))
    throw new LockstepError(
      'CredentialsNotFound',
      `the Secret ${name} needs an address of a proxy, such as http://proxy.example.com:3128`,
    );
  if (way !== undefined) {
    url.username = encodeURIComponent(way('username') ?? '');
    url.password = encodeURIComponent(way('password') ?? '');
  }
  registerSecret(decodeURIComponent(url.password));
  return { proxy: url.href };
}

/** @throws LockstepError CredentialsNotFound */
function appIn(value: Value): GithubApp | undefined {
  const id = value('githubAppID');
  if (id === undefined) return undefined;
  const privateKey = value('githubAppPrivateKey');
  const installation = value('githubAppInstallationID');
  const owner = value('githubAppInstallationOwner');
  if (privateKey === undefined || (installation === undefined && owner === undefined))
    throw new LockstepError(
      'CredentialsNotFound',
      'a GitHub App needs githubAppPrivateKey, and githubAppInstallationID or githubAppInstallationOwner',
    );
  registerSecret(privateKey);
  const server = value('githubAppBaseURL', 'githubAppEnterpriseBaseUrl') ?? 'https://api.github.com';
  return { id, privateKey, installation, owner, server: server.replace(/\/+$/, '') };
}

async function getSecret(cluster: Cluster, namespace: string, name: string) {
  try {
    const secret = await cluster.get({ apiVersion: 'v1', kind: 'Secret', namespace, name });
    if (secret !== undefined) return secret;
  } catch (error) {
    if (!isForbidden(error)) throw error;
    throw new LockstepError('CredentialsNotFound', `the service account may not read the Secret ${namespace}/${name}`, {
      cause: error,
    });
  }
  throw new LockstepError('CredentialsNotFound', `the Secret ${namespace}/${name} does not exist`);
}
