import { textAt } from '../../diff/json.ts';
import { isSameText, isStandardWebhook } from '../signature.ts';
import { notPush, pushOf } from './body.ts';
import type { Provider } from './provider.ts';

const pushes = new Set(['Push Hook', 'Tag Push Hook']);
const pushKinds = new Set(['push', 'tag_push']);

/**
 * GitLab: https://docs.gitlab.com/user/project/integrations/webhooks. A secret that begins with `whsec_` is the key of
 * signed webhooks, every other one the token that GitLab sends along.
 */
export const gitlab: Provider = {
  name: 'gitlab',
  isGenuine: ({ header, body }, secret, now) => {
    if (!secret.startsWith('whsec_')) return isSameText(header('x-gitlab-token') ?? '', secret);
    const signature = header('webhook-signature');
    return isStandardWebhook(
      { id: header('webhook-id'), timestamp: header('webhook-timestamp'), signature, body },
      secret,
      now,
    );
  },
  idOf: ({ header }) => header('webhook-id') ?? header('idempotency-key') ?? header('x-gitlab-event-uuid'),
  read: ({ header }, body) => {
    const event = header('x-gitlab-event');
    const isPush = event === 'System Hook' ? pushKinds.has(textAt(body, 'event_name') ?? '') : pushes.has(event ?? '');
    if (!isPush) return notPush(event);
    return pushOf(body, ['project', 'git_http_url'], ['project', 'git_ssh_url'], ['project', 'web_url']);
  },
};
