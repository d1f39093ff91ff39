import { isObject, type Json, type JsonObject } from '../diff/json.ts';
import type { Desired } from './render/check.ts';
import { groupOf, type KubeObject, type Problem, refOf, titleOf } from './types.ts';

/** What Deliveries of a namespace may do, beyond what their accounts may. What is undefined is not limited. */
export interface Limits {
  /** `GROUP/Kind`, a `*` for the whole of a part; the group of the core is empty. */
  readonly kinds: { readonly allow: readonly string[] | undefined; readonly deny: readonly string[] };
  /** Names, with `*` at the end for any that begins so; `.` is the namespace of the Delivery. */
  readonly namespaces: readonly string[] | undefined;
  readonly clusterScope: boolean;
  /** URLs; a `*` stands for one part of a host or a path, and what is below a path is meant too. */
  readonly sources: readonly string[] | undefined;
  /** URLs of the API servers of other clusters, in the same form. */
  readonly clusters: readonly string[] | undefined;
  /** URLs that a release may be measured by, in the same form. */
  readonly analysis: readonly string[] | undefined;
  /** Those of the Deliveries above, each with its namespace: what stands in a repository may do no more than that. */
  readonly above: readonly { readonly limits: Limits; readonly own: string }[];
}

export const unlimited: Limits = {
  kinds: { allow: undefined, deny: [] },
  namespaces: undefined,
  clusterScope: true,
  sources: undefined,
  clusters: undefined,
  analysis: undefined,
  above: [],
};

const fields = ['kinds', 'namespaces', 'clusterScope', 'sources', 'clusters', 'analysis'];

/**
 * Limits as somebody wrote them.
 * @throws Error that names what is wrong: nothing that is misspelt may count as allowed
 */
export function readLimits(value: Json): Limits {
  if (!isObject(value)) throw new Error(`a map with ${fields.join(', ')} is needed`);
  const { kinds = {}, namespaces, clusterScope = true, sources, clusters, analysis } = value;
  refuseOthers(value, fields);
  if (!isObject(kinds)) throw new Error('kinds is a map with allow and deny');
  refuseOthers(kinds, ['allow', 'deny']);
  if (typeof clusterScope !== 'boolean') throw new Error('clusterScope is true or false');
  return {
    kinds: { allow: texts('kinds.allow', kinds['allow']), deny: texts('kinds.deny', kinds['deny']) ?? [] },
    namespaces: texts('namespaces', namespaces),
    clusterScope,
    sources: texts('sources', sources)?.map((text) => requireUrl('sources', text)),
    clusters: texts('clusters', clusters)?.map((text) => requireUrl('clusters', text)),
    analysis: texts('analysis', analysis)?.map((text) => requireUrl('analysis', text)),
    above: [],
  };
}

function refuseOthers(map: JsonObject, known: readonly string[]): void {
  const other = Object.keys(map).find((key) => !known.includes(key));
  if (other !== undefined) throw new Error(`${other} is not known; there are ${known.join(', ')}`);
}

function texts(name: string, value: Json | undefined): readonly string[] | undefined {
  if (value === undefined) return undefined;
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value as string[];
  throw new Error(`${name} is a list of texts`);
}

function requireUrl(field: string, text: string): string {
  if (parsed(text) === undefined) throw new Error(`${field}: ${JSON.stringify(text)} is no URL`);
  return text;
}

/**
 * What of a revision goes beyond the limits, object by object.
 * @param own the namespace of the Delivery
 * @param agents that of the agent, where it is in the same cluster: its objects are only for Deliveries that live there
 */
export function limitProblems(
  desired: readonly Desired[],
  limits: Limits,
  own: string,
  agents: string | undefined,
): Problem[] {
  return desired.flatMap(({ manifest }) => {
    const isAgents = agents !== undefined && manifest.metadata.namespace === agents && own !== agents;
    const message = isAgents ? `the namespace ${agents} is the agent's own` : problemOf(manifest, limits, own);
    if (message === undefined && limits.above.length > 0) return problemsAbove(manifest, limits);
    return message === undefined ? [] : [{ object: titleOf(refOf(manifest)), message }];
  });
}

function problemsAbove(manifest: KubeObject, { above }: Limits): Problem[] {
  const [first] = above.flatMap(({ limits, own }) => problemOf(manifest, limits, own) ?? []);
  return first === undefined ? [] : [{ object: titleOf(refOf(manifest)), message: `${first}, one of which is above` }];
}

function problemOf(manifest: KubeObject, { kinds, namespaces, clusterScope }: Limits, own: string): string | undefined {
  const name = `${groupOf(manifest.apiVersion)}/${manifest.kind}`;
  const isAllowed = kinds.allow === undefined || kinds.allow.some((pattern) => isKind(pattern, name));
  if (!isAllowed || kinds.deny.some((pattern) => isKind(pattern, name)))
    return `objects of the kind ${name} are not allowed for Deliveries of the namespace ${own}`;
  const { namespace } = manifest.metadata;
  if (namespace === undefined)
    return clusterScope
      ? undefined
      : `objects outside of namespaces are not allowed for Deliveries of the namespace ${own}`;
  return isNamespaceAllowed(namespace, { namespaces }, own)
    ? undefined
    : `the namespace ${namespace} is not allowed for Deliveries of the namespace ${own}`;
}

function isKind(pattern: string, name: string): boolean {
  const [wanted, given] = [pattern.split('/'), name.split('/')];
  return wanted.length === 2 && wanted.every((part, index) => part === '*' || part === given[index]);
}

/** Whether a Delivery may have to do with a namespace. */
export function isNamespaceAllowed(
  namespace: string,
  { namespaces, above = [] }: Pick<Limits, 'namespaces'> & Partial<Pick<Limits, 'above'>>,
  own: string,
): boolean {
  const isOwn = namespaces === undefined || namespaces.some((pattern) => isNamespace(pattern, namespace, own));
  return isOwn && above.every((one) => isNamespaceAllowed(namespace, one.limits, one.own));
}

function isNamespace(pattern: string, namespace: string, own: string): boolean {
  if (pattern === '.') return namespace === own;
  return pattern.endsWith('*') ? namespace.startsWith(pattern.slice(0, -1)) : namespace === pattern;
}

/** Whether a source may be read, by the parts of its URL: never by its text, which could only look like another one. */
export function isSourceAllowed(url: string, { sources, above }: Limits): boolean {
  return isAmong(url, sources) && above.every(({ limits }) => isAmong(url, limits.sources));
}

/** Whether another cluster may be a target, by the URL of its API server. */
export function isClusterAllowed(server: string, { clusters }: Limits): boolean {
  return isAmong(server, clusters);
}

/** Whether a release may be measured by what a URL answers. */
export function isAnalysisAllowed(url: string, { analysis, above }: Limits): boolean {
  return isAmong(url, analysis) && above.every(({ limits }) => isAmong(url, limits.analysis));
}

function isAmong(url: string, patterns: readonly string[] | undefined): boolean {
  if (patterns === undefined) return true;
  const given = partsOf(url);
  return given !== undefined && patterns.some((pattern) => isUrl(parsed(pattern), given));
}

interface Parts {
  readonly scheme: string;
  readonly host: readonly string[];
  readonly port: string;
  readonly path: readonly string[];
}

const usualPorts: Readonly<Record<string, string>> = { http: '80', https: '443', ssh: '22' };

/** A URL as whoever opens it reads it. */
function partsOf(url: string): Parts | undefined {
  if (!URL.canParse(url)) return undefined;
  const { protocol, hostname, port, pathname } = new URL(url);
  return made(protocol.slice(0, -1), hostname, port, pathname);
}

/** A pattern: a star is no letter of a host for the usual parser. */
function parsed(pattern: string): Parts | undefined {
  const [, scheme, host, port, path] = /^([a-z][a-z0-9+.-]*):\/\/([^/:@\s]+)(?::(\d+))?(\/\S*)?$/i.exec(pattern) ?? [];
  return scheme === undefined || host === undefined ? undefined : made(scheme, host, port ?? '', path ?? '');
}

function made(scheme: string, host: string, port: string, path: string): Parts {
  const name = scheme.toLowerCase();
  const segments = path.split('/').filter((part) => part !== '');
  return {
    scheme: name,
    host: host.toLowerCase().replace(/\.$/, '').split('.'),
    port: port === usualPorts[name] ? '' : port,
    path: segments,
  };
}

function isUrl(pattern: Parts | undefined, { scheme, host, port, path }: Parts): boolean {
  if (pattern === undefined || pattern.scheme !== scheme || pattern.port !== port) return false;
  const isHost =
    pattern.host.length === host.length && pattern.host.every((part, index) => part === '*' || part === host[index]);
  return (
    isHost && pattern.path.every((part, index) => path[index] !== undefined && (part === '*' || part === path[index]))
  );
}
