import { createHmac } from 'node:crypto';
import { type Answer, call, post } from './api.ts';
import { agentNamespace } from './furnish.ts';
import { type Kube, until } from './kube.ts';

/** The HMAC of a body as Git hosts send it. */
export function hmac(secret: string, body: string): string {
  return createHmac('sha256', secret).update(body).digest('hex');
}

/** Gives receivers their secrets, by the keys of the Secret. */
export async function makeHookSecrets(
  kube: Kube,
  name: string,
  secrets: Readonly<Record<string, string>>,
): Promise<void> {
  const data = Object.entries(secrets).map(([key, value]) => [key, Buffer.from(value).toString('base64')]);
  const metadata = { name, namespace: agentNamespace };
  await kube.apply({ apiVersion: 'v1', kind: 'Secret', metadata, data: Object.fromEntries(data) });
}

/** Waits until an agent takes the webhooks of GitHub. */
export async function receives(api: string): Promise<void> {
  await until('the receiver is there', async () => (await post(`${api}/hooks/github`)).status === 401);
}

/** What else GitHub says of a push: the id of the delivery, and the files that were changed. */
interface PushDetails {
  readonly id?: string;
  readonly paths?: readonly string[] | undefined;
}

/** Tells an agent of a push to main, as GitHub would. */
export function pushHook(api: string, secret: string, url: string, { id, paths }: PushDetails = {}): Promise<Answer> {
  const commits = paths === undefined ? {} : { commits: [{ added: [], modified: paths, removed: [] }] };
  const body = JSON.stringify({ ref: 'refs/heads/main', repository: { clone_url: url }, ...commits });
  const headers = {
    'x-github-event': 'push',
    'x-hub-signature-256': `sha256=${hmac(secret, body)}`,
    ...(id === undefined ? {} : { 'x-github-delivery': id }),
  };
  return call(`${api}/hooks/github`, { method: 'POST', headers, body });
}
