import { readFileSync } from 'node:fs';
import { isIPv4 } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type AddressClass, addressClasses } from '../sync/addresses.ts';

/** One setting: how it is named, what it is, and what it may be. */
interface Setting {
  readonly name: string;
  readonly kind: 'text' | 'count' | 'milliseconds' | 'bytes' | 'list';
  readonly fallback: string;
  readonly min?: number;
  readonly max?: number;
  readonly about: string;
}

/** Every setting of the agent. Flags win over the environment: `--data-dir` over `LOCKSTEP_DATA_DIR`. */
export const settingsTable = [
  {
    name: 'kubeconfig',
    kind: 'text',
    fallback: '',
    about: "Kubeconfig of the cluster. Without it, the pod's own service account.",
  },
  {
    name: 'namespace',
    kind: 'text',
    fallback: '',
    about: "The agent's own namespace, which holds its records. Without it, that of the pod, or lockstep-system.",
  },
  {
    name: 'watch-namespaces',
    kind: 'list',
    fallback: '',
    about:
      'Namespaces whose Deliveries are served, with commas between. Without it, all. No two agents may share one, but for replicas with the same list.',
  },
  {
    name: 'data-dir',
    kind: 'text',
    fallback: join(tmpdir(), 'lockstep'),
    about: 'Folder for the cache of Git objects. It may be lost at any time.',
  },
  { name: 'log-level', kind: 'text', fallback: 'info', about: 'trace, debug, info, warn, error or silent.' },
  {
    name: 'listen',
    kind: 'text',
    fallback: '127.0.0.1:8080',
    about:
      'Address and port of the API and the webhook receivers; empty for none. Beyond loopback it needs --auth=kubernetes.',
  },
  {
    name: 'auth',
    kind: 'text',
    fallback: 'none',
    about:
      'Who may call the API: none trusts whoever reaches the loopback address, kubernetes asks for a bearer token.',
  },
  {
    name: 'host-names',
    kind: 'list',
    fallback: '',
    about: 'Host names by which the API is reached, with commas between, beside localhost and IP addresses.',
  },
  {
    name: 'probes-listen',
    kind: 'text',
    fallback: '127.0.0.1:8081',
    about: 'Address and port of /healthz, /readyz and /metrics; empty for none.',
  },
  {
    name: 'webhook-secret',
    kind: 'text',
    fallback: 'lockstep-webhooks',
    about:
      "The Secret in the agent's namespace with the secrets of the webhook receivers: keys github, gitlab, gitea, generic.",
  },
  {
    name: 'limits',
    kind: 'text',
    fallback: 'lockstep-limits',
    about:
      "The ConfigMap in the agent's namespace that limits what Deliveries may do: a key each namespace, and default.",
  },
  {
    name: 'health-rules',
    kind: 'text',
    fallback: 'lockstep-health-rules',
    about:
      "The ConfigMap in the agent's namespace with health rules in CEL for kinds of your own: lists of rules under whatever keys.",
  },
  {
    name: 'redis',
    kind: 'text',
    fallback: '',
    about:
      'URL of a Redis that holds the queue: redis://user:password@host:6379/0, rediss:// for TLS. Without it the queue is in memory.',
  },
  {
    name: 'workers',
    kind: 'count',
    fallback: '8',
    min: 1,
    max: 256,
    about: 'How many Deliveries are worked on at once.',
  },
  {
    name: 'connections',
    kind: 'count',
    fallback: '32',
    min: 1,
    max: 1024,
    about: 'Connections to the API server, watches not counted.',
  },
  {
    name: 'request-timeout',
    kind: 'milliseconds',
    fallback: '30000',
    min: 100,
    max: 600_000,
    about: 'How long an answer of the API server may take.',
  },
  {
    name: 'watch-silence',
    kind: 'milliseconds',
    fallback: '150000',
    min: 1000,
    max: 3_600_000,
    about: 'A watch that says nothing for this long is taken for dead and opened again. Bookmarks come once a minute.',
  },
  {
    name: 'git-timeout',
    kind: 'milliseconds',
    fallback: '60000',
    min: 100,
    max: 3_600_000,
    about: 'How long one request to a Git server may take, answer included.',
  },
  {
    name: 'git-max-bytes',
    kind: 'bytes',
    fallback: '104857600',
    min: 1024,
    max: 4_294_967_296,
    about: 'How much one answer of a Git server may hold. More than 8 MB is indexed by a process of its own.',
  },
  {
    name: 'engine',
    kind: 'text',
    fallback: '',
    about: 'The engine that renders kustomizations and Helm charts. Without it, the file engine beside the bundle.',
  },
  {
    name: 'source-addresses',
    kind: 'list',
    fallback: '',
    about:
      'Where servers of sources may be: public, private, loopback, link-local, with commas between. Without it, public and private, and loopback where --kubeconfig is given.',
  },
] as const satisfies readonly Setting[];

type Name = (typeof settingsTable)[number]['name'];
type ValueOf<K> = K extends 'text' ? string : K extends 'list' ? readonly string[] : number;

/** The settings, parsed. */
export type Settings = { readonly [S in (typeof settingsTable)[number] as S['name']]: ValueOf<S['kind']> };

/**
 * Reads flags and environment.
 * @throws Error that names the setting and what it may be
 */
export function parseSettings(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Settings {
  const options = Object.fromEntries(settingsTable.map(({ name }) => [name, { type: 'string' as const }]));
  const { values } = parseArgs({ args: [...args], options, strict: true });
  const read = (name: Name): string | undefined => {
    const flag = values[name];
    return typeof flag === 'string' ? flag : environment[`LOCKSTEP_${name.toUpperCase().replaceAll('-', '_')}`];
  };
  const parsed = settingsTable.map((setting: Setting) => [
    setting.name,
    parse(setting, read(setting.name as Name) ?? setting.fallback),
  ]);
  const settings = Object.fromEntries(parsed) as Settings;
  refuseOpenDoor(settings);
  sourceAddresses(settings);
  return Object.freeze({ ...settings, namespace: settings.namespace || podNamespace() });
}

/** Without a token the API is for this machine only. */
function refuseOpenDoor({ auth, listen, 'probes-listen': probes }: Settings): void {
  if (auth !== 'none' && auth !== 'kubernetes')
    throw new Error(`--auth is none or kubernetes, not ${JSON.stringify(auth)}`);
  const place = parsePlace('listen', listen);
  parsePlace('probes-listen', probes);
  if (place !== undefined && auth === 'none' && !isLoopback(place.host))
    throw new Error(`--listen ${listen} is more than this machine: it needs --auth=kubernetes`);
}

/**
 * The classes of addresses that servers of sources may have. In a cluster the loopback is the agent's own.
 * @throws Error that names the setting
 */
export function sourceAddresses({
  kubeconfig,
  'source-addresses': asked,
}: Pick<Settings, 'kubeconfig' | 'source-addresses'>): AddressClass[] {
  if (asked.length === 0) return ['public', 'private', ...(kubeconfig === '' ? [] : ['loopback' as const])];
  const wrong = asked.find((word) => !addressClasses.some((known) => known === word));
  if (wrong !== undefined)
    throw new Error(`--source-addresses is some of ${addressClasses.join(', ')}, not ${JSON.stringify(wrong)}`);
  return addressClasses.filter((known) => asked.includes(known));
}

/** Where to listen. */
export interface Place {
  /** Undefined for every address that the machine has, be it by IPv4, IPv6 or both. */
  readonly host: string | undefined;
  readonly port: number;
}

/**
 * `host:port`, `[::1]:port`, or `:port` for every address; undefined when empty.
 * @throws Error that names the setting
 */
export function parsePlace(name: string, text: string): Place | undefined {
  if (text === '') return undefined;
  const [, bracketed, plain = '', port = ''] = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]*)):(\d{1,5})$/i.exec(text) ?? [];
  if (port === '' || Number(port) > 65_535)
    throw new Error(
      `--${name} must be an address and a port, such as 127.0.0.1:8080 or :8080, not ${JSON.stringify(text)}`,
    );
  return { host: bracketed ?? (plain === '' ? undefined : plain), port: Number(port) };
}

function isLoopback(host: string | undefined): boolean {
  if (host === undefined) return false;
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}

function parse(setting: Setting, text: string): string | number | readonly string[] {
  if (setting.kind === 'text') return text;
  if (setting.kind === 'list')
    return text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '');
  const value = Number(text);
  const [min, max] = [setting.min ?? 0, setting.max ?? Number.MAX_SAFE_INTEGER];
  if (!/^\d+$/.test(text) || value < min || value > max) {
    throw new Error(
      `--${setting.name} must be a whole number from ${min} to ${max} (${setting.kind}), not ${JSON.stringify(text)}`,
    );
  }
  return value;
}

/** The namespace of the pod that this runs in. */
function podNamespace(): string {
  try {
    return readFileSync('/var/run/secrets/kubernetes.io/serviceaccount/namespace', 'utf8').trim();
  } catch {
    return 'lockstep-system';
  }
}
