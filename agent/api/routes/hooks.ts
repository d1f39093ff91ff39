import { Type } from '@sinclair/typebox';
import type { HookRequest } from '../../../webhooks/notice.ts';
import type { HookAnswer, HookResult } from '../../../webhooks/receive.ts';
import { Problem, type ProblemCode } from '../problems.ts';
import { ok, type Route, route } from '../route.ts';
import { hookView } from '../views/schemas.ts';

/** How each result that is no success is told. */
const problems: Partial<Record<HookResult, ProblemCode>> = {
  malformed: 'BadRequest',
  unsigned: 'SignatureInvalid',
  limited: 'TooManyRequests',
  unknown: 'NotFound',
};

/**
 * The receivers of webhooks.
 * @param receive what happens with a request
 * @param note told of each result
 */
export function hookRoutes(
  receive: (provider: string, request: HookRequest) => HookAnswer,
  note: (provider: string, result: HookResult) => void,
): Route[] {
  return [
    route({
      method: 'POST',
      path: '/hooks/{provider}',
      id: 'receiveHook',
      summary: 'Take a webhook of a Git host: github, gitlab, gitea or generic.',
      access: 'hook',
      params: Type.Object({ provider: Type.String({ description: 'The sender.', maxLength: 100 }) }),
      answers: {
        200: { description: 'Nothing is synced because of it; the reason says why.', schema: hookView },
        202: { description: 'The named Deliveries are looked at now.', schema: hookView },
      },
      problems: ['SignatureInvalid', 'NotFound', 'TooLarge', 'TooManyRequests', 'Busy'],
      handle: async ({ params: { provider }, body, header, address }) => {
        const bytes = body instanceof Uint8Array ? body : new Uint8Array();
        const answer = receive(provider, { header, body: bytes, address });
        note(provider, answer.result);
        const problem = problems[answer.result];
        if (problem !== undefined) throw new Problem(problem, answer.reason ?? '');
        return ok(answer, answer.result === 'accepted' ? 202 : 200);
      },
    }),
  ];
}
