import { request } from 'node:http';
import { describe, expect, it } from 'vitest';
import { at, textAt } from '../../diff/json.ts';
import { call, post } from './support/api.ts';
import { agentNamespace, deliveryOf, deliveryRef } from './support/furnish.ts';
import { hmac, makeHookSecrets, pushHook, receives } from './support/github.ts';
import { until } from './support/kube.ts';
import { configMap, useLockstep } from './support/lockstep.ts';

const secrets = {
  github: 'github-secret-1',
  'github.next': 'github-secret-2',
  gitlab: 'gitlab-token-1',
  gitea: 'gitea-secret-1',
  // Too short to be used (F30.3).
  generic: 'short',
};
const name = 'webhooks-test';
const lockstep = useLockstep(['hooks-push', 'hooks-burst', 'hooks-missed', 'hooks-mono'], {
  flags: ['--webhook-secret', name],
});
// A poll that would never come in time: what is synced within seconds was told by a webhook.
const rarely = { source: { interval: '1h' } };

const hook = (provider: string): string => `${lockstep.agent.api}/hooks/${provider}`;

function send(provider: string, url: string, ref = 'refs/heads/main') {
  const body = JSON.stringify({
    ref,
    repository: provider === 'generic' ? url : { clone_url: url },
    project: { git_http_url: url },
  });
  const headers: Record<string, Record<string, string>> = {
    github: { 'x-github-event': 'push', 'x-hub-signature-256': `sha256=${hmac(secrets.github, body)}` },
    gitea: { 'x-gitea-event': 'push', 'x-gitea-signature': hmac(secrets.gitea, body) },
    gitlab: { 'x-gitlab-event': 'Push Hook', 'x-gitlab-token': secrets.gitlab },
  };
  return call(hook(provider), {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers[provider] },
    body,
  });
}

describe('webhooks', () => {
  it('W8 do not exist without a secret, and do as soon as there is one', async () => {
    const ref = { apiVersion: 'v1', kind: 'Secret', namespace: agentNamespace, name };
    if ((await lockstep.kube.get(ref)) !== undefined) await lockstep.kube.delete(ref);
    const answer = await until('there is no receiver', async () => {
      const asked = await post(hook('github'));
      return asked.status === 404 ? asked : undefined;
    });
    expect(answer.body).toMatchObject({ code: 'NotFound' });
    await makeHookSecrets(lockstep.kube, name, secrets);
    await receives(lockstep.agent.api);
    expect((await post(hook('generic'))).status).toBe(404);
    expect((await post(hook('no-such-host'))).status).toBe(404);
  });

  it('sync a push of each provider at once, and answer what is synced', async () => {
    const app = await lockstep.app('hooks-push', { 'a.yaml': configMap('a', { v: '0' }) }, rarely);
    await app.ready();
    for (const [index, provider] of ['github', 'gitea', 'gitlab'].entries()) {
      app.push({ 'a.yaml': configMap('a', { v: String(index + 1) }) });
      const answer = await send(provider, app.repository.url);
      expect(answer).toMatchObject({ status: 202, body: { result: 'accepted', syncs: ['hooks-push/app'] } });
      await app.ready(5_000);
    }
    // What changed elsewhere in the repository costs one look, and is no release (F30.2).
    const before = at(await app.status(), 'status', 'sequence');
    await lockstep.kube.edit(app.delivery, { spec: { source: { path: 'app' } } });
    app.push({ 'app/a.yaml': configMap('a', { v: '3' }) });
    await send('github', app.repository.url);
    await app.ready();
    const since = Date.now();
    const moved = at(await app.status(), 'status', 'sequence');
    app.push({ 'docs/b.yaml': configMap('b', { v: '1' }) });
    await send('github', app.repository.url);
    await until(
      'the tip is seen',
      async () => textAt(await app.status(), 'status', 'revision', 'tip') === app.revision,
    );
    expect(app.writes(since)).toEqual([]);
    expect(at(await app.status(), 'status', 'sequence')).toBe(moved);
    expect(moved).toBe(before);
    expect(await send('github', app.repository.url, 'refs/heads/other')).toMatchObject({
      status: 200,
      body: { result: 'ignored', reason: 'no Delivery follows refs/heads/other of this repository', syncs: [] },
    });
    expect(await send('github', 'https://git.example.com/other.git')).toMatchObject({
      status: 200,
      body: { result: 'ignored' },
    });
  });

  it('take either of two secrets, so that one can be replaced', async () => {
    const body = '{"zen": "x"}';
    const headers = { 'x-github-event': 'ping', 'x-hub-signature-256': `sha256=${hmac(secrets['github.next'], body)}` };
    expect(await call(hook('github'), { method: 'POST', headers, body })).toMatchObject({
      status: 200,
      body: { result: 'ignored', reason: 'ping' },
    });
  });

  it('of a repository of many bring all of them to the new commit, and ask Git for all at once', async () => {
    const namespace = 'hooks-mono';
    const names = Array.from({ length: 9 }, (_, n) => `other-${n}`);
    const files = Object.fromEntries(['a', ...names].map((one) => [`${one}/a.yaml`, configMap(one, { v: '0' })]));
    const app = await lockstep.app(namespace, files, { source: { interval: '1h', path: 'a' } });
    for (const other of names) {
      const spec = { source: { interval: '1h', path: other } };
      await lockstep.kube.apply(deliveryOf(namespace, other, app.repository.url, spec));
    }
    const arrived = () =>
      until('all are there', async () => {
        const statuses = await Promise.all(names.map((other) => lockstep.kube.get(deliveryRef(namespace, other))));
        return statuses.every((one) => textAt(one, 'status', 'revision', 'tip') === app.revision);
      });
    await app.ready();
    await arrived();
    const before = lockstep.git.requests.get(`${namespace}.git`) ?? 0;
    app.push({ 'a/a.yaml': configMap('a', { v: '1' }) });
    await pushHook(lockstep.agent.api, secrets.github, app.repository.url, { paths: ['a/a.yaml'] });
    await app.ready(5_000);
    await arrived();
    // What it is at, and what is new in it; once more where the first question came in the millisecond of the news.
    expect((lockstep.git.requests.get(`${namespace}.git`) ?? 0) - before).toBeLessThanOrEqual(3);
  });

  it('are refused without a right signature: no sync, one line in the log without the body', async () => {
    const body = '{"canary": "webhook-body-canary"}';
    const answer = await call(hook('github'), {
      method: 'POST',
      headers: { 'x-hub-signature-256': `sha256=${'0'.repeat(64)}` },
      body,
    });
    expect(answer).toMatchObject({ status: 401, body: { code: 'SignatureInvalid' } });
    expect(lockstep.agent.output()).toContain('"a webhook without a right signature was refused"');
    expect(lockstep.agent.output()).not.toContain('webhook-body-canary');
    for (const secret of Object.values(secrets).filter((one) => one.length > 1))
      expect(lockstep.agent.output()).not.toContain(secret);
  });

  it('are answered in 10 ms or less', async () => {
    const times: number[] = [];
    for (let round = 0; round < 60; round += 1) {
      const started = performance.now();
      expect((await send('github', 'https://git.example.com/other.git')).status).toBe(200);
      times.push(performance.now() - started);
    }
    times.sort((a, b) => a - b);
    expect(times[30]).toBeLessThan(10);
  });

  it('W14 collapse: of many in a moment hardly any asks Git, and the last push is live', async () => {
    const app = await lockstep.app('hooks-burst', { 'a.yaml': configMap('a', { v: '0' }) }, rarely);
    await app.ready();
    const before = lockstep.git.requests.get('hooks-burst.git') ?? 0;
    app.push({ 'a.yaml': configMap('a', { v: '1' }) });
    const answers = await Promise.all(Array.from({ length: 200 }, () => send('github', app.repository.url)));
    expect(answers.every(({ status }) => status === 202)).toBe(true);
    await app.ready(5_000);
    const asked = (lockstep.git.requests.get('hooks-burst.git') ?? 0) - before;
    // One look is one small request, and three more where there is something to fetch.
    expect(asked).toBeLessThan(40);
  });

  it('miss nothing: the poll finds what no webhook told', async () => {
    const app = await lockstep.app('hooks-missed', { 'a.yaml': configMap('a', { v: '0' }) });
    await app.ready();
    app.push({ 'a.yaml': configMap('a', { v: '1' }) });
    await app.ready();
  });

  it('W9 a body that is too long is cut off at once, whatever it claims', async () => {
    expect(await sendRaw({ 'content-length': String(16 * 1024 ** 3) }, 10)).toBe(413);
    const before = lockstep.agent.rss();
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => sendRaw({ 'transfer-encoding': 'chunked' }, 64 * 1024 ** 2)),
    );
    expect(answers.every((status) => status === 413 || status === 503 || status === 0)).toBe(true);
    expect(answers).toContain(413);
    expect(lockstep.agent.rss() - before).toBeLessThan(150);
    expect((await send('github', 'https://git.example.com/other.git')).status).toBe(200);
  });
});

/** Sends up to so many bytes and answers the status; 0 when the connection was closed before one came. */
function sendRaw(headers: Record<string, string>, bytes: number): Promise<number> {
  const chunk = Buffer.alloc(64 * 1024, 0x61);
  return new Promise((resolve) => {
    let sent = 0;
    const outgoing = request(hook('github'), { method: 'POST', headers }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
      outgoing.destroy();
    });
    outgoing.on('error', () => resolve(0));
    const more = (): void => {
      while (sent < bytes && !outgoing.destroyed) {
        sent += chunk.length;
        if (!outgoing.write(chunk.subarray(0, Math.min(chunk.length, bytes)))) return void outgoing.once('drain', more);
      }
    };
    more();
  });
}
