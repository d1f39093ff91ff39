import type { Json } from '../../diff/json.ts';
import type { HookRequest, Notice } from '../notice.ts';

/** How one Git host sends webhooks. */
export interface Provider {
  /** What it is called in the path, in the Secret and in metrics. */
  readonly name: string;
  /**
   * Whether the request was made by somebody who knows the secret.
   * @param now seconds
   */
  isGenuine(request: HookRequest, secret: string, now: number): boolean;
  /** What the sender calls this delivery, the same when it is sent again. */
  idOf(request: HookRequest): string | undefined;
  /** What the body says. It is read only after the request was found genuine. */
  read(request: HookRequest, body: Json): Notice;
}
