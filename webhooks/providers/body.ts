import { isObject, type Json, type JsonObject, numberAt, objectsAt, textAt, textsAt } from '../../diff/json.ts';
import type { Notice } from '../notice.ts';

const changes = ['added', 'modified', 'removed'] as const;
/** Senders cut longer lists; each is compared with each Delivery. In characters, all together. */
const mostPaths = { count: 1_000, length: 64 * 1024 };

/** The longest name of a repository or reference that is looked at. */
const longest = 2_000;

/**
 * The push that a body tells of.
 * @param where the fields that name the repository
 */
export function pushOf(body: Json, ...where: readonly (readonly string[])[]): Notice {
  if (!isObject(body)) return { type: 'malformed', reason: 'the body is no JSON object' };
  const repositories = where.flatMap((path) => shortTextAt(body, path) ?? []);
  if (repositories.length === 0)
    return {
      type: 'malformed',
      reason: `none of ${where.map((path) => path.join('.')).join(', ')} names a repository`,
    };
  const ref = shortTextAt(body, ['ref']);
  if (ref === undefined && body['ref'] !== undefined)
    return { type: 'malformed', reason: 'ref is no name of a reference' };
  return { type: 'push', repositories, ref, paths: pathsOf(body) };
}

/** What each commit of a push lists, as GitHub, Gitea and GitLab have it. A list that may lack something is none. */
function pathsOf(body: JsonObject): string[] | undefined {
  const commits = objectsAt(body, 'commits');
  const count = numberAt(body, 'total_commits_count') ?? commits.length;
  const isWhole = commits.length > 0 && commits.length === count && body['forced'] !== true;
  if (!isWhole || !commits.every((commit) => changes.every((name) => Array.isArray(commit[name])))) return undefined;
  const paths = commits.flatMap((commit) => changes.flatMap((name) => textsAt(commit, name)));
  const length = paths.reduce((sum, path) => sum + path.length, 0);
  return paths.length > mostPaths.count || length > mostPaths.length ? undefined : paths;
}

function shortTextAt(body: Json, path: readonly string[]): string | undefined {
  const text = textAt(body, ...path);
  return text === undefined || text === '' || text.length > longest ? undefined : text;
}

/** What an event that is no push is answered. */
export function notPush(event: string | undefined): Notice {
  return {
    type: 'ignored',
    reason: event === undefined ? 'the event is not named' : `the event ${event.slice(0, 100)} changes nothing here`,
  };
}
