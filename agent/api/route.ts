import { type Static, type TObject, type TSchema, Type } from '@sinclair/typebox';
import type { Caller } from './callers.ts';
import type { ProblemCode } from './problems.ts';

/** A request after it was guarded and checked. */
export interface ApiRequest<P = unknown, Q = unknown, B = unknown> {
  readonly params: P;
  readonly query: Q;
  /** The raw bytes where the route asks for them. */
  readonly body: B;
  readonly caller: Caller;
  /** Where it came from. */
  readonly address: string;
  /** The value of a header, by its lower-case name; undefined unless it was sent exactly once. */
  header(name: string): string | undefined;
}

/** Where a stream of events is written. */
export interface Sink {
  /** Comes back once there is room for more; false when the reader is gone, or does not keep up and was let go. */
  write(text: string): Promise<boolean>;
  end(): void;
}

/** A stream that was promised to a reader, who may have gone before it begins. */
export interface Stream {
  begin(sink: Sink): void;
  /** Told once, when the reader is gone. */
  end(): void;
}

/** An answer at once, or a stream that lasts. */
export type ApiAnswer =
  | { readonly status: number; readonly body: unknown; readonly type?: string }
  | { readonly stream: Stream };

/** One success of a route, as it is documented. */
export interface Documented {
  readonly description: string;
  readonly schema: TSchema;
  /** The media type; JSON unless said otherwise. */
  readonly type?: string;
}

/** One route, as the server registers it and the OpenAPI page tells it. */
export interface Route {
  readonly method: 'GET' | 'POST';
  /** With parameters in braces. */
  readonly path: string;
  /** Unique, in camel case. */
  readonly id: string;
  readonly summary: string;
  /** `api` is for callers that are identified, `hook` takes raw bytes and proves itself, `open` is for anybody. */
  readonly access: 'api' | 'hook' | 'open';
  readonly params?: TObject;
  readonly query?: TObject;
  readonly body?: TSchema;
  readonly answers: Readonly<Record<number, Documented>>;
  /** The problems that it may answer with, beside those of every route of its kind. */
  readonly problems: readonly ProblemCode[];
  handle(request: ApiRequest): Promise<ApiAnswer>;
}

/** A route whose handler knows what was checked. */
export interface TypedRoute<P extends TObject, Q extends TObject, B extends TSchema>
  extends Omit<Route, 'params' | 'query' | 'body' | 'handle'> {
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  handle(request: ApiRequest<Static<P>, Static<Q>, Static<B>>): Promise<ApiAnswer>;
}

/** Forgets the types: the server hands over only what fits the schemas. */
export function route<P extends TObject, Q extends TObject, B extends TSchema>(typed: TypedRoute<P, Q, B>): Route {
  return typed as unknown as Route;
}

const label = (description: string, maxLength: number) =>
  Type.String({ description, minLength: 1, maxLength, pattern: '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$' });

/** The parameters that name a Delivery. */
export const deliveryParams = Type.Object({
  namespace: label('The namespace of the Delivery.', 63),
  name: label('Its name.', 253),
});

/** Which Deliveries. */
export const namespaceQuery = {
  namespace: Type.Optional(Type.String({ description: 'Only those of this namespace.', maxLength: 63 })),
};

/** Which page of a list. */
export const pageQuery = {
  limit: Type.Optional(
    Type.Integer({ description: 'The most items of a page.', minimum: 1, maximum: 500, default: 100 }),
  ),
  continue: Type.Optional(Type.String({ description: 'As the page before gave it.', maxLength: 1000 })),
};

/** A page that was asked for. */
export interface PageQuery {
  readonly limit?: number;
  readonly continue?: string;
}

/** An answer with a JSON body. */
export function ok(body: unknown, status = 200): ApiAnswer {
  return { status, body };
}

/** A page of a list. @param next where the next one begins; undefined after the last */
export function page(items: readonly unknown[], next: string | undefined): ApiAnswer {
  return ok({ items, ...(next === undefined ? {} : { continue: next }) });
}

/**
 * One page of a list that is sorted by key.
 * @param after the key of the last item of the page before
 */
export function paged<T>(
  items: readonly T[],
  keyOf: (item: T) => string,
  { limit = 100, continue: after = '' }: PageQuery,
): { items: T[]; next: string | undefined } {
  const sorted = items
    .map((item) => ({ item, key: keyOf(item) }))
    .filter(({ key }) => key > after)
    .sort((a, b) => (a.key < b.key ? -1 : 1));
  const page = sorted.slice(0, limit);
  return { items: page.map(({ item }) => item), next: sorted.length > limit ? page.at(-1)?.key : undefined };
}
