import { hmacHex, isSameText } from '../signature.ts';
import { notPush, pushOf } from './body.ts';
import type { Provider } from './provider.ts';

/** Gitea, and Forgejo, which sends the same headers: https://docs.gitea.com/usage/webhooks. */
export const gitea: Provider = {
  name: 'gitea',
  isGenuine: ({ header, body }, secret) =>
    isSameText(header('x-gitea-signature') ?? '', hmacHex('sha256', secret, body)),
  idOf: ({ header }) => header('x-gitea-delivery'),
  read: ({ header }, body) => {
    const event = header('x-gitea-event');
    if (event !== 'push') return notPush(event);
    return pushOf(body, ['repository', 'clone_url'], ['repository', 'ssh_url'], ['repository', 'html_url']);
  },
};
