import {
  defineMappingTag,
  defineScalarTag,
  defineSequenceTag,
  loadAll,
  NOT_RESOLVED,
  nullYaml11Tag,
  Schema,
  strTag,
} from 'js-yaml';
import { YamlError } from './yaml-error.ts';
import { limitNodes } from './yaml-text.ts';

/** A time, as it is written in RFC 3339. */
export class Timestamp {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** A map that keeps the order in which it was written, also of keys that look like numbers. */
export class Pairs {
  readonly pairs: [string, Ordered][] = [];
  readonly #names = new Set<string>();

  add(name: string, value: Ordered): void {
    this.pairs.push([name, value]);
    this.#names.add(name);
  }

  /** Whether it was ever given that. */
  has(name: string): boolean {
    return this.#names.has(name);
  }
}

export type Ordered = Pairs | readonly Ordered[] | Timestamp | string | number | bigint | boolean | null;

/** What one file may hold. */
const limits = { bytes: 4 * 1024 * 1024, depth: 100, aliases: 200, nodes: 500_000 };

const words: Readonly<Record<string, boolean>> = {
  true: true,
  True: true,
  TRUE: true,
  false: false,
  False: false,
  FALSE: false,
};
const integer = /^([-+]?)(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)$/;
const float = /^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/;
const date =
  /^(\d{4})-(\d{1,2})-(\d{1,2})(?:(?:[Tt]|[ \t]+)(\d{1,2}):(\d{1,2}):(\d{1,2})(\.\d*)?[ \t]*(Z|[-+]\d{1,2}(?::\d{2})?)?)?$/;

const booleanTag = defineScalarTag<boolean>('tag:yaml.org,2002:bool', {
  implicit: true,
  implicitFirstChars: ['t', 'T', 'f', 'F'],
  resolve: (source) => words[source] ?? NOT_RESOLVED,
  identify: () => false,
});

const scalarTag = defineScalarTag<number | bigint | Timestamp>('tag:yaml.org,2002:int', {
  implicit: true,
  implicitFirstChars: '0123456789+-.'.split(''),
  resolve: (source) => timestampOf(source) ?? numberOf(source) ?? NOT_RESOLVED,
  identify: () => false,
});

/** A day alone is its midnight in UTC. */
function timestampOf(source: string): Timestamp | undefined {
  const [, year, month = '', day = '', hour = '0', minute = '0', second = '0', fraction = '', zone = 'Z'] =
    date.exec(source) ?? [];
  if (year === undefined) return undefined;
  const two = (text: string): string => text.padStart(2, '0');
  const shown = /^\.0*$/.test(fraction) ? '' : fraction.replace(/0+$/, '');
  const [, sign = '', hours = '', minutes = '00'] = /^([-+])(\d{1,2})(?::(\d{2}))?$/.exec(zone) ?? [];
  const offset = sign === '' ? 'Z' : `${sign}${two(hours)}:${minutes}`;
  return new Timestamp(`${year}-${two(month)}-${two(day)}T${two(hour)}:${two(minute)}:${two(second)}${shown}${offset}`);
}

function numberOf(source: string): number | bigint | undefined {
  const plain = source.replaceAll('_', '');
  const [, sign = '', body] = integer.exec(plain) ?? [];
  if (body !== undefined) {
    const magnitude = BigInt(/^0[0-7]+$/.test(body) ? `0o${body.slice(1)}` : body);
    const value = sign === '-' ? -magnitude : magnitude;
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  }
  return float.test(plain) && Number.isFinite(Number(plain)) ? Number(plain) : undefined;
}

const listTag = defineSequenceTag<Ordered[]>('tag:yaml.org,2002:seq', {
  create: () => [],
  addItem: (list, item) => {
    list.push(item as Ordered);
    return '';
  },
  identify: () => false,
});

const mapTag = defineMappingTag<Pairs>('tag:yaml.org,2002:map', {
  create: () => new Pairs(),
  addPair: (map, key, value) => {
    if (typeof key !== 'string') return 'a key is no text';
    map.add(key, value as Ordered);
    return '';
  },
  has: (map, key) => typeof key === 'string' && map.has(key),
  keys: ({ pairs }) => pairs.map(([name]) => name),
  get: ({ pairs }, key) => pairs.find(([name]) => name === key)?.[1],
  identify: () => false,
});

const schema = new Schema([strTag, listTag, mapTag, nullYaml11Tag, booleanTag, scalarTag]);

/**
 * Reads YAML or JSON as SOPS does (go.yaml.in/yaml/v3): maps in their order, `yes` and `on` as texts, dates as times.
 * @throws YamlError that quotes nothing
 */
export function parseOrdered(text: string): Ordered[] {
  if (text.length > limits.bytes) throw new YamlError(`the file is larger than ${limits.bytes} bytes`);
  try {
    const documents = loadAll(text, { schema, maxDepth: limits.depth, maxAliases: limits.aliases }) as Ordered[];
    limitNodes(documents, valuesIn, limits.nodes, `it holds more than ${limits.nodes} values, aliases unfolded`);
    return documents;
  } catch (error) {
    if (error instanceof YamlError) throw error;
    throw new YamlError('it is no YAML or JSON as SOPS writes it');
  }
}

function valuesIn(value: Ordered): readonly Ordered[] {
  if (value instanceof Pairs) return value.pairs.map(([, inner]) => inner);
  return isList(value) ? value : [];
}

function isList(value: Ordered): value is readonly Ordered[] {
  return Array.isArray(value);
}
