import { LockstepError } from '../errors.ts';
import type { ValueRef } from '../render/values.ts';
import type { Variables } from '../render/variables.ts';
import {
  artifactFollowedOf,
  type Followed,
  followedOf,
  followedText,
  isDigest,
  isVersionRange,
} from '../source/follow.ts';
import type { KeyPlaces, Trust } from '../source/login.ts';
import { normalizePath, parseSourceUrl } from '../source/url.ts';
import { parseDuration } from './duration.ts';
import type { HelmSpec, KustomizeSpec, ValueRefSpec } from './render-schema.ts';
import type { DeliverySpec } from './schema.ts';

/** Where a Delivery has its manifests from. Durations are in milliseconds. */
export interface SourceSettings {
  /** Of the repository, the artifact, or the repository of the chart that is all. */
  readonly url: string;
  /** The chart of a repository of charts that is rendered. */
  readonly chart: ChartSettings | undefined;
  /** Whether there is no source but that chart. */
  readonly isChartAlone: boolean;
  /** Whether a registry is asked without TLS. */
  readonly isPlain: boolean;
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

/** A chart of a repository of charts, or of a registry. */
export interface ChartSettings {
  readonly repository: string;
  readonly name: string;
  /** A version or a range; empty for the highest release. */
  readonly version: string;
  readonly secretName: string | undefined;
  readonly isPlain: boolean;
}

/** How they are rendered, where that is said. */
export interface RenderSpecs {
  readonly kustomize: KustomizeSpec | undefined;
  readonly helm: HelmSpec | undefined;
  /** Variables in the manifests; undefined where none are replaced. */
  readonly variables: Variables | undefined;
  /** Where more of them are from; those above count before them. */
  readonly variablesFrom: readonly ValueRef[];
  /** The Secret with the keys of encrypted files. */
  readonly decryptionSecret: string | undefined;
}

/** What a Delivery on its way out needs of its source: nothing. */
export const noSource: SourceSettings & RenderSpecs = {
  url: '',
  chart: undefined,
  isChartAlone: false,
  isPlain: false,
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
  decryptionSecret: undefined,
};

/**
 * Where the manifests come from: a repository, an artifact, or nothing but a chart.
 * @throws LockstepError InvalidSpec, SourceUnsupported
 */
export function sourceSettings({ source, render }: DeliverySpec): SourceSettings {
  const chart = chartSettings(render?.helm ?? {});
  if (source === undefined) return chartAlone(chart);
  const { scheme } = parseSourceUrl(source.url);
  if (scheme === 'ssh' && source.proxySecretRef !== undefined)
    throw new LockstepError(
      'InvalidSpec',
      'spec.source.proxySecretRef is for HTTP, and spec.source.url is read over SSH',
    );
  const isArtifact = scheme === 'oci';
  if (isArtifact) requireNoGit(source);
  const followed = isArtifact ? artifactFollowedOf(source.ref ?? {}) : gitFollowedOf(source.ref ?? {});
  return {
    url: source.url,
    chart,
    isChartAlone: false,
    isPlain: source.insecure ?? false,
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
function chartAlone(chart: ChartSettings | undefined): SourceSettings {
  if (chart === undefined)
    throw new LockstepError(
      'InvalidSpec',
      'spec.source is missing; only a chart of spec.render.helm.repository needs none',
    );
  const { repository, name, version, secretName, isPlain } = chart;
  const followed = { kind: 'semver', range: version } as const;
  const ref = `${name} ${version || '*'}`;
  return { ...noSource, url: repository, chart, isChartAlone: true, isPlain, followed, ref, secretName };
}

/** @throws LockstepError InvalidSpec */
function chartSettings({ repository, chart, version = '', secretRef, insecure }: HelmSpec): ChartSettings | undefined {
  if (repository === undefined) {
    if (chart === undefined && version === '') return undefined;
    throw new LockstepError('InvalidSpec', 'spec.render.helm.chart and version need spec.render.helm.repository');
  }
  if (chart === undefined)
    throw new LockstepError('InvalidSpec', 'spec.render.helm.repository needs spec.render.helm.chart');
  const url = repository.replace(/\/+$/, '');
  const isOfRegistry = url.startsWith('oci://');
  if (version !== '' && !isVersionRange(version) && !(isOfRegistry && isDigest(version)))
    throw new LockstepError(
      'InvalidSpec',
      `spec.render.helm.version is no version or range of versions, and no digest in a registry: ${JSON.stringify(version)}`,
    );
  parseSourceUrl(isOfRegistry ? `${url}/${chart}` : url, 'spec.render.helm.repository');
  return { repository: url, name: chart, version, secretName: secretRef?.name, isPlain: insecure ?? false };
}

type SourceSpec = NonNullable<DeliverySpec['source']>;

/** What only Git has. @throws LockstepError InvalidSpec */
function requireNoGit({ verify, submodules, requireFastForward, ref = {} }: SourceSpec): void {
  const fields: Readonly<Record<string, unknown>> = { verify, submodules, requireFastForward };
  const { branch, name, commit } = ref;
  const refs: Readonly<Record<string, unknown>> = { branch, name, commit };
  const set = [
    ...Object.keys(fields).filter((field) => fields[field] !== undefined && fields[field] !== false),
    ...Object.keys(refs)
      .filter((field) => refs[field] !== undefined)
      .map((field) => `ref.${field}`),
  ];
  if (set.length === 0) return;
  throw new LockstepError(
    'InvalidSpec',
    `spec.source.${set[0]} is for repositories of Git, and spec.source.url is that of an artifact`,
  );
}

/** @throws LockstepError InvalidSpec */
function gitFollowedOf(ref: NonNullable<SourceSpec['ref']>): Followed {
  if (ref.digest === undefined) return followedOf(ref);
  throw new LockstepError(
    'InvalidSpec',
    'spec.source.ref.digest is for artifacts, and spec.source.url is that of a repository of Git',
  );
}

/** @throws LockstepError InvalidSpec */
function verification({ verify }: SourceSpec, followed: Followed): SourceSettings['verify'] {
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
  const { kustomize, helm, substitute, decryption } = render;
  const variables = substitute === undefined ? undefined : variablesOf(substitute.vars ?? {});
  const variablesFrom = (substitute?.from ?? []).map(valueRefOf);
  return { kustomize, helm, variables, variablesFrom, decryptionSecret: decryption?.secretRef.name };
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
