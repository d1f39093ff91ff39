import { LockstepError } from '../errors.ts';
import type { SourceUrl } from './url.ts';

const longestLine = 4_096;

/** The URLs of submodules by their paths, as the file .gitmodules has them (gitmodules(5)). */
export function readGitmodules(text: string): ReadonlyMap<string, string> {
  const urls = new Map<string, string>();
  let section: { path?: string; url?: string } = {};
  const end = (): void => {
    if (section.path !== undefined && section.url !== undefined) urls.set(section.path, section.url);
    section = {};
  };
  for (const line of text.split(/\r?\n/)) {
    if (/^\s*\[/.test(line)) end();
    const [, name = '', rest = ''] = /^\s*(path|url)\s*=(.*)$/.exec(line.slice(0, longestLine)) ?? [];
    const value = rest.trim();
    if (name === 'path') section.path = unquoted(value).replace(/\/$/, '');
    if (name === 'url') section.url = unquoted(value);
  }
  end();
  return urls;
}

function unquoted(value: string): string {
  return value.startsWith('"') && value.endsWith('"') && value.length > 1
    ? value.slice(1, -1).replaceAll(/\\(["\\])/g, '$1')
    : value;
}

/**
 * The URL of a submodule, which may be given as a way from the repository that it is in.
 * @throws LockstepError SourceUnsupported
 */
export function submoduleUrl(parent: SourceUrl, given: string): string {
  if (!given.startsWith('./') && !given.startsWith('../')) return given;
  const url = new URL(parent.href);
  const names = url.pathname.split('/').filter((name) => name !== '');
  for (const name of given.split('/').filter((part) => part !== '' && part !== '.')) {
    if (name !== '..') names.push(name);
    else if (names.pop() === undefined)
      throw new LockstepError('SourceUnsupported', `the submodule ${JSON.stringify(given)} leads out of the server`);
  }
  url.pathname = `/${names.join('/')}`;
  return url.href;
}
