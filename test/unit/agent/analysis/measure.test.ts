import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAsker } from '../../../../agent/analysis/ask.ts';
import { createMeasure } from '../../../../agent/analysis/measure.ts';
import { createRuleJudge } from '../../../../agent/rules/judge.ts';
import type { Measurement } from '../../../../health/analysis.ts';
import { readDelivery } from '../../../../sync/delivery/delivery.ts';
import { ApiError } from '../../../../sync/errors.ts';
import { type Limits, unlimited } from '../../../../sync/limits.ts';
import type { Cluster } from '../../../../sync/ports.ts';
import { type KubeObject, refOf, titleOf } from '../../../../sync/types.ts';

/** A server whose answer each test says. */
let server: Server;
let answer: { status?: number; body: string; headers?: Record<string, string>; isLate?: boolean };
let heard: { request: IncomingMessage; body: string };
beforeAll(async () => {
  server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    heard = { request, body };
    if (answer.isLate === true) return;
    response.writeHead(answer.status ?? 200, answer.headers);
    response.end(answer.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
const clock = { now: Date.now, steady: Date.now, sleep: async () => undefined };
const judge = createRuleJudge(clock);
const asker = createAsker();
afterAll(async () => {
  await Promise.all([judge.close(), asker.close()]);
  server.closeAllConnections();
  server.close();
});
const url = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

/** The server of this test listens where only the machine may ask: that has to be allowed. */
const hereOnly = (): Limits => ({ ...unlimited, analysis: [`${url()}/`, 'http://127.0.0.1:9/'] });

interface Options {
  readonly limits?: Limits;
  readonly cluster?: Partial<Cluster>;
  readonly signal?: AbortSignal;
}

/** One measurement by a metric of a Delivery. */
function measure(metric: object, { limits = hereOnly(), cluster = {}, signal }: Options = {}): Promise<Measurement> {
  const object: unknown = {
    apiVersion: 'lockstep.dev/v1alpha1',
    kind: 'Delivery',
    metadata: { name: 'app', namespace: 'shop', uid: '11111111-2222' },
    spec: { source: { url: 'https://git.example.com/shop' }, health: { analysis: [{ name: 'errors', ...metric }] } },
  };
  const delivery = readDelivery(object as KubeObject);
  const [only] = delivery.analysis;
  if (only === undefined) throw new Error('no metric');
  const make = createMeasure({
    asker,
    answer: judge.answer,
    limits: () => limits,
    agentNamespace: 'lockstep-system',
    cluster: () => cluster as Cluster,
    credentials: async (identity, namespace, name) => ({
      authorization: `Bearer ${identity}/${namespace}/${name}`,
      fingerprint: '',
    }),
  });
  return make({ delivery, metric: only, release: 7, index: 0 }, signal ?? AbortSignal.timeout(20_000));
}

const vector = (...values: string[]): string =>
  JSON.stringify({
    status: 'success',
    data: { resultType: 'vector', result: values.map((value) => ({ metric: {}, value: [1, value] })) },
  });
const query = (more: object = {}) => ({
  prometheus: { address: url(), query: 'up{job="shop"}', ...more },
  successCondition: 'value < 0.05',
});

describe('Prometheus', () => {
  it.each([
    ['a sample', vector('0.01'), { outcome: 'Successful', message: '0.01' }],
    ['a whole number', vector('0'), { outcome: 'Successful', message: '0' }],
    ['another sample', vector('0.51234567'), { outcome: 'Failed', message: '0.512346: not value < 0.05' }],
    ['infinity', vector('+Inf'), { outcome: 'Failed', message: 'Infinity: not value < 0.05' }],
    ['nothing', vector(), { outcome: 'NoData', message: 'no data' }],
    ['what is no number', vector('NaN'), { outcome: 'NoData', message: 'no data' }],
    [
      'a scalar',
      '{"status":"success","data":{"resultType":"scalar","result":[1,"0.02"]}}',
      { outcome: 'Successful', message: '0.02' },
    ],
    [
      'a matrix',
      '{"status":"success","data":{"resultType":"matrix","result":[]}}',
      { outcome: 'Error', message: 'the query answers a matrix, and a vector or scalar is needed' },
    ],
    [
      'an error',
      '{"status":"error","errorType":"bad_data","error":"1:3: parse error"}',
      { outcome: 'Error', message: '1:3: parse error' },
    ],
    ['what is no JSON', '<html>', { outcome: 'Error', message: 'the server answered 200' }],
  ])('that answers %s', async (_what, body, expected) => {
    answer = { body };
    expect(await measure(query())).toEqual(expected);
    expect(heard.request.url).toBe('/api/v1/query');
    expect(new URLSearchParams(heard.body).get('query')).toBe('up{job="shop"}');
  });

  it('with several samples is weighed by all of them', async () => {
    answer = { body: vector('0.1', '0.2', '0.3') };
    const by = (successCondition: string) => measure({ ...query(), successCondition });
    expect(await by('result.all(one, one < 0.25)')).toEqual({
      outcome: 'Failed',
      message: '0.1, 0.2, 0.3: not result.all(one, one < 0.25)',
    });
    expect(await by('result[2] > 0.2')).toMatchObject({ outcome: 'Successful' });
    // One that is no number hides none of the others.
    answer = { body: vector('NaN', '0.3') };
    expect(await by('value < 0.05')).toEqual({ outcome: 'Failed', message: '0.3: not value < 0.05' });
    // Whole or not, all that is measured is a double: a share of nothing is as good as one of a little.
    for (const sample of ['0', '0.004']) {
      answer = { body: vector(sample) };
      expect(await by('value * 100.0 < 1.0')).toMatchObject({ outcome: 'Successful' });
    }
    answer = { body: vector('3') };
    expect(await by('value / 2.0 > 1.4')).toMatchObject({ outcome: 'Successful' });
    answer = { body: vector('0.1', '0.2', '0.3') };
    // That there is not one value is the condition's mistake, and says nothing of the release.
    expect((await by('value < 1.0')).outcome).toBe('Error');
  });

  it('is asked with the credentials of the Secret, as the account of the Delivery', async () => {
    answer = { body: vector('0') };
    await measure(query({ secretRef: { name: 'login' } }));
    expect(heard.request.headers.authorization).toBe('Bearer system:serviceaccount:shop:lockstep/shop/login');
  });

  it('that is not there, or does not answer in time, is an error', async () => {
    const gone = await measure({ ...query(), prometheus: { address: 'http://127.0.0.1:9', query: 'up' } });
    expect(gone).toEqual({ outcome: 'Error', message: '127.0.0.1:9 can not be reached (ECONNREFUSED)' });
    answer = { body: '', isLate: true };
    const late = await measure(query({ timeout: '100ms' }));
    expect(late).toEqual({ outcome: 'Error', message: expect.stringContaining('did not answer in time') });
  });
});

describe('the web', () => {
  const web = (more: object = {}, conditions: object = {}) => ({
    web: { url: `${url()}/health`, ...more },
    ...conditions,
  });

  it('is judged by the code of its answer', async () => {
    answer = { body: 'fine' };
    expect(await measure(web())).toEqual({ outcome: 'Successful', message: 'status 200' });
    answer = { status: 503, body: '' };
    expect(await measure(web())).toEqual({ outcome: 'Failed', message: 'status 503' });
    // A redirect is not followed: it could lead anywhere.
    answer = { status: 302, body: '', headers: { location: 'http://169.254.169.254/' } };
    expect(await measure(web())).toEqual({ outcome: 'Failed', message: 'status 302' });
  });

  it('or by conditions over its body, that is never told', async () => {
    answer = { body: '{"checks": {"database": "canary-secret"}}' };
    const successCondition = 'status == 200 && result.checks.database == "ok"';
    expect(await measure(web({}, { successCondition }))).toEqual({
      outcome: 'Failed',
      message: `status 200: not ${successCondition}`,
    });
    for (const condition of ['bool(result.checks.database)', '{"a": 1}[result.checks.database] == 1']) {
      expect(await measure(web({}, { successCondition: condition }))).toEqual({
        outcome: 'Error',
        message: expect.stringMatching(
          /^status 200: successCondition can not be evaluated for what was answered at line 1, column \d+$/,
        ),
      });
    }
    answer = { body: 'all is well' };
    expect(await measure(web({}, { successCondition: 'result.contains("well")' }))).toMatchObject({
      outcome: 'Successful',
    });
  });

  it('is asked as the Delivery says', async () => {
    answer = { body: '' };
    await measure(web({ method: 'POST', body: 'ping', headers: [{ name: 'X-Test', value: 'a b' }] }));
    expect([heard.request.method, heard.body, heard.request.headers['x-test']]).toEqual(['POST', 'ping', 'a b']);
  });

  it.each([
    'http://169.254.169.254/latest',
    'http://2852039166/',
    'http://[::ffff:169.254.169.254]/',
    'http://[fe80::1]/',
    'http://127.0.0.1:8080/api/v1/deliveries',
    'http://127.1/',
    'http://0.0.0.0/',
    'http://[::1]/',
    'http://[::]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[64:ff9b::169.254.169.254]/',
    'http://localhost/',
    'http://100.100.100.200/',
  ])('%s is never asked: only the machine itself may', async (address) => {
    const asked = await measure({ web: { url: address } }, { limits: unlimited });
    expect(asked).toEqual({ outcome: 'Error', message: expect.stringContaining('an address of the machine alone') });
  });

  it('is asked within the limits of the installation', async () => {
    const limits = { ...unlimited, analysis: ['https://metrics.example.com/'] };
    expect(await measure(web(), { limits })).toEqual({
      outcome: 'Error',
      message: `${url()}/health is not allowed to measure Deliveries of the namespace shop by`,
    });
  });

  it('may not answer without end', async () => {
    answer = { body: 'x'.repeat(2 * 1024 * 1024) };
    expect((await measure(web())).message).toContain('answers with more than 1 MiB');
  });
});

describe('a Job', () => {
  const job = { job: { spec: { template: { spec: { restartPolicy: 'Never', containers: [] } } }, timeout: '30s' } };
  const ended = (type: string) => ({ conditions: [{ type, status: 'True', reason: 'BackoffLimitExceeded' }] });

  /** An API server that holds what was applied, with the status that it ends with. */
  function holding(type: string | undefined, before?: KubeObject) {
    const asked: string[] = [];
    let live = before;
    const cluster: Partial<Cluster> = {
      get: async (ref) => {
        asked.push(`get ${titleOf(ref)}`);
        return live;
      },
      apply: async (object) => {
        asked.push(`apply ${titleOf(refOf(object))}`);
        live = { ...object, ...(type === undefined ? {} : { status: ended(type) }) };
        return { object: live, created: true };
      },
      delete: async (ref) => {
        asked.push(`delete ${titleOf(ref)}`);
        live = undefined;
        return undefined;
      },
    };
    return { cluster, asked, live: () => live };
  }

  it('succeeds or fails as it does, and lives no longer than it may', async () => {
    const good = holding('Complete');
    expect((await measure(job, good)).outcome).toBe('Successful');
    expect(good.live()).toMatchObject({
      metadata: { namespace: 'shop', name: expect.stringMatching(/^errors-\w+-7-0$/) },
      spec: { activeDeadlineSeconds: 30, ttlSecondsAfterFinished: 600, backoffLimit: 0 },
    });
    const bad = await measure(job, holding('Failed'));
    expect(bad).toEqual({
      outcome: 'Failed',
      message: expect.stringMatching(/^Job shop\/errors-\w+-7-0 failed: Backoff/),
    });
  });

  it('that was begun before runs once', async () => {
    const first = holding('Complete');
    await measure(job, first);
    const again = holding('Complete', first.live());
    expect((await measure(job, again)).outcome).toBe('Successful');
    expect(again.asked.every((one) => one.startsWith('get '))).toBe(true);
  });

  it('stays until somebody has seen how it ended, and what has ended is seen whoever waits', async () => {
    const spec = { ...job.job.spec, ttlSecondsAfterFinished: 0 };
    const hasty = holding('Complete');
    await measure({ job: { spec } }, hasty);
    expect(hasty.live()).toMatchObject({ spec: { ttlSecondsAfterFinished: 600 } });
    const stopped = await measure(job, { ...holding('Complete'), signal: AbortSignal.abort() });
    expect(stopped.outcome).toBe('Successful');
  });

  it('that no pod ever ran for, or that nothing ends, says nothing of the release', async () => {
    const failed = (status: object): Partial<Cluster> => ({
      get: async () =>
        ({ apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'j', namespace: 'shop' }, status }) as never,
    });
    const late = { conditions: [{ type: 'Failed', status: 'True', reason: 'DeadlineExceeded' }] };
    expect(await measure(job, { cluster: failed(late) })).toMatchObject({
      outcome: 'Error',
      message: expect.stringContaining('never got a pod that runs'),
    });
    expect(await measure(job, { cluster: failed({ ...late, ready: 1 }) })).toMatchObject({ outcome: 'Failed' });
    const old = { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'j', namespace: 'shop' } };
    const suspended = holding(undefined, {
      ...old,
      metadata: { ...old.metadata, creationTimestamp: new Date(Date.now() - 91_000).toISOString() },
    } as never);
    expect(await measure(job, suspended)).toMatchObject({
      outcome: 'Error',
      message: expect.stringContaining('did not end in time'),
    });
    expect(suspended.live()).toBeUndefined();
  });

  it('that nobody waits for any more is deleted', async () => {
    const running = holding(undefined);
    const stop = new AbortController();
    const measuring = measure(job, { ...running, signal: stop.signal });
    await new Promise((resolve) => setTimeout(resolve, 50));
    stop.abort();
    expect((await measuring).outcome).toBe('Error');
    expect(running.live()).toBeUndefined();
  });

  it('that is refused is an error that says why', async () => {
    const refused = new ApiError('jobs is forbidden', { status: 403, reason: 'Forbidden', class: 'forbidden' });
    const cluster: Partial<Cluster> = { get: () => Promise.reject(refused) };
    expect(await measure(job, { cluster })).toEqual({ outcome: 'Error', message: 'jobs is forbidden' });
    const limits = { ...unlimited, kinds: { allow: undefined, deny: ['batch/Job'] } };
    expect((await measure(job, { limits, ...holding('Complete') })).message).toContain('batch/Job are not allowed');
  });
});
