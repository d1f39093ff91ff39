import { describe, expect, it } from 'vitest';
import { askApiServer } from '../../../../agent/api/callers.ts';
import type { KubeHttp } from '../../../../agent/kube/http.ts';
import { textAt } from '../../../../diff/json.ts';
import { ApiError } from '../../../../sync/errors.ts';
import { silent } from '../../support/silent.ts';

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
    const identify = askApiServer(http, () => now, silent);
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

  it('that is refused is asked about again only after a moment, and never quoted', async () => {
    const { asked, http } = server();
    let now = 0;
    const identify = askApiServer(http, () => now, silent);
    const refused = { code: 'Unauthenticated', message: expect.not.stringContaining('secret-token') };
    for (let time = 0; time < 2; time += 1)
      await expect(identify('Bearer secret-token')).rejects.toMatchObject(refused);
    expect(asked).toHaveLength(1);
    now = 3_000;
    await expect(identify('Bearer secret-token')).rejects.toMatchObject(refused);
    expect(asked).toHaveLength(2);
    for (const header of [undefined, '', 'Bearer', 'Bearer a b', 'Basic good', 'good', `Bearer ${'x'.repeat(9_000)}`])
      expect(() => identify(header)).toThrow('a bearer token is needed');
    expect(asked).toHaveLength(2);
  });

  it('is asked about by few at once: who comes when too many wait is told so', async () => {
    const gate = Promise.withResolvers<void>();
    let [running, most] = [0, 0];
    const { http: known } = server();
    const request: KubeHttp['request'] = async (asked) => {
      running += 1;
      most = Math.max(most, running);
      await gate.promise;
      running -= 1;
      return known.request(asked);
    };
    const identify = askApiServer({ request } as KubeHttp, () => 0, silent);
    const all = Array.from({ length: 200 }, (_, n) =>
      Promise.resolve(identify(`Bearer bad-${n}`)).then(
        () => 'ok',
        (error) => error.code,
      ),
    );
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(running).toBe(4);
    gate.resolve();
    const codes = await Promise.all(all);
    expect(codes.filter((code) => code === 'Busy')).toHaveLength(96);
    expect(codes.filter((code) => code === 'Unauthenticated')).toHaveLength(104);
    expect(most).toBe(4);
  });

  it('of a stranger stands in the way of nobody who is known', async () => {
    const { http: known } = server();
    const never = new Promise<never>(() => undefined);
    const isStrange = (body: string | undefined): boolean => body?.includes('bad-') === true;
    const request: KubeHttp['request'] = (asked) => (isStrange(asked.body) ? never : known.request(asked));
    let now = 0;
    const identify = askApiServer({ request } as KubeHttp, () => now, silent);
    const ada = await identify('Bearer good');
    for (let n = 0; n < 200; n += 1) void Promise.resolve(identify(`Bearer bad-${n}`)).catch(() => undefined);
    expect(await ada.may({ verb: 'get', resource: 'deliveries' })).toBe(true);
    now = 60_000;
    expect((await identify('Bearer good')).name).toBe('ada');
    await expect(Promise.resolve(identify('Bearer another'))).rejects.toMatchObject({ code: 'Busy' });
  });

  it('that can not be asked about is told to the log, and to the stranger not why', async () => {
    const told: unknown[] = [];
    const request: KubeHttp['request'] = async () => {
      throw new ApiError('tokenreviews is forbidden: the agent may not', {
        status: 403,
        reason: 'Forbidden',
        class: 'forbidden',
      });
    };
    const log = { ...silent, warn: (...line: unknown[]) => void told.push(line) };
    const answer = Promise.resolve(askApiServer({ request } as KubeHttp, () => 0, log)('Bearer good'));
    await expect(answer).rejects.toMatchObject({
      code: 'ClusterUnavailable',
      message: 'the API server can not be asked who calls',
    });
    expect(JSON.stringify(told)).toContain('the agent may not');
  });
});
