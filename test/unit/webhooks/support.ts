import { createHmac } from 'node:crypto';
import type { HookRequest } from '../../../webhooks/notice.ts';
import { createReceiver, type ReceiverDeps } from '../../../webhooks/receive.ts';

/** A request with these headers and this body. */
export function hookRequest(headers: Readonly<Record<string, string>>, body: string | Uint8Array): HookRequest {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  return { header: (name) => headers[name], body: bytes, address: '192.0.2.1' };
}

export function hmac(secret: string, body: string | Uint8Array, algorithm = 'sha256'): string {
  return createHmac(algorithm, secret).update(body).digest('hex');
}

/** How each provider signs a push. */
export const senders: Readonly<Record<string, (body: string, secret: string) => Record<string, string>>> = {
  github: (body, secret) => ({ 'x-github-event': 'push', 'x-hub-signature-256': `sha256=${hmac(secret, body)}` }),
  gitea: (body, secret) => ({ 'x-gitea-event': 'push', 'x-gitea-signature': hmac(secret, body) }),
  gitlab: (_body, secret) => ({ 'x-gitlab-event': 'Push Hook', 'x-gitlab-token': secret }),
  generic: (body, secret) => ({ 'x-signature': `sha256=${hmac(secret, body)}` }),
};

/** A push as each provider tells it. */
export const pushes: Readonly<Record<string, (url: string, ref: string) => object>> = {
  github: (url, ref) => ({ ref, repository: { clone_url: url } }),
  gitea: (url, ref) => ({ ref, repository: { clone_url: url } }),
  gitlab: (url, ref) => ({ ref, project: { git_http_url: url } }),
  generic: (url, ref) => ({ ref, repository: url }),
};

/** A receiver in memory, and what it asked for. */
export function receiverWith(deps: Partial<ReceiverDeps> = {}) {
  const synced: string[] = [];
  const logged: object[] = [];
  const log = (data: object): void => void logged.push(data);
  const receive = createReceiver({
    log: { debug: log, info: log, warn: log, error: log },
    secrets: () => ['a-good-secret'],
    subscribers: () => [
      {
        uid: 'u1',
        name: 'shop/web',
        repository: 'git.example.com/shop',
        followed: { kind: 'ref', name: 'refs/heads/main' },
      },
      {
        uid: 'u2',
        name: 'shop/next',
        repository: 'git.example.com/shop',
        followed: { kind: 'ref', name: 'refs/heads/next' },
      },
      {
        uid: 'u3',
        name: 'blog/web',
        repository: 'git.example.com/blog',
        followed: { kind: 'ref', name: 'refs/heads/main' },
      },
    ],
    sync: (uid) => synced.push(uid),
    now: () => 1_614_265_330_000,
    ...deps,
  });
  return { receive, synced, logged };
}
