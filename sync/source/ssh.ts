import { connect as connectSocket, type Socket } from 'node:net';
import type { Client, ClientChannel, ServerHostKeyAlgorithm } from 'ssh2';
import { LockstepError, messageOf } from '../errors.ts';
import { type AddressRule, lookUpAllowed, requireAllowed } from './connections.ts';
import { algorithmsOf, isKnownKey, type KnownHost, keysOf } from './known-hosts.ts';
import type { Credentials } from './login.ts';
import { unreachable } from './transport-http.ts';
import { type SourceUrl, serverOf } from './url.ts';

/** Logins to SSH servers, kept open for a while so that polls do not log in each time. */
export interface SshLogins {
  /**
   * Runs a command on the server.
   * @throws LockstepError SourceUnreachable, SourceUnauthorized, HostKeyUnknown, NotAllowed
   */
  run(
    url: SourceUrl,
    credentials: Credentials | undefined,
    command: string,
    signal: AbortSignal,
  ): Promise<ClientChannel>;
  close(): void;
}

interface Login {
  readonly client: Client;
  idle: NodeJS.Timeout | undefined;
  channels: number;
}

/** Milliseconds. */
const times = { ready: 15_000, idle: 120_000, alive: 30_000 };

export function openSshLogins(allows: AddressRule): SshLogins {
  const logins = new Map<string, Promise<Login>>();

  function loginOf(key: string, url: SourceUrl, credentials: Credentials | undefined, signal: AbortSignal) {
    const found = logins.get(key);
    if (found !== undefined) return found;
    const made = logIn(url, credentials, allows, signal);
    logins.set(key, made);
    const forget = (): void => {
      if (logins.get(key) === made) logins.delete(key);
    };
    made.then(({ client }) => client.once('close', forget), forget);
    return made;
  }

  async function run(
    url: SourceUrl,
    credentials: Credentials | undefined,
    command: string,
    signal: AbortSignal,
  ): Promise<ClientChannel> {
    const key = `${serverOf(url)} ${url.user} ${credentials?.fingerprint ?? ''}`;
    const isKept = logins.has(key);
    const login = await loginOf(key, url, credentials, signal);
    try {
      return await openChannel(login, command, signal);
    } catch (error) {
      if (login.channels <= 1) login.client.end();
      if ((await logins.get(key)?.catch(() => undefined)) === login) logins.delete(key);
      // A login that was kept may have ended without a word: then it is made anew, once.
      if (isKept && !signal.aborted) return run(url, credentials, command, signal);
      throw unreachable(url.hostname, error, signal);
    }
  }

  return {
    run,
    close: () => {
      for (const login of logins.values()) login.then(({ client }) => client.destroy()).catch(() => undefined);
      logins.clear();
    },
  };
}

/** @throws LockstepError */
async function logIn(
  url: SourceUrl,
  credentials: Credentials | undefined,
  allows: AddressRule,
  signal: AbortSignal,
): Promise<Login> {
  const { hostname, port, user } = url;
  const ssh = credentials?.ssh;
  if (ssh === undefined)
    throw new LockstepError(
      'CredentialsNotFound',
      `${url.href} is read over SSH: spec.source.secretRef must name a Secret with the keys identity and known_hosts`,
    );
  const known = keysOf(ssh.knownHosts, hostname, port);
  if (known.keys.length === 0)
    throw new LockstepError('HostKeyUnknown', `known_hosts holds no key of ${hostname}, port ${port}`);
  const socket = await openSocket(url, allows, signal);
  // Most agents never log in over SSH: it is loaded when one does.
  const { default: ssh2 } = await import('ssh2');
  const client = new ssh2.Client();
  const login: Login = { client, idle: undefined, channels: 0 };
  let shownWrong = false;
  const verify = (key: Buffer): boolean => {
    shownWrong = !isKnownKey(known, key);
    return !shownWrong;
  };
  try {
    await new Promise<void>((resolve, reject) => {
      const abort = (): void => reject(new Error('did not answer within the deadline'));
      signal.addEventListener('abort', abort, { once: true });
      client.once('ready', resolve);
      client.on('error', reject);
      client.once('close', () => reject(new Error('closed the connection')));
      client.connect({
        sock: socket,
        username: user,
        privateKey: ssh.identity,
        ...(ssh.passphrase === undefined ? {} : { passphrase: ssh.passphrase }),
        hostVerifier: verify,
        algorithms: { serverHostKey: offered(known) },
        readyTimeout: times.ready,
        keepaliveInterval: times.alive,
      });
    });
    return login;
  } catch (error) {
    client.destroy();
    socket.destroy();
    throw loginError(url, error, shownWrong, signal);
  }
}

/** Only kinds of keys that are known: a server that has several shows the one that can be checked. */
function offered({ keys }: KnownHost): ServerHostKeyAlgorithm[] {
  return algorithmsOf(keys) as ServerHostKeyAlgorithm[];
}

function loginError({ hostname }: SourceUrl, error: unknown, shownWrong: boolean, signal: AbortSignal): LockstepError {
  if (error instanceof LockstepError) return error;
  const text = messageOf(error);
  if (shownWrong || /no matching host key/i.test(text))
    return new LockstepError('HostKeyUnknown', `${hostname} shows a key that known_hosts does not name`);
  if ((error as { level?: string }).level === 'client-authentication')
    return new LockstepError('SourceUnauthorized', `${hostname} does not accept the SSH key`);
  if (/privateKey|passphrase/i.test(text))
    return new LockstepError(
      'SourceUnauthorized',
      'the SSH key can not be read: it is no private key, or its password is wrong',
    );
  return unreachable(hostname, error, signal);
}

async function openSocket({ hostname, port }: SourceUrl, allows: AddressRule, signal: AbortSignal): Promise<Socket> {
  try {
    requireAllowed(allows, hostname);
    return await new Promise<Socket>((resolve, reject) => {
      const socket = connectSocket({ host: hostname, port, lookup: lookUpAllowed(allows), noDelay: true });
      // The signal is that of one question: the login outlives it.
      const abort = (): void => {
        socket.destroy();
        reject(new Error('did not answer within the deadline'));
      };
      signal.addEventListener('abort', abort, { once: true });
      socket.once('connect', () => {
        signal.removeEventListener('abort', abort);
        resolve(socket);
      });
      socket.once('error', reject);
    });
  } catch (error) {
    throw unreachable(hostname, error, signal);
  }
}

function openChannel(login: Login, command: string, signal: AbortSignal): Promise<ClientChannel> {
  clearTimeout(login.idle);
  login.channels += 1;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(new Error('did not answer within the deadline'));
    const closed = (): void => reject(new Error('closed the connection'));
    signal.addEventListener('abort', abort, { once: true });
    login.client.once('close', closed);
    login.client.exec(command, { env: { GIT_PROTOCOL: 'version=2' } }, (error, channel) => {
      signal.removeEventListener('abort', abort);
      login.client.removeListener('close', closed);
      if (error !== undefined) return reject(error);
      channel.once('close', () => rest(login));
      resolve(channel);
    });
  });
}

/** A login that nobody uses is given up after a while. */
function rest(login: Login): void {
  login.channels -= 1;
  if (login.channels > 0) return;
  login.idle = setTimeout(() => login.client.end(), times.idle);
  login.idle.unref();
}
