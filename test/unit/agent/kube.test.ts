import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { apiError } from '../../../agent/kube/errors.ts';
import { createKubeHttp, httpDefaults, type KubeHttp } from '../../../agent/kube/http.ts';
import { type CollectionEvent, follow } from '../../../agent/kube/watch.ts';
import { createLog } from '../../../agent/log.ts';
import { maskFreeTexts, maskText, registerSecret } from '../../../agent/mask.ts';
import { parseSettings } from '../../../agent/settings.ts';

const cleanups: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A small API server that injects faults which the real one shows too rarely. Answers its address. */
async function serveRaw(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A client of such a server. */
async function serve(listener: RequestListener): Promise<KubeHttp> {
  const access = { server: await serveRaw(listener), tls: {}, headers: async () => ({}) };
  const http = createKubeHttp(access, { ...httpDefaults, requestTimeout: 500 });
  cleanups.push(() => http.close());
  return http;
}

const limits = { pageSize: 2, duration: 60_000, silence: 200, start: 150, minDelay: 1, maxDelay: 10 };
/** What an API server says that does not begin a watch with all there is. */
const notStreamed = JSON.stringify({
  kind: 'Status',
  code: 422,
  reason: 'Invalid',
  message: 'sendInitialEvents is forbidden',
});
const isStart = (url = ''): boolean => url.includes('sendInitialEvents=true');
const item = (name: string, version: string) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, uid: name, resourceVersion: version },
});
const list = (names: readonly string[], version: string, next?: string) =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'ConfigMapList',
    metadata: { resourceVersion: version, continue: next },
    items: names.map((name) => ({ metadata: item(name, version).metadata })),
  });

describe('a watch', () => {
  /** Answers the first watches with one trouble each, and the rest with a deletion. */
  const troubles: RequestListener[] = [
    (request, response) => {
      response.write(`${JSON.stringify({ type: 'MODIFIED', object: item('a', '11') })}\n`);
      response.write(`${JSON.stringify({ type: 'BOOKMARK', object: { metadata: { resourceVersion: '15' } } })}\n`);
      setTimeout(() => request.socket.destroy(), 20);
    },
    (_request, response) => {
      response.end(`${JSON.stringify({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } })}\n`);
    },
    (_request, response) => {
      response.writeHead(500).end('{}');
    },
  ];

  it('reads pages, goes on after a closed connection, lists again after 410, and tells what was refused', async () => {
    const asked: string[] = [];
    let watches = 0;
    const answerWatch: RequestListener = (request, response) => {
      const trouble = troubles[watches];
      watches += 1;
      if (trouble !== undefined) return trouble(request, response);
      response.write(`${JSON.stringify({ type: 'DELETED', object: item('a', '30') })}\n`);
    };
    const http = await serve((request, response) => {
      const query = new URL(request.url ?? '', 'http://x').searchParams;
      if (isStart(request.url)) return void response.writeHead(422).end(notStreamed);
      const from = query.get('continue') ?? query.get('resourceVersion') ?? '';
      asked.push(`${query.has('watch') ? 'watch' : 'list'} ${from}`);
      if (query.has('watch')) return answerWatch(request, response);
      response.end(from === 'p2' ? list(['c'], '10') : list(['a', 'b'], '10', 'p2'));
    });
    const events: CollectionEvent[] = [];
    const close = follow(http, { path: async () => '/api/v1/configmaps' }, (event) => events.push(event), limits);
    await expect.poll(() => events.some((event) => event.type === 'deleted'), { timeout: 3_000 }).toBe(true);
    close();
    const again = ['list ', 'list p2', 'watch 10'];
    expect(asked).toEqual([...again, 'watch 15', ...again, 'watch 10']);
    expect(events.filter((event) => event.type === 'synced').length).toBe(2);
    const failures = events.flatMap((event) => (event.type === 'failed' ? [event.error.message] : []));
    // A closed connection and a point in time that is forgotten are everyday life; what the server refuses is told.
    expect(failures).toEqual(['the API server answered 500']);
    expect(events.slice(-3).map((event) => event.type)).toEqual(['failed', 'opened', 'deleted']);
    const synced = events.find((event) => event.type === 'synced');
    expect([...(synced?.uids ?? [])]).toEqual(['a', 'b', 'c']);
  });

  it('tells that nobody can log in any more, also when it was open already', async () => {
    const server = await serveRaw((request, response) => {
      if (isStart(request.url)) return void response.writeHead(422).end(notStreamed);
      if (!request.url?.includes('watch=true')) return void response.end(list(['a'], '1'));
      response.flushHeaders();
      setTimeout(() => response.end(), 20);
    });
    let asked = 0;
    const headers = async () => {
      asked += 1;
      if (asked > 3) throw new Error('the login program ended with 1');
      return {};
    };
    const http = createKubeHttp({ server, tls: {}, headers }, httpDefaults);
    cleanups.push(() => http.close());
    const events: CollectionEvent[] = [];
    const close = follow(http, { path: async () => '/api/v1/configmaps' }, (event) => events.push(event), limits);
    await expect
      .poll(() => events.find((event) => event.type === 'failed'))
      .toMatchObject({
        error: { message: 'the login program ended with 1' },
      });
    close();
  });

  it('that is silent is taken for dead and opened again', async () => {
    let watches = 0;
    const http = await serve((request, response) => {
      if (isStart(request.url)) return void response.writeHead(422).end(notStreamed);
      if (!request.url?.includes('watch=true')) return void response.end(list([], '1'));
      watches += 1;
      response.write('\n');
    });
    const close = follow(http, { path: async () => '/x' }, () => undefined, limits);
    await expect.poll(() => watches, { timeout: 3_000 }).toBeGreaterThanOrEqual(2);
    close();
  });
});

describe('a watch that begins with all there is', () => {
  const line = (type: string, object: object): string => `${JSON.stringify({ type, object })}\n`;
  const end = (version: string): string =>
    line('BOOKMARK', {
      metadata: { resourceVersion: version, annotations: { 'k8s.io/initial-events-end': 'true' } },
    });

  it('needs no list, and counts what it missed when it has to begin again', async () => {
    const asked: string[] = [];
    const beginnings = [
      [
        line('ADDED', item('a', '1')),
        line('ADDED', item('b', '2')),
        end('5'),
        line('ERROR', { code: 410, reason: 'Expired' }),
      ],
      [line('ADDED', item('a', '1')), line('ADDED', item('c', '8')), end('9')],
    ];
    const http = await serve((request, response) => {
      asked.push(`${isStart(request.url) ? 'start' : 'watch'}`);
      for (const text of beginnings[asked.length - 1] ?? []) response.write(text);
    });
    const events: CollectionEvent[] = [];
    const missed: number[] = [];
    const spec = { path: async () => '/x', onMissed: (count: number) => missed.push(count) };
    const close = follow(http, spec, (event) => events.push(event), limits);
    await expect.poll(() => events.filter(({ type }) => type === 'synced').length, { timeout: 3_000 }).toBe(2);
    close();
    expect(asked.slice(0, 2)).toEqual(['start', 'start']);
    expect(events.map(({ type }) => type).slice(0, 4)).toEqual(['opened', 'changed', 'changed', 'synced']);
    // b was deleted, and c made, while nobody watched.
    expect(missed).toEqual([2]);
  });

  it('is read as a list where the end of it never comes', async () => {
    const asked: string[] = [];
    const http = await serve((request, response) => {
      const isWatch = request.url?.includes('watch=true') === true;
      asked.push(isStart(request.url) ? 'start' : isWatch ? 'watch' : 'list');
      if (isWatch) response.write(line('ADDED', item('a', '1')));
      else response.end(list(['a'], '1'));
    });
    const events: CollectionEvent[] = [];
    const close = follow(http, { path: async () => '/x' }, (event) => events.push(event), limits);
    await expect.poll(() => asked.slice(0, 3), { timeout: 3_000 }).toEqual(['start', 'list', 'watch']);
    close();
    expect(events.some(({ type }) => type === 'synced')).toBe(true);
    expect(events.some(({ type }) => type === 'failed')).toBe(false);
  });
});

describe('a request', () => {
  it('waits as long as the server asks and tries again', async () => {
    const times: number[] = [];
    const http = await serve((_request, response) => {
      times.push(performance.now());
      if (times.length === 1) response.writeHead(429, { 'retry-after': '0.2' }).end('{}');
      else response.end('{"ok":true}');
    });
    expect((await http.request({ method: 'GET', path: '/x' })).body).toEqual({ ok: true });
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(190);
  });

  it('is repeated after a broken connection, unless it creates something', async () => {
    let calls = 0;
    const http = await serve((request) => {
      calls += 1;
      request.socket.destroy();
    });
    await expect(http.request({ method: 'POST', path: '/x', body: '{}' })).rejects.toMatchObject({
      class: 'transient',
      status: 0,
    });
    expect(calls).toBe(1);
    await expect(http.request({ method: 'PATCH', path: '/x', body: '{}' })).rejects.toMatchObject({
      class: 'transient',
    });
    expect(calls).toBe(1 + 1 + httpDefaults.retries);
  });

  it('that is refused for its token is sent once more with a token that was read anew', async () => {
    const seen: (string | undefined)[] = [];
    const server = await serveRaw((request, response) => {
      seen.push(request.headers.authorization);
      const isFresh = request.headers.authorization === 'Bearer 2';
      response.writeHead(isFresh ? 200 : 401).end(isFresh ? '{}' : '{"kind":"Status","message":"Unauthorized"}');
    });
    let reads = 0;
    const headers = async (isRefused = false) => {
      if (isRefused || reads === 0) reads += 1;
      return { authorization: `Bearer ${reads}` };
    };
    const http = createKubeHttp({ server, tls: {}, headers }, httpDefaults);
    cleanups.push(() => http.close());
    await expect(http.request({ method: 'POST', path: '/x' })).resolves.toMatchObject({ status: 200 });
    expect(seen).toEqual(['Bearer 1', 'Bearer 2']);
  });

  it('ends when no answer comes', async () => {
    const http = await serve(() => undefined);
    const started = performance.now();
    await expect(http.request({ method: 'POST', path: '/x', body: '{}' })).rejects.toMatchObject({ status: 0 });
    expect(performance.now() - started).toBeLessThan(3_000);
    await sleep(1);
  });
});

describe('an answer of the API server', () => {
  const status = (code: number, extra: object = {}) => ({
    status: code,
    text: JSON.stringify({ kind: 'Status', message: 'why', ...extra }),
  });
  const invalid = (...messages: string[]) =>
    status(422, { details: { causes: messages.map((message) => ({ reason: 'FieldValueInvalid', message })) } });
  it.each([
    [status(400), 'permanent'],
    [status(422), 'permanent'],
    [invalid('provided port is already allocated'), 'environment'],
    [invalid('failed to allocate IP 10.0.0.9: provided IP is already allocated'), 'environment'],
    [invalid('provided port is already allocated', 'must be no more than 15 characters'), 'permanent'],
    [invalid('provided IP is not in the valid range'), 'permanent'],
    [status(500, { message: 'failed to create typed patch object (a/b; v1, Kind=X)' }), 'permanent'],
    [status(500, { message: 'Internal error occurred: failed calling webhook "x"' }), 'environment'],
    [status(500), 'transient'],
    [status(503), 'transient'],
    [status(429), 'transient'],
    [status(403), 'forbidden'],
    [status(401), 'transient'],
    [status(403, { message: 'pods "x" is forbidden: exceeded quota: q' }), 'environment'],
    [status(403, { details: { causes: [{ reason: 'NamespaceTerminating' }] } }), 'environment'],
    [status(404), 'absent'],
    [{ status: 404, text: '404 page not found\n' }, 'not-served'],
    [status(409), 'conflict'],
    [status(410), 'expired'],
  ])('%j is %s', (answer, expected) => {
    expect(apiError(answer).class).toBe(expected);
  });

  it('names fields and managers of a conflict', () => {
    const causes = [
      {
        reason: 'FieldManagerConflict',
        field: '.spec.replicas',
        message: 'conflict with "kubectl-edit" using apps/v1',
      },
    ];
    expect(apiError(status(409, { details: { causes } })).conflicts).toEqual([
      { field: 'spec.replicas', manager: 'kubectl-edit' },
    ]);
  });

  it('about a Secret loses its text', () => {
    const error = apiError(
      status(422, {
        reason: 'Invalid',
        message: 'invalid value "hunter2"',
        details: { causes: [{ field: 'data[a]', message: 'hunter2' }] },
      }),
      { apiVersion: 'v1', kind: 'Secret', name: 's' },
    );
    expect(error.message).not.toContain('hunter2');
    expect(error.message).toContain('data[a]');
  });
});

describe('logs and settings', () => {
  it('mask registered values, in plain and in base64', () => {
    registerSecret('correct-horse-battery');
    const lines: string[] = [];
    const log = createLog('info', (line) => lines.push(line));
    log.info({ url: 'https://x/?t=correct-horse-battery', object: { data: { a: 'x' } } }, 'said correct-horse-battery');
    expect(lines.join('')).not.toContain('correct-horse');
    expect(lines.join('')).toContain('[Redacted]');
    expect(maskText(Buffer.from('correct-horse-battery').toString('base64'))).toBe('***');
  });

  it('mask values that look otherwise in JSON, and never the names of fields', () => {
    registerSecret('pa"ss\\word-1');
    registerSecret('problem');
    const lines: string[] = [];
    const log = createLog('info', (line) => lines.push(line));
    log.info({ problem: ['the server said pa"ss\\word-1'], error: new Error('no pa"ss\\word-1') }, 'refused');
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { problem: ['the server said ***'], error: { message: 'no ***' }, msg: 'refused' },
    ]);
  });

  it('mask what others wrote in a status or an answer, and leave our own words', () => {
    registerSecret('Superseded');
    const line = { verdict: 'Superseded', subject: 'by Superseded', plan: ['create Superseded'], n: [1, null] };
    expect(maskFreeTexts({ items: [line], manifest: { data: { a: 'Superseded' } } })).toEqual({
      items: [{ verdict: 'Superseded', subject: 'by ***', plan: ['create ***'], n: [1, null] }],
      manifest: { data: { a: '***' } },
    });
  });

  it('come from flags before the environment, and refuse what is out of bounds', () => {
    expect(parseSettings(['--workers', '3'], { LOCKSTEP_WORKERS: '5', LOCKSTEP_NAMESPACE: 'ops' })).toMatchObject({
      workers: 3,
      namespace: 'ops',
    });
    expect(parseSettings(['--watch-namespaces', 'a, b,'], {})['watch-namespaces']).toEqual(['a', 'b']);
    expect(() => parseSettings(['--workers', '0'], {})).toThrow('--workers must be a whole number from 1 to 256');
    expect(() => parseSettings(['--nonsense', '1'], {})).toThrow(/nonsense/);
  });
});
