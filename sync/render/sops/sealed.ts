import { at, type Json, textAt } from '../../../diff/json.ts';
import { type Ordered, Pairs, parseOrdered, Timestamp } from '../yaml-ordered.ts';
import { mayBeSealed } from './mark.ts';

/** How a file is written. */
export type Format = 'yaml' | 'json' | 'dotenv' | 'binary';

/** A file as SOPS has encrypted it. */
export interface Sealed {
  readonly format: Format;
  /** What it holds beside what SOPS notes. */
  readonly documents: readonly Pairs[];
  /** The key of its values, encrypted for each who may read it; age and OpenPGP, in their armour. */
  readonly age: readonly string[];
  readonly pgp: readonly string[];
  /** Other ways to that key, by their names: nothing here can go them. */
  readonly others: readonly string[];
  /** A code of all its values, itself encrypted, and when it was made. */
  readonly mac: string;
  readonly lastModified: string;
  readonly isMacOnlyOfEncrypted: boolean;
}

const notes: Readonly<Record<Format, RegExp>> = {
  yaml: /^(sops|"sops"|'sops'):/m,
  json: /"sops"\s*:/,
  binary: /"sops"\s*:/,
  dotenv: /^sops_mac=/m,
};

function formatOf(path: string): Format | 'ini' {
  const [, ending = ''] = /\.([A-Za-z]+)$/.exec(path) ?? [];
  switch (ending.toLowerCase()) {
    case 'yaml':
    case 'yml':
      return 'yaml';
    case 'json':
      return 'json';
    case 'env':
      return 'dotenv';
    case 'ini':
      return 'ini';
    default:
      return 'binary';
  }
}

/**
 * Reads what SOPS has encrypted.
 * @returns undefined for any other file
 * @throws Error that quotes nothing
 */
export function readSealed(path: string, bytes: Uint8Array): Sealed | undefined {
  if (!mayBeSealed(bytes)) return undefined;
  const text = Buffer.from(bytes).toString('utf8');
  const format = formatOf(path);
  if (format === 'ini') {
    if (/^\[sops\]/m.test(text)) throw new Error('files of INI are not decrypted; use YAML, JSON or dotenv');
    return undefined;
  }
  if (!notes[format].test(text)) return undefined;
  return format === 'dotenv' ? readDotenv(text) : readTree(text, format);
}

function readTree(text: string, format: Format): Sealed | undefined {
  const documents = parseOrdered(text).filter((document) => document instanceof Pairs);
  const noted = documents.map((document) => takeNotes(document)).find((found) => found !== undefined);
  return noted === undefined ? undefined : { format, documents, ...readNotes(plainOf(noted)) };
}

/** Takes the notes of SOPS out of a document; each has a copy of them. */
function takeNotes({ pairs }: Pairs): Ordered | undefined {
  const index = pairs.findIndex(([key]) => key === 'sops');
  return index < 0 ? undefined : pairs.splice(index, 1)[0]?.[1];
}

/** Lines `KEY=text`, in which `\n` is a line break; the notes are lines too, their names put together of where they stand. */
function readDotenv(text: string): Sealed {
  const document = new Pairs();
  const noted: Record<string, string> = {};
  for (const line of text.split('\n')) {
    const equals = line.indexOf('=');
    if (line === '' || line.startsWith('#')) continue;
    if (equals < 0) throw new Error('a line holds no equals sign');
    const [key, value] = [line.slice(0, equals), line.slice(equals + 1).replaceAll('\\n', '\n')];
    if (key.startsWith('sops_')) noted[key.slice('sops_'.length)] = value;
    else document.pairs.push([key, value]);
  }
  const encs = (way: string): Json =>
    Object.entries(noted)
      .filter(([key]) => new RegExp(`^${way}__list_\\d+__map_enc$`).test(key))
      .map(([, enc]) => ({ enc }));
  const ways = Object.fromEntries([...knownWays, ...otherWays].map((way) => [way, encs(way)]));
  const groups = Object.keys(noted).some((key) => key.startsWith('key_groups__')) ? [{}] : [];
  const rest = { mac: noted['mac'] ?? '', lastmodified: noted['lastmodified'] ?? '', key_groups: groups };
  const only = noted['mac_only_encrypted'] === 'true';
  return { format: 'dotenv', documents: [document], ...readNotes({ ...ways, ...rest, mac_only_encrypted: only }) };
}

const knownWays = ['age', 'pgp'] as const;
const otherWays = ['kms', 'gcp_kms', 'azure_kv', 'hc_vault', 'hckms'];

function readNotes(noted: Json): Omit<Sealed, 'format' | 'documents'> {
  const list = (name: string): readonly Json[] => {
    const found = at(noted, name);
    return Array.isArray(found) ? found : [];
  };
  if (list('key_groups').length > 0)
    throw new Error('its key is cut into parts for several groups (shamir_threshold), which is not supported');
  const [age, pgp] = knownWays.map((way) => list(way).flatMap((entry) => textAt(entry, 'enc') ?? []));
  return {
    age: age ?? [],
    pgp: pgp ?? [],
    others: otherWays.filter((way) => list(way).length > 0),
    mac: textAt(noted, 'mac') ?? '',
    lastModified: textAt(noted, 'lastmodified') ?? '',
    isMacOnlyOfEncrypted: at(noted, 'mac_only_encrypted') === true,
  };
}

/** The same as a value whose maps have no order. Times are texts. */
export function plainOf(value: Ordered): Json {
  if (value instanceof Timestamp) return value.text;
  if (value instanceof Pairs) return Object.fromEntries(value.pairs.map(([key, inner]) => [key, plainOf(inner)]));
  if (value !== null && typeof value === 'object') return value.map(plainOf);
  return value;
}
