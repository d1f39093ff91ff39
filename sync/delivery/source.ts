import { LockstepError } from '../errors.ts';
import type { ValueRef } from '../render/values.ts';
import type { Variables } from '../render/variables.ts';
import { type Followed, followedOf, followedText } from '../source/follow.ts';
import type { KeyPlaces, Trust } from '../source/login.ts';
import { normalizePath } from '../source/url.ts';
import { parseDuration } from './duration.ts';
import type { HelmSpec, KustomizeSpec, ValueRefSpec } from './render-schema.ts';
import type { DeliverySpec } from './schema.ts';

/** Where a Delivery has its manifests from. Durations are in milliseconds. */
export interface SourceSettings {
  readonly url: string;
  readonly followed: Followed;
  /** What is followed, in one word: the full name of a reference, or a range or a commit. */
  readonly ref: string;
  readonly path: string;
  /** What is left out of the repository, in the form of gitignore. */
  readonly sourceIgnore: string | undefined;
  readonly submodules: boolean;
  readonly requireFastForward: boolean;
  readonly secretName: string | undefined;
  readonly proxySecretName: string | undefined;
  /** Whose signatures are asked for. */
  readonly verify: (KeyPlaces & Pick<Trust, 'mode'>) | undefined;
  readonly interval: number;
}

/** How they are rendered, where that is said. */
export interface RenderSpecs {
  readonly kustomize: KustomizeSpec | undefined;
  readonly helm: HelmSpec | undefined;
  /** Variables in the manifests; undefined where none are replaced. */
  readonly variables: Variables | undefined;
  /** Where more of them are from; those above count before them. */
  readonly variablesFrom: readonly ValueRef[];
}

/** What a Delivery on its way out needs of its source: nothing. */
export const noSource: SourceSettings & RenderSpecs = {
  url: '',
  followed: { kind: 'ref', name: '' },
  ref: '',
  path: '',
  sourceIgnore: undefined,
  submodules: false,
  requireFastForward: false,
  secretName: undefined,
  proxySecretName: undefined,
  verify: undefined,
  interval: 60_000,
  kustomize: undefined,
  helm: undefined,
  variables: undefined,
  variablesFrom: [],
};

/** @throws LockstepError InvalidSpec */
export function sourceSettings({ source }: DeliverySpec): SourceSettings {
  const followed = followedOf(source.ref ?? {});
  return {
    url: source.url,
    followed,
    ref: followedText(followed),
    path: normalizePath(source.path ?? ''),
    sourceIgnore: source.ignore,
    submodules: source.submodules ?? false,
    requireFastForward: source.requireFastForward ?? false,
    secretName: source.secretRef?.name,
    proxySecretName: source.proxySecretRef?.name,
    verify: verification(source, followed),
    interval: Math.max(1000, parseDuration(source.interval ?? '60s')),
  };
}

/** @throws LockstepError InvalidSpec */
function verification({ verify }: DeliverySpec['source'], followed: Followed): SourceSettings['verify'] {
  if (verify === undefined) return undefined;
  const { mode = 'HEAD', secretRef, configMapRef } = verify;
  if (secretRef === undefined && configMapRef === undefined)
    throw new LockstepError('InvalidSpec', 'spec.source.verify needs a secretRef or a configMapRef with public keys');
  const isTag = followed.kind === 'semver' || (followed.kind === 'ref' && followed.name.startsWith('refs/tags/'));
  if (mode !== 'HEAD' && !isTag)
    throw new LockstepError('InvalidSpec', `spec.source.verify.mode is ${mode}, and spec.source.ref follows no tag`);
  return { mode, secret: secretRef?.name, configMap: configMapRef?.name };
}

/** @throws LockstepError InvalidSpec */
export function renderSpecs({ render = {} }: DeliverySpec): RenderSpecs {
  const { kustomize, helm, substitute } = render;
  const variables = substitute === undefined ? undefined : variablesOf(substitute.vars ?? {});
  return { kustomize, helm, variables, variablesFrom: (substitute?.from ?? []).map(valueRefOf) };
}

/** A ConfigMap or Secret as it is followed. */
export function valueRefOf({ kind, name, optional = false }: ValueRefSpec): ValueRef {
  return { kind, name, optional };
}

function variablesOf(vars: Readonly<Record<string, string>>): Variables {
  const wrong = Object.keys(vars).find((name) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name));
  if (wrong === undefined) return new Map(Object.entries(vars));
  throw new LockstepError(
    'InvalidSpec',
    `spec.render.substitute.vars: ${JSON.stringify(wrong)} is no name of a variable`,
  );
}
