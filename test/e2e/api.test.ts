import { request } from 'node:http';
import { describe, expect, inject, it } from 'vitest';
import { call, openEvents, post } from './support/api.ts';
import { lockstepBeside } from './support/cli.ts';
import { deliveryRef } from './support/furnish.ts';
import { until } from './support/kube.ts';
import { configMap, deployment, useLockstep } from './support/lockstep.ts';

const lockstep = useLockstep(['api-read', 'api-diff', 'api-act', 'api-events', 'api-many']);
const api = (path: string): string => `${lockstep.agent.api}/api/v1${path}`;

describe('REST', () => {
  it('lists and reads Deliveries', async () => {
    const app = await lockstep.app('api-read', {
      'a.yaml': configMap('a', { color: 'red' }),
      'web.yaml': deployment('web', { wave: 1 }),
      's.yaml': 'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: C4NARY-7f3a-api}\n',
    });
    await app.ready();
    const one = await call(api('/deliveries/api-read/app'));
    expect(one.status).toBe(200);
    expect(one.body).toMatchObject({
      namespace: 'api-read',
      name: 'app',
      source: { url: app.repository.url, ref: 'main', path: '' },
      state: 'Synced',
      ready: { status: 'True', reason: 'Synced' },
      health: { status: 'Healthy', counts: { Healthy: 3 } },
      revision: { tip: app.revision, target: app.revision, good: app.revision, author: 'Ada' },
      wave: { index: 2, count: 2, number: 1 },
      actions: { create: 3 },
      worst: [],
    });
    const list = await call(api('/deliveries?namespace=api-read'));
    expect(list.body).toEqual({ items: [one.body] });
    const resources = await call(api('/deliveries/api-read/app/resources?tree=true'));
    expect(resources.body.items).toMatchObject([
      {
        kind: 'ConfigMap',
        name: 'a',
        wave: 0,
        action: 'create',
        release: 1,
        health: { status: 'Healthy' },
        isDrifted: false,
      },
      { kind: 'Secret', name: 's', action: 'create' },
      {
        kind: 'Deployment',
        name: 'web',
        wave: 1,
        action: 'create',
        health: { status: 'Healthy', reason: 'Available' },
        since: expect.stringMatching(/^\d{4}-.*Z$/),
        children: [
          {
            kind: 'ReplicaSet',
            namespace: 'api-read',
            health: { status: 'Healthy' },
            children: [{ kind: 'Pod', health: { status: 'Healthy', reason: 'Ready' }, since: expect.any(String) }],
          },
        ],
      },
    ]);
    // Since when it is so is told of the object, not of the question.
    const [, , web] = resources.body.items;
    expect(Date.parse(web.since)).toBeLessThanOrEqual(Date.now());
    const again = await call(api('/deliveries/api-read/app/resources'));
    expect(again.body.items[2]).toMatchObject({ kind: 'Deployment', since: web.since });
    expect(again.body.items[2]).not.toHaveProperty('children');
    const history = await call(api('/deliveries/api-read/app/history'));
    expect(history.body.items).toMatchObject([{ sequence: 1, verdict: 'Good', revision: app.revision }]);
    const release = await call(api('/deliveries/api-read/app/history/1'));
    expect(release.body.objects).toHaveLength(3);
    expect(release.body.plan).toContain('create ConfigMap api-read/a: is not in the cluster');
    expect(JSON.stringify(release.body)).toContain('red');
    for (const { body } of [one, list, resources, history, release])
      expect(JSON.stringify(body)).not.toMatch(/C4NARY|QzROQVJZ/);
  });

  it('answers pages', async () => {
    const files = Object.fromEntries(
      Array.from({ length: 7 }, (_, n) => [`${n}.yaml`, configMap(`c${n}`, { v: String(n) })]),
    );
    const app = await lockstep.app('api-many', files);
    await app.ready();
    const names: string[] = [];
    let next: string | undefined;
    let pages = 0;
    do {
      const more = next === undefined ? '' : `&continue=${encodeURIComponent(next)}`;
      const { body } = await call(api(`/deliveries/api-many/app/resources?limit=3${more}`));
      names.push(...body.items.map((item: { name: string }) => item.name));
      next = body.continue;
      pages += 1;
    } while (next !== undefined);
    expect(names).toEqual(['c0', 'c1', 'c2', 'c3', 'c4', 'c5', 'c6']);
    expect(pages).toBe(3);
  });

  it('tells tip, target and live apart, Secrets masked', async () => {
    const secret = (value: string): string =>
      `apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: ${value}}\n`;
    const app = await lockstep.app(
      'api-diff',
      {
        'a.yaml': configMap('a', { color: 'red' }),
        'b.yaml': configMap('b', { v: '1' }),
        's.yaml': secret('C4NARY-7f3a-one'),
      },
      { sync: { selfHeal: false }, rollback: { mode: 'manual' } },
    );
    await app.ready();
    expect((await call(api('/deliveries/api-diff/app/diff'))).body).toEqual({ items: [] });
    await lockstep.kube.edit(app.ref('v1', 'ConfigMap', 'a'), { data: { color: 'blue' } });
    await lockstep.kube.edit(app.ref('v1', 'Secret', 's'), {
      data: { password: Buffer.from('C4NARY-7f3a-two').toString('base64') },
    });
    const drifted = await until('the drift is told', async () => {
      const { body } = await call(api('/deliveries/api-diff/app/diff'));
      return body.items.length === 2 ? body.items : undefined;
    });
    expect(drifted).toMatchObject([
      {
        kind: 'ConfigMap',
        name: 'a',
        drift: {
          action: 'update',
          changes: [{ path: 'data.color', before: 'blue', after: 'red' }],
          patch: [{ op: 'replace', path: '/data/color', value: 'red' }],
        },
      },
      { kind: 'Secret', name: 's', drift: { changes: [{ path: 'data.password' }] } },
    ]);
    expect(JSON.stringify(drifted)).not.toMatch(/C4NARY|QzROQVJZ/);
    // A tip that can't be released stays before the target.
    app.push({ 'b.yaml': `${configMap('b', { v: '2' })}immutable: "never"\n` });
    await app.refused('ApplyRefused');
    const { body } = await call(api('/deliveries/api-diff/app/diff'));
    expect(body.items.find(({ name }: { name: string }) => name === 'b')).toMatchObject({
      release: { action: 'update', changes: expect.arrayContaining([{ path: 'data.v', before: '1', after: '2' }]) },
    });
  });

  it('does what it is asked, by the annotation that kubectl would write', async () => {
    const app = await lockstep.app('api-act', { 'a.yaml': configMap('a', { v: '1' }) }, { source: { interval: '1h' } });
    await app.ready();
    app.push({ 'a.yaml': configMap('a', { v: '2' }) });
    const asked = await post(api('/deliveries/api-act/app/sync'));
    expect(asked).toMatchObject({
      status: 202,
      body: { request: expect.stringMatching(/^sync@[0-9a-f]{8} by=loopback$/) },
    });
    await app.ready();
    // Its status is told to the API server first, and by REST a moment later.
    await until(
      'the request is taken note of',
      async () => (await call(api('/deliveries/api-act/app'))).body.lastRequest === asked.body.request,
    );
    await post(api('/deliveries/api-act/app/rollback'), { to: '1' });
    await until(
      'release 1 is back',
      async () => (await call(api('/deliveries/api-act/app'))).body.revision.target !== app.revision,
    );
    await post(api('/deliveries/api-act/app/suspend'));
    await until('it is suspended', async () => (await call(api('/deliveries/api-act/app'))).body.state === 'Suspended');
    await post(api('/deliveries/api-act/app/resume'));
    await until('it goes on', async () => (await call(api('/deliveries/api-act/app'))).body.state === 'Held');
    await post(api('/deliveries/api-act/app/retry'));
    await app.ready();
  });

  it('streams how Deliveries change, and goes on where a reader left off', async () => {
    const app = await lockstep.app('api-events', { 'a.yaml': configMap('a', { v: '1' }) });
    await app.ready();
    const all = openEvents(api('/events?namespace=api-events'));
    const first = await all.has('of how it is', ({ data }) => data.state === 'Synced');
    app.push({ 'a.yaml': configMap('a', { v: '2' }) });
    await all.has('of the new revision', ({ data }) => data.revision.good === app.revision);
    await all.close();
    app.push({ 'a.yaml': configMap('a', { v: '3' }) });
    await app.ready();
    const later = openEvents(api('/deliveries/api-events/app/events'), {
      'last-event-id': all.events.at(-1)?.id ?? '',
    });
    await later.has('of what was missed', ({ data }) => data.revision.good === app.revision);
    await later.close();
    const ids = [...all.events, ...later.events].map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    // Who names an event that is not known is told everything anew.
    const anew = openEvents(api('/events?namespace=api-events'), { 'last-event-id': 'other-1' });
    expect((await anew.has('of how it is', () => true)).data).toMatchObject({ name: 'app', state: 'Synced' });
    await anew.close();
    expect(first.event).toBe('changed');
    const end = openEvents(api('/events?namespace=api-events'));
    await end.has('first', () => true);
    await app.remove();
    await end.has('that it is gone', ({ event }) => event === 'deleted');
    await end.close();
  });

  it('describes itself', async () => {
    const { status, body } = await call(`${lockstep.agent.api}/openapi.json`);
    expect(status).toBe(200);
    expect(body.openapi).toBe('3.1.0');
    expect(Object.keys(body.paths)).toContain('/api/v1/deliveries/{namespace}/{name}/rollback');
  });
});

describe('REST refuses', () => {
  const problem = (status: number, code: string) => ({
    status,
    type: expect.stringContaining('application/problem+json'),
    body: { status, code, title: expect.any(String), detail: expect.any(String), type: expect.any(String) },
  });
  it.each([
    ['what is not there', '/deliveries/api-read/none', 404, 'NotFound'],
    ['names that are none', '/deliveries/..%2f..%2fetc/x', 400, 'BadRequest'],
    ['a NUL', '/deliveries/api-read/%00', 400, 'BadRequest'],
    ['__proto__', '/deliveries/api-read/__proto__', 400, 'BadRequest'],
    ['limits out of bounds', '/deliveries?limit=-1', 400, 'BadRequest'],
    ['a limit that is no number', '/deliveries?limit=x', 400, 'BadRequest'],
    ['a limit that is given twice', '/deliveries?limit=1&limit=2', 400, 'BadRequest'],
    ['a release that is not recorded', '/deliveries/api-read/app/history/99', 404, 'NotFound'],
    ['logs without a token', '/deliveries/api-read/app/logs', 403, 'Forbidden'],
    ['pages that are none', '/nothing', 404, 'NotFound'],
  ])('%s', async (_what, path, status, code) => {
    expect(await call(api(path))).toMatchObject(problem(status, code));
  });

  it('U1 what a page of another site could send', async () => {
    const url = api('/deliveries/api-read/app/sync');
    const send = (headers: Record<string, string>) => call(url, { method: 'POST', headers, body: '{}' });
    expect(await send({ 'content-type': 'text/plain' })).toMatchObject(problem(415, 'UnsupportedMediaType'));
    expect(await send({ 'content-type': 'application/x-www-form-urlencoded' })).toMatchObject(
      problem(415, 'UnsupportedMediaType'),
    );
    for (const origin of ['https://evil.example', 'null', 'http://127.0.0.1:1'])
      expect(await send({ 'content-type': 'application/json', origin })).toMatchObject(
        problem(403, 'OriginNotAllowed'),
      );
    expect((await call(url, { method: 'GET' })).status).toBe(405);
    const preflight = await fetch(url, { method: 'OPTIONS', headers: { origin: 'https://evil.example' } });
    expect([preflight.status, preflight.headers.get('access-control-allow-origin')]).toEqual([405, null]);
  });

  it('a method that a path does not know, and a path that is no URL, like all else', async () => {
    const head = await fetch(api('/events'), { method: 'HEAD' });
    expect([head.status, head.headers.get('allow')]).toEqual([405, 'GET']);
    const readHead = await fetch(api('/deliveries'), { method: 'HEAD' });
    expect(readHead.status).toBe(200);
    const broken = await fetch(api('/deliveries/api-read/%ff'));
    expect([broken.status, broken.headers.get('x-content-type-options')]).toEqual([400, 'nosniff']);
  });

  it('a request while the agent has not taken note of the one before: that would be lost unseen', async () => {
    await until('the Delivery is there', async () => (await call(api('/deliveries/api-act/app'))).status === 200);
    process.kill(lockstep.agent.pid, 'SIGSTOP');
    const cli = (verb: string) => lockstepBeside([verb, 'app', '-n', 'api-act', '--kubeconfig', inject('kubeconfig')]);
    const first = cli('suspend');
    const delivery = () => lockstep.kube.get(deliveryRef('api-act', 'app'));
    await until('it was written', async () => JSON.stringify(await delivery()).includes('suspend@'));
    expect(await cli('resume')).toMatchObject({ code: 1, stderr: expect.stringContaining('is not taken note of yet') });
    process.kill(lockstep.agent.pid, 'SIGCONT');
    expect(await first).toMatchObject({ code: 0 });
    expect(await cli('resume')).toMatchObject({ code: 0 });
    const both = await Promise.all([
      post(api('/deliveries/api-act/app/sync')),
      post(api('/deliveries/api-act/app/suspend')),
    ]);
    const statuses = both.map(({ status }) => status).sort();
    expect([
      [202, 202],
      [202, 409],
    ]).toContainEqual(statuses);
  });

  it('U3 a host name that is not its own, on both listeners', async () => {
    for (const [base, path] of [
      [lockstep.agent.api, '/api/v1/deliveries'],
      [lockstep.agent.api, '/api/v1/events'],
      [lockstep.agent.probes, '/metrics'],
      [lockstep.agent.probes, '/healthz'],
    ] as const) {
      expect(await statusFor(`${base}${path}`, 'evil.example')).toBe(421);
    }
    expect(await statusFor(`${lockstep.agent.api}/api/v1/deliveries`, 'localhost:1234')).toBe(200);
    expect(await statusFor(`${lockstep.agent.probes}/healthz`, '10.1.2.3:8081')).toBe(200);
  });

  it('bodies that are no JSON, too long, or say what nobody asked for', async () => {
    const url = api('/deliveries/api-read/app/rollback');
    const headers = { 'content-type': 'application/json' };
    expect(await call(url, { method: 'POST', headers, body: '{' })).toMatchObject(problem(400, 'BadRequest'));
    expect(await call(url, { method: 'POST', headers, body: '{"too": 1}' })).toMatchObject(problem(400, 'BadRequest'));
    expect(await call(url, { method: 'POST', headers, body: '{"to": "a b"}' })).toMatchObject(
      problem(400, 'BadRequest'),
    );
    expect(await call(url, { method: 'POST', headers, body: '{"__proto__": {"to": "1"}}' })).toMatchObject(
      problem(400, 'BadRequest'),
    );
    expect(await call(url, { method: 'POST', headers, body: ' '.repeat(100_000) })).toMatchObject(
      problem(413, 'TooLarge'),
    );
  });
});

describe('probes and metrics', () => {
  it('tell that the agent works, and how much', async () => {
    expect(await call(`${lockstep.agent.probes}/healthz`)).toMatchObject({ status: 200, body: { ok: true } });
    expect(await call(`${lockstep.agent.probes}/readyz`)).toMatchObject({ status: 200, body: { ok: true } });
    const { body, type } = await call(`${lockstep.agent.probes}/metrics`);
    expect(type).toContain('text/plain; version=0.0.4');
    expect(body).toMatch(/^lockstep_deliveries\{state="Synced",ready="True",health="Healthy"\} [1-9]/m);
    expect(body).toMatch(/^lockstep_releases_total\{verdict="Good"\} [1-9]/m);
    expect(body).toMatch(/^lockstep_api_requests_total\{method="PATCH",code="20[01]"\} [1-9]/m);
    expect(body).toMatch(/^lockstep_turn_duration_seconds_count\{result="ok"\} [1-9]/m);
    // No name that somebody chose is a label.
    expect(body).not.toMatch(/api-read|api-diff/);
  });
});

function statusFor(url: string, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { headers: { host } }, (response) => {
      resolve(response.statusCode ?? 0);
      outgoing.destroy();
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}
