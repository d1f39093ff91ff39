import { at, type Json, textAt } from '../../../diff/json.ts';
import { LockstepError } from '../../errors.ts';
import type { PullRequestsAsked } from '../../ports.ts';
import type { Web, WebAnswer } from '../artifact/web.ts';
import { type Parameters, slugOf } from './parameters.ts';

/** How one host tells of its requests. */
interface Host {
  /** @param page from 1 */
  url(api: string, project: string, page: number): string;
  readonly headers: Readonly<Record<string, string>>;
  read(request: Json): Told | undefined;
}

interface Told {
  readonly number: number;
  readonly branch: string;
  readonly target: string;
  readonly commit: string;
  readonly author: string;
  readonly title: string;
  readonly labels: readonly string[];
}

const pageSize = 100;
const mostPages = 50;
const mostReads = 4;
/** No server has pages that are shorter than this. */
const fewest = 20;
const maxAnswer = 20 * 1024 * 1024;

/**
 * The requests of a repository that are open, by their numbers. What anybody may have written in them is never more than a text.
 * @throws LockstepError SourceUnreachable, SourceUnauthorized, SourceTooLarge
 */
export async function pullRequestParameters(web: Web, asked: PullRequestsAsked): Promise<Parameters[]> {
  const all = (await readAll(web, asked)).filter(({ target, labels }) => isMeant(asked, target, labels));
  const unready = all.find(({ commit }) => commit === '');
  if (unready !== undefined)
    throw new LockstepError('SourceUnreachable', `the request ${unready.number} of ${asked.project} has no commit yet`);
  return all
    .sort((a, b) => a.number - b.number)
    .map(({ labels: _labels, ...told }) => new Map(Object.entries({ ...told, ...shortened(told) })));
}

function shortened({ branch, target, commit }: Pick<Told, 'branch' | 'target' | 'commit'>): Record<string, string> {
  return { branchSlug: slugOf(branch), targetSlug: slugOf(target), shortCommit: commit.slice(0, 8) };
}

/** One that is closed while pages are read shifts the others: only what is twice the same is whole. */
async function readAll(web: Web, asked: PullRequestsAsked): Promise<Told[]> {
  let before = '';
  for (let time = 0; time < mostReads; time += 1) {
    const { all, pages } = await readPages(web, asked);
    const numbers = all.map(({ number }) => number).join(' ');
    if (pages === 1 || numbers === before) return all;
    before = numbers;
  }
  throw new LockstepError('SourceUnreachable', `the requests of ${asked.project} change while they are read`);
}

async function readPages(web: Web, asked: PullRequestsAsked): Promise<{ all: Told[]; pages: number }> {
  const host = hosts[asked.provider];
  const all: Told[] = [];
  for (let page = 1; page <= mostPages; page += 1) {
    const { listed, isLast } = await readPage(web, host, asked, page);
    for (const request of listed) all.push(host.read(request) ?? unreadable(asked));
    if (isLast) return { all, pages: page };
  }
  throw new LockstepError('SourceTooLarge', `${asked.project} has more than ${mostPages} pages of open requests`);
}

function unreadable({ project }: PullRequestsAsked): never {
  throw new LockstepError('SourceUnreachable', `a request of ${project} is told in a form that can not be read`);
}

function isMeant({ branch, labels }: PullRequestsAsked, target: string, has: readonly string[]): boolean {
  return (branch === undefined || branch === target) && labels.every((label) => has.includes(label));
}

interface Page {
  readonly listed: readonly Json[];
  readonly isLast: boolean;
}

async function readPage(web: Web, host: Host, asked: PullRequestsAsked, page: number): Promise<Page> {
  const { credentials, project } = asked;
  const url = host.url(asked.api.replace(/\/+$/, ''), project, page);
  const login = credentials?.authorization;
  // An access token is a password for Git, and a bearer of its own for APIs.
  const authorization = login?.startsWith('Basic ') === true ? `Bearer ${passwordIn(login)}` : login;
  const answer = await web({ url, headers: host.headers, authorization, credentials, maxBytes: maxAnswer });
  const listed = listIn(answer, `the requests of ${project} at ${new URL(url).host}`);
  return { listed, isLast: isLast(answer, listed.length) };
}

/** Servers have their own mind about how long a page is. They link to the next one; who links to none has an empty one at the end. */
function isLast(answer: WebAnswer, count: number): boolean {
  const link = answer.header('link');
  if (count === 0) return true;
  return link === undefined ? count < fewest : !/rel="?next"?/.test(link);
}

function passwordIn(login: string): string {
  const pair = Buffer.from(login.slice('Basic '.length), 'base64').toString('utf8');
  return pair.slice(pair.indexOf(':') + 1);
}

function listIn({ status, body }: WebAnswer, what: string): readonly Json[] {
  if (status === 401 || status === 403) throw new LockstepError('SourceUnauthorized', `${what}: HTTP ${status}`);
  if (status !== 200) throw new LockstepError('SourceUnreachable', `${what}: HTTP ${status}`);
  try {
    const listed: Json = JSON.parse(body.toString('utf8'));
    if (Array.isArray(listed)) return listed;
  } catch {
    // What is no JSON is no list either.
  }
  throw new LockstepError('SourceUnreachable', `${what}: the answer is no list`);
}

function namesIn(labels: Json | undefined): string[] {
  return Array.isArray(labels)
    ? labels.map((label) => (typeof label === 'string' ? label : (textAt(label, 'name') ?? '')))
    : [];
}

/** GitHub and those who have taken over its form. */
function readLikeGithub(request: Json): Told | undefined {
  const number = at(request, 'number');
  const commit = textAt(request, 'head', 'sha') ?? '';
  if (typeof number !== 'number') return undefined;
  return {
    number,
    commit,
    branch: textAt(request, 'head', 'ref') ?? '',
    target: textAt(request, 'base', 'ref') ?? '',
    author: textAt(request, 'user', 'login') ?? '',
    title: textAt(request, 'title') ?? '',
    labels: namesIn(at(request, 'labels')),
  };
}

function readGitlab(request: Json): Told | undefined {
  const number = at(request, 'iid');
  const commit = textAt(request, 'sha') ?? '';
  if (typeof number !== 'number') return undefined;
  return {
    number,
    commit,
    branch: textAt(request, 'source_branch') ?? '',
    target: textAt(request, 'target_branch') ?? '',
    author: textAt(request, 'author', 'username') ?? '',
    title: textAt(request, 'title') ?? '',
    labels: namesIn(at(request, 'labels')),
  };
}

const plainPath = (project: string): string => project.split('/').map(encodeURIComponent).join('/');

const hosts: Readonly<Record<PullRequestsAsked['provider'], Host>> = {
  github: {
    url: (api, project, page) =>
      `${api}/repos/${plainPath(project)}/pulls?state=open&per_page=${pageSize}&page=${page}`,
    headers: { accept: 'application/vnd.github+json' },
    read: readLikeGithub,
  },
  gitea: {
    url: (api, project, page) => `${api}/repos/${plainPath(project)}/pulls?state=open&limit=${pageSize}&page=${page}`,
    headers: { accept: 'application/json' },
    read: readLikeGithub,
  },
  gitlab: {
    url: (api, project, page) =>
      `${api}/projects/${encodeURIComponent(project)}/merge_requests?state=opened&per_page=${pageSize}&page=${page}`,
    headers: { accept: 'application/json' },
    read: readGitlab,
  },
};
