import { type TObject, type TProperties, type TSchema, Type } from '@sinclair/typebox';

/** A duration as Kubernetes writes it: `90s`, `5m`, `1h30m`. */
export const duration = (description: string, fallback?: string) =>
  Type.Optional(
    Type.String({
      description,
      pattern: '^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$',
      maxLength: 20,
      ...(fallback === undefined ? {} : { default: fallback }),
    }),
  );

/** A duration, or a word instead of one. */
export const signal = (description: string, fallback: string) =>
  Type.Optional(
    Type.String({
      description,
      pattern: '^(off|at-once|([0-9]+(\\.[0-9]+)?(ms|s|m|h))+)$',
      maxLength: 20,
      default: fallback,
    }),
  );

export const words = <const T extends string[]>(values: T, description: string, fallback?: T[number]) =>
  Type.Optional(
    Type.Unsafe<T[number]>(
      Type.String({ enum: values, description, ...(fallback === undefined ? {} : { default: fallback }) }),
    ),
  );

export const flag = (description: string, fallback: boolean) =>
  Type.Optional(Type.Boolean({ description, default: fallback }));

export const text = (description: string, options: object = {}) =>
  Type.String({ description, maxLength: 2048, ...options });

export const section = <T extends TProperties>(properties: T, description: string): TObject<T> =>
  Type.Object(properties, { description });

export const anything = (description: string) =>
  Type.Unsafe<Record<string, unknown>>(Type.Object({}, { description, 'x-kubernetes-preserve-unknown-fields': true }));

export const listOf = <T extends TSchema>(items: T, description: string, maxItems = 100) =>
  Type.Optional(Type.Array(items, { description, maxItems }));
