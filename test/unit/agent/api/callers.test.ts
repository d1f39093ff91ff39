import { describe, expect, it } from 'vitest';
import { askApiServer } from '../../../../agent/api/callers.ts';
import type { KubeHttp } from '../../../../agent/kube/http.ts';
import { textAt } from '../../../../diff/json.ts';

/** An API server that knows one token and one right, and counts what it is asked. */
function server() {
  const asked: string[] = [];
  const request: KubeHttp['request'] = async ({ path, body }) => {
    asked.push(path.split('/').at(-1) ?? '');
    const review = JSON.parse(body ?? '{}');
    const answer = path.endsWith('tokenreviews')
      ? {
          authenticated: textAt(review, 'spec', 'token') === 'good',
          audiences: ['lockstep'],
          user: { username: 'ada', groups: ['team'] },
        }
      : { allowed: textAt(review, 'spec', 'resourceAttributes', 'verb') === 'get' };
    return { status: 201, body: { spec: review.spec, status: answer } };
  };
  return { asked, http: { request } as KubeHttp };
}

describe('a bearer token', () => {
  it('is asked about once in a while, and so is each right', async () => {
    const { asked, http } = server();
    let now = 0;
    const identify = askApiServer(http, () => now);
    const action = { verb: 'get', resource: 'deliveries' };
    for (let time = 0; time < 3; time += 1) {
      const caller = await identify('Bearer good');
      expect([
        caller.name,
        caller.isKnown,
        await caller.may(action),
        await caller.may({ ...action, verb: 'sync' }),
      ]).toEqual(['ada', true, true, false]);
    }
    expect(asked).toEqual(['tokenreviews', 'subjectaccessreviews', 'subjectaccessreviews']);
    now = 10_000;
    await (await identify('Bearer good')).may(action);
    expect(asked).toHaveLength(5);
  });

  it('that is refused is not remembered, and never quoted', async () => {
    const { asked, http } = server();
    const identify = askApiServer(http, () => 0);
    for (let time = 0; time < 2; time += 1)
      await expect(identify('Bearer secret-token')).rejects.toMatchObject({
        code: 'Unauthenticated',
        message: expect.not.stringContaining('secret-token'),
      });
    expect(asked).toHaveLength(2);
    for (const header of [undefined, '', 'Bearer', 'Bearer a b', 'Basic good', 'good', `Bearer ${'x'.repeat(9_000)}`])
      expect(() => identify(header)).toThrow('a bearer token is needed');
    expect(asked).toHaveLength(2);
  });
});
