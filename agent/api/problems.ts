/**
 * Every problem that REST and the receivers answer with: its HTTP status, and what to do about it. The body is
 * `application/problem+json` (RFC 9457) with the code in `code`. The reference page is generated from this table.
 */
export const problemCodes = {
  BadRequest: { status: 400, hint: 'Send what /openapi.json describes.' },
  Unauthenticated: {
    status: 401,
    hint: 'Send a bearer token: kubectl create token ACCOUNT --audience lockstep.',
  },
  SignatureInvalid: { status: 401, hint: 'Enter the same secret at the Git host and in the Secret of the webhooks.' },
  Forbidden: {
    status: 403,
    hint: 'Ask for the named verb on deliveries.lockstep.dev, or for the right to see the object.',
  },
  OriginNotAllowed: { status: 403, hint: 'Pages of other sites can not call this API.' },
  NotFound: { status: 404, hint: 'It does not exist, or is not for you to see.' },
  MethodNotAllowed: { status: 405, hint: 'See the header Allow.' },
  RequestPending: { status: 409, hint: 'Try again in a moment: the request before is not taken note of yet.' },
  TooLarge: { status: 413, hint: 'Send less.' },
  UnsupportedMediaType: { status: 415, hint: 'Send content-type: application/json.' },
  HostNotAllowed: { status: 421, hint: 'Use an IP address or localhost, or name the host in --host-names.' },
  TooManyRequests: { status: 429, hint: 'Wait a minute.' },
  InternalError: { status: 500, hint: 'This is a bug in Lockstep; its log says more.' },
  ClusterRefused: { status: 502, hint: 'Grant the named right to the agent, or to the account of the Delivery.' },
  ClusterUnavailable: { status: 503, hint: 'The API server does not answer; try again.' },
  Busy: { status: 503, hint: 'Try again in a moment; what a webhook would have told is found by the next poll.' },
} as const satisfies Record<string, { status: number; hint: string }>;

export type ProblemCode = keyof typeof problemCodes;

/** A request that can't be answered as it was meant to be. */
export class Problem extends Error {
  readonly code: ProblemCode;
  constructor(code: ProblemCode, detail: string) {
    super(detail);
    this.name = 'Problem';
    this.code = code;
  }
  get status(): number {
    return problemCodes[this.code].status;
  }
}
