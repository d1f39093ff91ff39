import { type Followed, mayConcern } from '../sync/source/follow.ts';
import type { Notice } from './notice.ts';

/** A Delivery, as far as pushes concern it. */
export interface Subscriber {
  readonly uid: string;
  /** `shop/web`. */
  readonly name: string;
  /** As `repositoryKey` makes it. */
  readonly repository: string;
  /** What it follows there. */
  readonly followed: Followed;
}

/**
 * What a repository is known by, whichever of its URLs somebody uses: host and path without scheme, user, port, `.git`,
 * final slashes, and case. Undefined for what is no URL. Two that are taken for one cost a look at Git, never a wrong sync.
 */
export function repositoryKey(text: string): string | undefined {
  const url = asUrl(text.trim());
  if (url === undefined || url.hostname === '') return undefined;
  const host = url.hostname.replace(/\.$/, '');
  const path = url.pathname.replace(/\/+$/, '').replace(/\.git$/i, '');
  return `${host}${path}`.toLowerCase();
}

/** The form that scp understands, `git@host:path`, is a URL too. */
function asUrl(text: string): URL | undefined {
  const scp = text.includes('://') ? null : /^(?:[^@/\s]+@)?([^:@/\s]+):([^\s]+)$/.exec(text);
  const whole = scp === null ? text : `ssh://${scp[1]}/${scp[2]?.replace(/^\/+/, '')}`;
  if (!URL.canParse(whole)) return undefined;
  const url = new URL(whole);
  // Hosts of other schemes than these few are not put in one form by the URL standard.
  return url.protocol === 'https:' || url.protocol === 'http:' ? url : new URL(whole.replace(/^[^:]+:/, 'https:'));
}

/** The Deliveries that a push concerns; or why it concerns none. */
export function matchPush(
  push: Extract<Notice, { type: 'push' }>,
  subscribers: readonly Subscriber[],
): readonly Subscriber[] | string {
  const keys = new Set(push.repositories.map(repositoryKey));
  const followers = subscribers.filter(({ repository }) => keys.has(repository));
  if (followers.length === 0) return 'no Delivery follows this repository';
  const matched = followers.filter(({ followed }) => mayBeNews(followed, push.ref));
  return matched.length === 0 ? `no Delivery follows ${push.ref?.slice(0, 200)} of this repository` : matched;
}

/** A name without refs/ is a branch. */
function mayBeNews(followed: Followed, pushed: string | undefined): boolean {
  return pushed === undefined || mayConcern(followed, pushed.startsWith('refs/') ? pushed : `refs/heads/${pushed}`);
}
