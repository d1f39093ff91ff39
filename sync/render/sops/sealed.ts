import { at, type Json, textAt } from '../../../diff/json.ts';
import { YamlError } from '../yaml-error.ts';
import { type Ordered, Pairs, parseOrdered, Timestamp } from '../yaml-ordered.ts';
import { holdsSealed, mayBeSealed } from './mark.ts';
import { SopsError } from './trouble.ts';

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
 * Reads what SOPS has encrypted, whatever the file is called by now.
 * @returns undefined for any other file
 * @throws SopsError; also for values that are encrypted in a file without the notes of SOPS
 */
export function readSealed(path: string, bytes: Uint8Array): Sealed | undefined {
  if (!mayBeSealed(bytes)) return undefined;
  const text = Buffer.from(bytes).toString('utf8');
  const format = formatOf(path);
  if (format === 'ini') {
    if (/^\[sops\]/m.test(text)) throw new SopsError('files of INI are not decrypted; use YAML, JSON or dotenv');
    return undefined;
  }
  // Prose may show what encrypted values look like.
  if (path.endsWith('.md') && !text.trimStart().startsWith('{')) return undefined;
  const isLines = /^sops_mac=/m.test(text);
  const isTree = /(^|[\s{,"'])sops["']?\s*:/.test(text);
  const found =
    isLines && (format === 'dotenv' || !isTree) ? readDotenv(text) : isTree ? readTree(text, format) : undefined;
  if (found === undefined && holdsSealed(text))
    throw new SopsError('it holds values that SOPS has encrypted, and not the notes by which they are decrypted');
  return found;
}

function readTree(text: string, named: Format): Sealed | undefined {
  const isBraced = text.trimStart().startsWith('{');
  // Prose that speaks of SOPS need not be YAML.
  if (named !== 'yaml' && !isBraced && !/^["']?sops["']?\s*:/m.test(text)) return undefined;
  const documents = parsed(text).filter((document) => document instanceof Pairs);
  const noted = documents.map((document) => takeNotes(document)).find((found) => found !== undefined);
  if (noted === undefined) return undefined;
  return { format: formOf(named, isBraced, documents), documents, ...readNotes(plainOf(noted)) };
}

/** @throws SopsError */
function parsed(text: string): readonly Ordered[] {
  try {
    return parseOrdered(text);
  } catch (error) {
    if (error instanceof YamlError) throw new SopsError(error.message);
    throw error;
  }
}

/** What is no YAML or JSON by its name holds all in one value, unless it was named anew after it was encrypted. */
function formOf(named: Format, isBraced: boolean, [first]: readonly Pairs[]): Format {
  if (named === 'yaml' || named === 'json') return named;
  const isWhole = first?.pairs.length === 1 && first.pairs[0]?.[0] === 'data';
  return isWhole ? 'binary' : isBraced ? 'json' : 'yaml';
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
    if (equals < 0) throw new SopsError('a line holds no equals sign');
    const [key, value] = [line.slice(0, equals), line.slice(equals + 1).replaceAll('\\n', '\n')];
    if (key.startsWith('sops_')) noted[key.slice('sops_'.length)] = value;
    else document.add(key, value);
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
    throw new SopsError('its key is cut into parts for several groups (shamir_threshold), which is not supported');
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
