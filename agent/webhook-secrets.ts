import { isObject, textAt } from '../diff/json.ts';
import type { Log } from '../sync/ports.ts';
import type { KubeObject } from '../sync/types.ts';
import type { KubeHttp } from './kube/http.ts';
import { followOne } from './kube/watch-one.ts';
import { registerSecret } from './mask.ts';

/** The secrets of the receivers, as one Secret in the agent's own namespace holds them. */
export interface WebhookSecrets {
  /** Those of a provider: the keys `github`, `github.team-a` and so on. */
  of(provider: string): readonly string[];
  close(): void;
}

/** Shorter ones can be guessed. */
const shortest = 8;

/** Follows the Secret: a receiver exists as soon as it has a secret, and no longer. */
export function followWebhookSecrets(http: KubeHttp, namespace: string, name: string, log: Log): WebhookSecrets {
  let known = new Map<string, string[]>();
  const close = followOne(
    http,
    'secrets',
    { namespace, name },
    {
      onState: (object) => {
        known = object === undefined ? new Map() : secretsIn(object, log);
      },
      onFailed: ({ message: problem }) => log.warn({ secret: name, problem }, 'the webhook secrets can not be watched'),
    },
  );
  return { of: (provider) => known.get(provider) ?? [], close };
}

function secretsIn(object: KubeObject, log: Log): Map<string, string[]> {
  const found = new Map<string, string[]>();
  const { data } = object;
  for (const key of isObject(data) ? Object.keys(data).sort() : []) {
    // A newline at the end is there by accident: editors and echo leave one.
    const secret = Buffer.from(textAt(data, key) ?? '', 'base64')
      .toString('utf8')
      .replace(/\r?\n$/, '');
    if (secret.length < shortest) {
      log.warn({ key }, 'a webhook secret has less than 8 characters and is not used');
      continue;
    }
    registerSecret(secret);
    const provider = key.split('.', 1)[0] ?? '';
    found.set(provider, [...(found.get(provider) ?? []), secret]);
  }
  return found;
}
