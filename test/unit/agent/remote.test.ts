import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { KubeHttp, KubeRequest } from '../../../agent/kube/http.ts';
import { createRemote } from '../../../agent/kube/remote.ts';
import { ApiError, LockstepError } from '../../../sync/errors.ts';

const get: KubeRequest = { method: 'GET', path: '/version' };
const answer = (status: number) =>
  new ApiError(status === 0 ? 'no answer' : `answered ${status}`, { status, reason: '', class: 'transient' });

/** A cluster far away that answers as a test says, under logins that can be changed. */
function far() {
  const state = {
    now: 0,
    login: 'one',
    answers: [] as (number | 'never' | 'slow')[],
    asked: [] as string[],
    closed: [] as string[],
    reads: 0,
    check: undefined as (() => void) | undefined,
  };
  const connect = (login: string): KubeHttp => {
    const request = async () => {
      state.asked.push(login);
      const status = state.answers.shift() ?? 200;
      if (status === 'never') return new Promise<never>(() => undefined);
      if (status === 'slow') await new Promise((resolve) => setTimeout(resolve, 15_000));
      else if (status !== 200) throw answer(status);
      return { status, body: login };
    };
    return { request, stream: request, close: async () => void state.closed.push(login) } as unknown as KubeHttp;
  };
  const read = async () => {
    state.reads += 1;
    const { login } = state;
    if (login === '') throw new LockstepError('KubeconfigInvalid', 'gone');
    return { fingerprint: login, connect: () => connect(login), check: () => state.check?.() };
  };
  const remote = createRemote('far', read, () => state.now);
  const ask = (): Promise<string> =>
    remote.request(get).then(
      ({ body }) => String(body),
      (error: Error) => error.message,
    );
  return { state, ask, remote };
}

describe('another cluster', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('is asked by a login that is read now and then', async () => {
    const { state, ask } = far();
    expect([await ask(), await ask()]).toEqual(['one', 'one']);
    expect(state.reads).toBe(1);
    state.login = 'two';
    state.now = 29_000;
    expect(await ask()).toBe('one');
    state.now = 31_000;
    expect(await ask()).toBe('two');
    expect(state.closed).toEqual(['one']);
  });

  it('that refuses a login is asked by the new one soon', async () => {
    const { state, ask } = far();
    await ask();
    state.login = 'two';
    state.answers = [401];
    state.now = 3_000;
    expect(await ask()).toBe('answered 401');
    expect(await ask()).toBe('two');
  });

  it('that is not there is looked at again after a second, then after more; meanwhile all fails at once, and says where', async () => {
    const { state, ask } = far();
    // The request, the sign that is asked for then, and two looks.
    state.answers = [0, 0, 0, 0];
    expect(await ask()).toBe('far: no answer');
    const asked = async (after: number): Promise<number> => {
      await vi.advanceTimersByTimeAsync(after);
      state.now += after;
      return state.asked.length;
    };
    expect(await asked(0)).toBe(2);
    expect([await ask(), await ask()]).toEqual(['far: no answer', 'far: no answer']);
    expect([await asked(999), await asked(1), await asked(1_999), await asked(1)]).toEqual([2, 3, 3, 4]);
    expect(await ask()).toBe('far: no answer');
    expect([await asked(3_999), await asked(1)]).toEqual([4, 5]);
    expect(await ask()).toBe('one');
  });

  it('of which one connection broke is asked for a sign, and all else goes on', async () => {
    const { state, ask, remote } = far();
    await ask();
    state.answers = [0];
    expect(await ask()).toBe('far: no answer');
    await vi.advanceTimersByTimeAsync(0);
    expect(remote.silence()).toBeUndefined();
    expect(await ask()).toBe('one');
  });

  it('is not taken for silent because somebody closes a watch', async () => {
    const { state, ask, remote } = far();
    await ask();
    const stop = new AbortController();
    stop.abort();
    state.answers = [0];
    await expect(remote.stream(get, stop.signal)).rejects.toThrow('no answer');
    const before = state.asked.length;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(state.asked.length).toBe(before);
    expect(await ask()).toBe('one');
  });

  it('that falls silent is noticed by an answer that is late: what is under way fails, and nothing else waits', async () => {
    const { state, ask } = far();
    await ask();
    state.answers = ['never', 'never', 'never'];
    const [first, second] = [ask(), ask()];
    await vi.advanceTimersByTimeAsync(4_999);
    expect(state.asked.length).toBe(4);
    await vi.advanceTimersByTimeAsync(1);
    expect([await first, await second]).toEqual(Array(2).fill('far: no answer from the API server: it is silent'));
    expect(await ask()).toContain('silent');
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await ask()).toBe('one');
  });

  it('of which nothing was heard for a while is asked for a sign, before silence is taken for an answer', async () => {
    const { state, ask, remote } = far();
    await ask();
    state.now = 1_500;
    await remote.makeSure();
    expect(state.asked.length).toBe(1);
    state.now = 2_500;
    await remote.makeSure();
    expect(state.asked.length).toBe(2);
    state.answers = ['never'];
    state.now = 9_000;
    const sure = remote.makeSure();
    await vi.advanceTimersByTimeAsync(3_000);
    await sure;
    expect(remote.silence()).toMatchObject({ since: 2_500 });
  });

  it('that may not be asked any more is not, from one request to the next', async () => {
    const { state, ask } = far();
    await ask();
    state.check = () => {
      throw new LockstepError('NotAllowed', 'no more');
    };
    expect(await ask()).toBe('no more');
    expect(state.asked.length).toBe(1);
  });

  it('that is only slow is waited for', async () => {
    const { state, ask } = far();
    await ask();
    state.answers = ['slow', 200];
    const slow = ask();
    await vi.advanceTimersByTimeAsync(20_000);
    expect(await slow).toBe('one');
  });

  it('whose login is gone says so, and is there again with it', async () => {
    const { state, ask } = far();
    state.login = '';
    expect(await ask()).toBe('gone');
    state.login = 'one';
    expect(await ask()).toBe('one');
  });
});
