/** A ConfigMap or Secret in the namespace of a Delivery, with values for its manifests. */
export interface ValueRef {
  readonly kind: 'ConfigMap' | 'Secret';
  readonly name: string;
  /** It need not be there. */
  readonly optional: boolean;
}

/** What it holds, by its keys. */
export type Values = ReadonlyMap<string, string>;

/** One that is told from others. */
export function valueTitle({ kind, name }: ValueRef): string {
  return `${kind} ${name}`;
}
