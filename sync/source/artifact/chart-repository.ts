import { at, type Json, textAt } from '../../../diff/json.ts';
import { forgetOldest } from '../../bounded.ts';
import { LockstepError } from '../../errors.ts';
import type { ChartRequest } from '../../ports.ts';
import { elsewhere, loginFor } from '../login.ts';
import { parseSourceUrl, serverOf } from '../url.ts';
import type { Web, WebAnswer } from './web.ts';

/** A version of a chart, and where its archive is. */
export interface ListedChart {
  readonly version: string;
  readonly url: string;
  /** As the index says it. */
  readonly digest: string | undefined;
}

/** An archive, and what the server calls this state of it. */
export interface FetchedArchive {
  readonly bytes: Buffer;
  readonly sign: string | undefined;
}

/** Reads an index of charts, apart from everything else: it may be large, and anybody's. @returns a list in JSON */
export type ReadIndex = (owner: string, index: Uint8Array, chart: string) => Promise<string>;

/** Repositories of charts over HTTP. All methods throw LockstepError. */
export interface ChartRepositories {
  /** All versions of a chart that the repository lists now. */
  versions(request: ChartRequest): Promise<readonly ListedChart[]>;
  archive(request: ChartRequest, url: string, maxBytes: number): Promise<FetchedArchive>;
  /** @param sign what the server called its last state; undefined where it is still that */
  newArchive(request: ChartRequest, url: string, maxBytes: number, sign: string): Promise<FetchedArchive | undefined>;
}

const maxIndex = 50 * 1024 * 1024;
/** Answers about so many charts are kept. */
const mostKept = 200;

interface Kept {
  /** What the server calls this state of the index. */
  readonly sign: string;
  readonly versions: readonly ListedChart[];
}

export function openChartRepositories(web: Web, readIndex: ReadIndex): ChartRepositories {
  const kept = new Map<string, Kept>();

  const ask = (
    request: ChartRequest,
    url: string,
    maxBytes: number,
    headers: Readonly<Record<string, string>> = {},
  ) => {
    // Archives may stand elsewhere: there the login only counts where it names the server.
    const there = parseSourceUrl(url);
    const isHome = serverOf(there) === serverOf(parseSourceUrl(request.repository));
    const credentials = isHome ? request.credentials : elsewhere(request.credentials);
    return web({ url, headers, authorization: loginFor(credentials, there), credentials, maxBytes });
  };

  return {
    versions: async (request) => {
      const { repository, chart, credentials } = request;
      const key = `${repository} ${chart} ${credentials?.fingerprint ?? ''}`;
      const before = kept.get(key);
      const url = `${repository.replace(/\/+$/, '')}/index.yaml`;
      const headers: Record<string, string> = before === undefined ? {} : { 'if-none-match': before.sign };
      const answer = await ask(request, url, maxIndex, headers);
      if (answer.status === 304 && before !== undefined) return before.versions;
      requireFound(answer, url);
      const versions = readVersions(JSON.parse(await readIndex(request.owner, answer.body, chart)), url);
      kept.delete(key);
      const sign = answer.header('etag');
      if (sign !== undefined) kept.set(key, { sign, versions });
      forgetOldest(kept, mostKept);
      return versions;
    },
    archive: async (request, url, maxBytes) => archiveIn(await ask(request, url, maxBytes), url),
    newArchive: async (request, url, maxBytes, sign) => {
      const answer = await ask(request, url, maxBytes, { 'if-none-match': sign });
      return answer.status === 304 ? undefined : archiveIn(answer, url);
    },
  };
}

/** @throws LockstepError */
function archiveIn(answer: WebAnswer, url: string): FetchedArchive {
  requireFound(answer, url);
  return { bytes: answer.body, sign: answer.header('etag') };
}

/** @throws LockstepError */
function requireFound({ status }: WebAnswer, url: string): void {
  if (status === 200) return;
  const shown = withoutQuery(url);
  if (status === 401 || status === 403)
    throw new LockstepError('SourceUnauthorized', `${shown} answered HTTP ${status}`);
  throw new LockstepError(status === 404 ? 'ChartNotFound' : 'SourceUnreachable', `${shown} answered HTTP ${status}`);
}

/** What stands behind a question mark may be a login. */
function withoutQuery(url: string): string {
  return url.split('?', 1)[0] ?? '';
}

/** Addresses of archives are often those beside the index. */
function readVersions(listed: Json, index: string): ListedChart[] {
  if (!Array.isArray(listed)) return [];
  return listed.flatMap((entry) => {
    const urls = at(entry, 'urls');
    const [first] = Array.isArray(urls) ? urls : [];
    const version = textAt(entry, 'version') ?? '';
    const digest = (textAt(entry, 'digest') ?? '').replace(/^sha256:/, '').toLowerCase();
    if (typeof first !== 'string' || !URL.canParse(first, index) || version === '') return [];
    const { href, protocol, username, password } = new URL(first, index);
    if (!/^https?:$/.test(protocol) || username !== '' || password !== '') return [];
    return [{ version, url: href, digest: /^[0-9a-f]{64}$/.test(digest) ? `sha256:${digest}` : undefined }];
  });
}
