import { hmacHex, isSameText } from '../signature.ts';
import { notPush, pushOf } from './body.ts';
import type { Provider } from './provider.ts';

/** GitHub and GitHub Enterprise: https://docs.github.com/en/webhooks. The old SHA-1 header is not looked at. */
export const github: Provider = {
  name: 'github',
  isGenuine: ({ header, body }, secret) =>
    isSameText(header('x-hub-signature-256') ?? '', `sha256=${hmacHex('sha256', secret, body)}`),
  idOf: ({ header }) => header('x-github-delivery'),
  read: ({ header }, body) => {
    const event = header('x-github-event');
    if (event === 'ping') return { type: 'ignored', reason: 'ping' };
    if (event !== 'push') return notPush(event);
    return pushOf(body, ['repository', 'clone_url'], ['repository', 'ssh_url'], ['repository', 'html_url']);
  },
};
