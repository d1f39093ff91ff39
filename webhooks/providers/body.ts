import { isObject, type Json, textAt } from '../../diff/json.ts';
import type { Notice } from '../notice.ts';

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
  return { type: 'push', repositories, ref };
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
