import { hashText } from '../diff/hash.ts';
import { type Json, toJson } from '../diff/json.ts';
import type { LocatedChart } from './charts/located.ts';
import type { Delivery } from './delivery/delivery.ts';
import { valueRefOf } from './delivery/source.ts';
import { LockstepError } from './errors.ts';
import type { ChartValues } from './render/engine-port.ts';
import { typedValue } from './render/typed-value.ts';
import type { ValueRef, Values } from './render/values.ts';
import type { Variables } from './render/variables.ts';

/** What is given to manifests from beyond the repository: by the Delivery, and by what it names in the cluster. */
export interface GivenValues {
  /** Undefined where no variables are replaced. */
  readonly variables: Variables | undefined;
  /** For a chart, before those of files. */
  readonly chart: readonly ChartValues[];
  /** The chart that the Delivery names beside its source. */
  readonly located?: LocatedChart;
  /** Tells the values of the cluster from others, without holding them; empty when there are none. */
  readonly key: string;
}

/** Reads what ConfigMaps and Secrets hold, in their order. @throws LockstepError ValuesNotFound */
export type ReadValues = (refs: readonly ValueRef[]) => Promise<readonly (Values | undefined)[]>;

/** @throws LockstepError ValuesNotFound */
export async function givenValues(delivery: Delivery, read: ReadValues): Promise<GivenValues> {
  const { variables, variablesFrom, helm } = delivery;
  const ofChart = helm?.valuesFrom ?? [];
  const refs = [...variablesFrom, ...ofChart.map(valueRefOf)];
  // What is named no longer is followed no longer.
  const found = await read(refs);
  if (refs.length === 0) return { variables, chart: [], key: '' };
  const named = merged(variables, found.slice(0, variablesFrom.length));
  const chart = chartValues(delivery, found.slice(variablesFrom.length));
  return { variables: named, chart, key: keyOf(named, chart) };
}

/** Those of the Delivery count before those of the cluster, and of these the later. */
function merged(own: Variables | undefined, found: readonly (Values | undefined)[]): Variables | undefined {
  if (own === undefined) return undefined;
  return new Map([...found.flatMap((values) => [...(values ?? [])]), ...own]);
}

function chartValues({ helm }: Delivery, found: readonly (Values | undefined)[]): ChartValues[] {
  return (helm?.valuesFrom ?? []).flatMap(({ kind, name, valuesKey = 'values.yaml', targetPath, optional }, index) => {
    const values = found[index];
    const text = values?.get(valuesKey);
    if (text === undefined && (values === undefined || optional === true)) return [];
    if (text === undefined)
      throw new LockstepError('ValuesNotFound', `the ${kind} ${name} does not have the key ${valuesKey}`);
    return [{ name: `${kind} ${name}`, text: targetPath === undefined ? text : toJson(valueAt(targetPath, text)) }];
  });
}

/** `image.tag` is the value `tag` of the map `image`, typed as `--set` of Helm does; between quotes it is a text, as for Flux. */
function valueAt(path: string, text: string): Json {
  const plain = text.trim();
  const [, quoted] = /^(?:"(.*)"|'(.*)')$/s.exec(plain)?.filter((part) => part !== undefined) ?? [];
  return path.split('.').reduceRight<Json>((inner, name) => ({ [name]: inner }), quoted ?? typedValue(plain));
}

function keyOf(variables: Variables | undefined, chart: readonly ChartValues[]): string {
  const named = [...(variables ?? [])].sort(([a], [b]) => (a < b ? -1 : 1));
  return hashText(toJson([named.map((pair) => [...pair]), chart.map(({ name, text }) => [name, text ?? null])]));
}

/** Another version of the chart is another content, as other values are. */
export function withLocated(given: GivenValues, located: LocatedChart | undefined): GivenValues {
  if (located === undefined) return given;
  return { ...given, located, key: hashText(`${given.key} ${located.locked.digest}`) };
}

/** Other values are another content. */
export function withGiven(content: string, { key }: Pick<GivenValues, 'key'>): string {
  return key === '' ? content : hashText(`${content} ${key}`);
}
