import { lookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { Agent, type Dispatcher, EnvHttpProxyAgent, ProxyAgent } from 'undici';
import { type AddressClass, addressClass, sameAddress } from '../addresses.ts';
import type { Credentials } from './login.ts';

/** Which addresses servers may have. */
export type AddressRule = (address: string) => boolean;

/**
 * @param classes those that are let through
 * @param never one address that is not, where it is not the machine's own: that of the API server
 */
export function addressRule(classes: readonly AddressClass[], never?: string): AddressRule {
  const isNever = never === undefined ? () => false : sameAddress(never);
  return (address) => {
    const found = addressClass(address);
    return classes.includes(found) && (found === 'loopback' || !isNever(address));
  };
}

/** The connections to servers: shared, but where a credential asks for certificates or a proxy of its own. */
export interface Connections {
  of(credentials: Credentials | undefined): Dispatcher;
  readonly allows: AddressRule;
  close(): Promise<void>;
}

/** Connections of this many credentials are kept open. */
const mostKept = 50;
const connectTimeout = 10_000;
const common = { keepAliveTimeout: 60_000, connections: 8 };

/** A server is at an address that nobody may be asked to connect to. */
export class ForbiddenAddress extends Error {}

/**
 * @param allows looked at for each address before it is connected to, so that no name leads where it must not
 * @param environment where the proxy of the machine stands: HTTPS_PROXY, HTTP_PROXY, NO_PROXY
 */
export function openConnections(
  allows: AddressRule,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Connections {
  const lookUp = lookUpAllowed(allows);
  const connect = { timeout: connectTimeout, lookup: lookUp };
  const machine = machineProxy(environment);
  const direct = (
    options: Pick<EnvHttpProxyAgent.Options, 'requestTls'> & {
      readonly connect: NonNullable<Agent.Options['connect']>;
    },
  ) =>
    machine === undefined
      ? new Agent({ ...common, connect: options.connect })
      : new EnvHttpProxyAgent({ ...common, ...machine, ...options });
  const shared = direct({ connect });
  const own = new Map<string, Dispatcher>();

  function make({ tls = {}, proxy }: Credentials): Dispatcher {
    const secure = { ...tls, lookup: lookUp };
    if (proxy !== undefined) requireAllowed(allows, new URL(proxy).hostname);
    if (proxy === undefined) return direct({ connect: { ...connect, ...secure }, requestTls: tls });
    return new ProxyAgent({ ...common, uri: proxy, connectTimeout, proxyTls: { lookup: lookUp }, requestTls: tls });
  }

  return {
    allows,
    of: (credentials) => {
      if (credentials?.tls === undefined && credentials?.proxy === undefined) return shared;
      const found = own.get(credentials.fingerprint) ?? make(credentials);
      // Who was asked for last is let go last.
      own.delete(credentials.fingerprint);
      own.set(credentials.fingerprint, found);
      for (const [oldest, dispatcher] of own) {
        if (own.size <= mostKept) break;
        own.delete(oldest);
        void dispatcher.close();
      }
      return found;
    },
    close: async () => {
      await Promise.all([shared, ...own.values()].map((dispatcher) => dispatcher.destroy()));
    },
  };
}

/** The proxy of the machine, as its environment names it; undefined where there is none. */
function machineProxy(
  environment: Readonly<Record<string, string | undefined>>,
): EnvHttpProxyAgent.Options | undefined {
  const of = (name: string): string => environment[name.toLowerCase()] ?? environment[name.toUpperCase()] ?? '';
  const [http, https, none] = [of('http_proxy'), of('https_proxy'), of('no_proxy')];
  if (http === '' && https === '') return undefined;
  return {
    ...(http === '' ? {} : { httpProxy: http }),
    ...(https === '' ? {} : { httpsProxy: https }),
    noProxy: none,
  };
}

/**
 * @param host as it stands in a URL, or without the brackets of one
 * @throws ForbiddenAddress for a host that is an address: those are connected to without being looked up
 */
export function requireAllowed(allows: AddressRule, host: string): void {
  const bare = host.replace(/^\[|\]$/g, '');
  if (isIP(bare) !== 0 && !allows(bare)) throw new ForbiddenAddress(forbidden(bare));
}

function forbidden(address: string): string {
  return `--source-addresses does not allow the address ${address}, which is ${addressClass(address)}`;
}

/** Looks a name up, and refuses it when any of its addresses is forbidden. */
export function lookUpAllowed(allows: AddressRule): LookupFunction {
  return (name, options, answer) => {
    lookup(name, { ...options, all: true }, (error, found) => {
      const wrong = (found ?? []).find(({ address }) => !allows(address));
      const problem = wrong === undefined ? error : new ForbiddenAddress(forbidden(wrong.address));
      if (problem !== null || options.all === true) answer(problem, found ?? []);
      else answer(null, found[0]?.address ?? '', found[0]?.family);
    });
  };
}
