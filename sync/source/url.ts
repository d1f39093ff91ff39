import { LockstepError } from '../errors.ts';

/** The schemes that are read; everything else, local paths and helper programs included, is refused. */
const schemes = new Set(['http:', 'https:']);

/**
 * Reads the URL of a repository.
 * @throws LockstepError SourceUnsupported, InvalidSpec
 */
export function parseSourceUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) throw new LockstepError('InvalidSpec', `spec.source.url is no URL: ${JSON.stringify(text)}`);
  if (!schemes.has(url.protocol)) {
    throw new LockstepError(
      'SourceUnsupported',
      `spec.source.url has the scheme ${url.protocol} and only http and https are supported`,
    );
  }
  if (url.username !== '' || url.password !== '') {
    throw new LockstepError(
      'InvalidSpec',
      'spec.source.url must not hold a user or password; use spec.source.secretRef',
    );
  }
  return url;
}

/** Git's own rules for the names of references (git check-ref-format), for the part after refs/heads/. */
export function isValidRefName(name: string): boolean {
  if (name === '' || name.length > 1000 || name.startsWith('-')) return false;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\x00-\x20\x7f~^:?*[\\]|\.\.|@\{|\/\/|\/$|\.$|^\/|^@$/.test(name)) return false;
  return name.split('/').every((part) => part !== '' && !part.startsWith('.') && !part.endsWith('.lock'));
}

/**
 * The path inside the repository, without dots and slashes at its ends; empty for the root.
 * @throws LockstepError InvalidSpec when it would leave the repository
 */
export function normalizePath(path: string): string {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (path.startsWith('/') || parts.includes('..') || path.includes('\\') || path.includes('\0')) {
    throw new LockstepError('InvalidSpec', `spec.source.path must stay inside the repository: ${JSON.stringify(path)}`);
  }
  return parts.join('/');
}
