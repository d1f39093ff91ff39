/** What a sender says, as far as it matters here. */
export type Notice =
  /** Something was pushed. The URLs are all that the sender calls the repository; without a reference it may be any. */
  | {
      readonly type: 'push';
      readonly repositories: readonly string[];
      readonly ref: string | undefined;
      /** The files that were changed, where the sender lists them all. */
      readonly paths: readonly string[] | undefined;
    }
  /** Nothing that would change what Git says. */
  | { readonly type: 'ignored'; readonly reason: string }
  /** The body is not what this sender sends. */
  | { readonly type: 'malformed'; readonly reason: string };

/** A request to a receiver, not yet believed. */
export interface HookRequest {
  /** The value of a header, by its lower-case name; undefined unless it was sent exactly once. */
  header(name: string): string | undefined;
  /** The bytes as they came: signatures are made over these. */
  readonly body: Uint8Array;
  /** Where it came from. */
  readonly address: string;
}
