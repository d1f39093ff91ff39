import semver from 'semver';
import { LockstepError } from '../errors.ts';
import { isValidRefName } from './url.ts';

/** What of a repository is followed. */
export type Followed =
  /** A reference by its full name: `refs/heads/main`, `refs/tags/v1`, `HEAD`. */
  | { readonly kind: 'ref'; readonly name: string }
  /** The tag with the highest version in a range. */
  | { readonly kind: 'semver'; readonly range: string }
  /** One commit, whatever points to it; the branch says where to look for it, should the server hand out no commits. */
  | { readonly kind: 'commit'; readonly oid: string; readonly branch: string };

/** `spec.source.ref`. */
export interface RefSpec {
  readonly branch?: string | undefined;
  readonly tag?: string | undefined;
  readonly semver?: string | undefined;
  readonly name?: string | undefined;
  readonly commit?: string | undefined;
  readonly digest?: string | undefined;
}

/** A reference as a server lists it. */
export interface ListedRef {
  readonly name: string;
  readonly oid: string;
  /** The commit, where the reference names a tag object. */
  readonly peeled: string | undefined;
}

/**
 * What a spec asks to follow. Where it names several, the later of branch, tag, semver, name and commit wins, as Flux does.
 * @throws LockstepError InvalidSpec
 */
export function followedOf({ branch, tag, semver: range, name, commit }: RefSpec): Followed {
  if (commit !== undefined) return { kind: 'commit', oid: commit, branch: named('branch', 'heads', branch ?? 'main') };
  if (name !== undefined) {
    const isFull = name === 'HEAD' || (name.startsWith('refs/') && isValidRefName(name.slice('refs/'.length)));
    if (isFull) return { kind: 'ref', name };
    throw invalid('name', name, 'is no full name of a reference, such as refs/heads/main');
  }
  if (range !== undefined) {
    if (isVersionRange(range)) return { kind: 'semver', range };
    throw invalid('semver', range, 'is no range of versions, such as ">=1.2.0 <2.0.0" or "1.x"');
  }
  if (tag !== undefined) return { kind: 'ref', name: named('tag', 'tags', tag) };
  return { kind: 'ref', name: named('branch', 'heads', branch ?? 'main') };
}

/**
 * The same for an artifact of a registry: the later of tag, semver and digest counts, and without any the tag latest.
 * @throws LockstepError InvalidSpec
 */
export function artifactFollowedOf({ tag = 'latest', semver: range, digest }: RefSpec): Followed {
  if (digest !== undefined) return { kind: 'commit', oid: digest, branch: '' };
  if (range !== undefined) return followedOf({ semver: range });
  if (/^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/.test(tag)) return { kind: 'ref', name: `refs/tags/${tag}` };
  throw invalid('tag', tag, 'is no tag of a registry');
}

function named(field: string, folder: string, name: string): string {
  if (isValidRefName(name)) return `refs/${folder}/${name}`;
  throw invalid(field, name, `is no valid ${field} name`);
}

function invalid(field: string, value: string, why: string): LockstepError {
  return new LockstepError('InvalidSpec', `spec.source.ref.${field} ${why}: ${JSON.stringify(value.slice(0, 200))}`);
}

/**
 * The highest of some versions in a range; one that is named as it is counts before that, as for Helm.
 * @param range empty for the highest of all that are releases
 */
export function chooseVersion(range: string, versions: readonly string[]): string | undefined {
  const exact = versions.find((version) => version === range);
  if (exact !== undefined) return exact;
  const listed = versions.map((version) => ({ name: `refs/tags/${version}`, oid: version, peeled: undefined }));
  return chooseRef({ kind: 'semver', range: range === '' ? '*' : range }, listed)?.oid;
}

/** Whether a text is a version, or a range of them. */
export function isVersionRange(text: string): boolean {
  return groupsOf(text) !== undefined;
}

/** Whether a text is how registries name a content: `sha256:` and 64 digits. */
export function isDigest(text: string): boolean {
  return /^sha256:[0-9a-f]{64}$/.test(text);
}

/** What is followed, in one word: two that are equal follow the same. */
export function followedText(followed: Followed): string {
  if (followed.kind === 'ref') return followed.name;
  if (followed.kind === 'semver') return `semver ${followed.range}`;
  return followed.oid.startsWith('sha256:') ? followed.oid : `commit ${followed.oid}`;
}

/** What the names of the references begin with that the server is asked for. */
export function prefixOf(followed: Exclude<Followed, { kind: 'commit' }>): string {
  return followed.kind === 'ref' ? followed.name : 'refs/tags/';
}

/** The reference, of those that a server lists, that is followed; undefined when there is none. */
export function chooseRef(
  followed: Exclude<Followed, { kind: 'commit' }>,
  listed: readonly ListedRef[],
): ListedRef | undefined {
  if (followed.kind === 'ref') return listed.find(({ name }) => name === followed.name);
  const groups = groupsOf(followed.range) ?? [];
  let best: { ref: ListedRef; version: semver.SemVer } | undefined;
  for (const ref of listed) {
    const version = versionOf(ref.name);
    if (version === undefined || !groups.some((group) => isIn(group, version))) continue;
    if (best === undefined || isHigher(ref, version, best)) best = { ref, version };
  }
  return best?.ref;
}

/** Versions that differ in nothing but their build are told apart by that, so that the answer is always the same. */
function isHigher(ref: ListedRef, version: semver.SemVer, best: { ref: ListedRef; version: semver.SemVer }): boolean {
  const order = version.compare(best.version) || version.compareBuild(best.version);
  return order > 0 || (order === 0 && ref.name > best.ref.name);
}

/** Bounds that all must hold. */
interface Group {
  readonly within: semver.Range;
  readonly without: readonly semver.Range[];
  /** A version before its release is meant only where one of the bounds names such a version, as the peers have it. */
  readonly isEarlyToo: boolean;
}

function isIn({ within, without, isEarlyToo }: Group, version: semver.SemVer): boolean {
  if (version.prerelease.length > 0 && !isEarlyToo) return false;
  const fits = (range: semver.Range): boolean =>
    range.set.some((bounds) => bounds.every((bound) => bound.test(version)));
  return fits(within) && !without.some(fits);
}

const options = { loose: false, includePrerelease: false };

/**
 * A range as Helm, Flux and Argo CD write them: a comma is `and`, `=>` and `=<` are what they mean, `!=1.2.x` is left out.
 * @returns its alternatives; undefined for what is no range
 */
function groupsOf(text: string): Group[] | undefined {
  try {
    return text.split('||').map((part) => {
      const clean = part.replaceAll(',', ' ').replaceAll('=>', '>=').replaceAll('=<', '<=');
      const without = [...clean.matchAll(/!=\s*(\S+)/g)].map(([, term = '']) => new semver.Range(term, options));
      const within = new semver.Range(clean.replaceAll(/!=\s*\S+/g, ' '), options);
      return { within, without, isEarlyToo: /\d-[0-9A-Za-z]/.test(part) };
    });
  } catch {
    return undefined;
  }
}

/** `v1.2.3`, also with fewer numbers, as the peers read it. */
function versionOf(ref: string): semver.SemVer | undefined {
  const [, numbers = '', rest = ''] = /^refs\/tags\/v?(\d{1,9}(?:\.\d{1,9}){0,2})((?:[-+].*)?)$/.exec(ref) ?? [];
  if (numbers === '') return undefined;
  const whole = `${numbers}${'.0'.repeat(2 - (numbers.split('.').length - 1))}${rest}`;
  return semver.parse(whole, options) ?? undefined;
}

/** Whether news of a reference may be news of what is followed. */
export function mayConcern(followed: Followed, ref: string): boolean {
  if (followed.kind === 'commit') return false;
  if (followed.kind === 'semver') return ref.startsWith('refs/tags/');
  return followed.name === 'HEAD' ? ref.startsWith('refs/heads/') : followed.name === ref;
}
