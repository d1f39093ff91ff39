import { describe, expect, it } from 'vitest';
import { textAt } from '../../diff/json.ts';
import { call, openEvents, post } from './support/api.ts';
import { letDo, tokenOf } from './support/furnish.ts';
import { until } from './support/kube.ts';
import { configMap, deployment, useLockstep } from './support/lockstep.ts';

const lockstep = useLockstep(['auth-app', 'auth-other', 'auth-logs'], {
  flags: ['--auth', 'kubernetes', '--host-names', 'lockstep.example'],
});
const api = (path: string): string => `${lockstep.agent.api}/api/v1${path}`;

/** The header of a service account that may do just this in its namespace. */
async function callerWith(
  name: string,
  rules: readonly object[],
  namespace = 'auth-app',
  audience = 'lockstep',
): Promise<Record<string, string>> {
  const { kube } = lockstep;
  await kube.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } });
  await letDo(kube, namespace, name, rules);
  return { authorization: `Bearer ${await tokenOf(kube, namespace, name, audience)}` };
}

const onDeliveries = (...verbs: string[]) => ({ apiGroups: ['lockstep.dev'], resources: ['deliveries'], verbs });

describe('with --auth=kubernetes', () => {
  it('the API server says who may see and do what', async () => {
    const app = await lockstep.app('auth-app', {
      'a.yaml': configMap('a', { color: 'red' }),
      's.yaml': 'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: hunter2-hunter2}\n',
    });
    await app.ready();
    const other = await lockstep.app('auth-other', { 'a.yaml': configMap('a', { color: 'red' }) });
    await other.ready();
    const reader = await callerWith('reader', [
      onDeliveries('get', 'list'),
      { apiGroups: [''], resources: ['configmaps'], verbs: ['get'] },
    ]);
    const get = (path: string, headers: Record<string, string>) => call(api(path), { headers });

    expect((await get('/deliveries/auth-app/app', reader)).body).toMatchObject({ state: 'Synced' });
    const list = await get('/deliveries', reader);
    expect(list.body.items.map(({ namespace }: { namespace: string }) => namespace)).toEqual(['auth-app']);
    const resources = (await get('/deliveries/auth-app/app/resources', reader)).body.items;
    expect(resources).toMatchObject([
      { kind: 'ConfigMap', isHidden: false, health: { status: 'Healthy' } },
      { kind: 'Secret', name: 's', isHidden: true },
    ]);
    expect(resources[1]).not.toHaveProperty('health');
    const { objects, plan } = (await get('/deliveries/auth-app/app/history/1', reader)).body;
    expect(
      objects.map((one: { isHidden: boolean; manifest?: object }) => [one.isHidden, one.manifest !== undefined]),
    ).toEqual([
      [false, true],
      [true, false],
    ]);
    expect(plan).toEqual(expect.arrayContaining(['create Secret auth-app/s']));

    // U6: what is not there and what is not to be seen are one.
    const unknown = await get('/deliveries/auth-app/none', reader);
    const forbidden = await get('/deliveries/auth-other/app', reader);
    expect([unknown.status, forbidden.status]).toEqual([404, 404]);
    expect(forbidden.body.detail.replace('auth-other/app', '')).toBe(unknown.body.detail.replace('auth-app/none', ''));

    expect(await post(api('/deliveries/auth-app/app/sync'), {}, reader)).toMatchObject({
      status: 403,
      body: {
        code: 'Forbidden',
        detail: 'system:serviceaccount:auth-app:reader may not sync the Delivery auth-app/app',
      },
    });
    const syncer = await callerWith('syncer', [onDeliveries('get', 'sync')]);
    const asked = await post(api('/deliveries/auth-app/app/sync'), {}, syncer);
    expect(asked).toMatchObject({
      status: 202,
      body: { request: expect.stringMatching(/ by=system:serviceaccount:auth-app:syncer$/) },
    });
    expect((await post(api('/deliveries/auth-app/app/suspend'), {}, syncer)).status).toBe(403);

    // A stream tells each reader only what is theirs to see.
    const stream = openEvents(api('/events'), reader);
    await stream.has('of its own', ({ data }) => data.namespace === 'auth-app');
    other.push({ 'a.yaml': configMap('a', { color: 'blue' }) });
    await other.ready();
    app.push({ 'a.yaml': configMap('a', { color: 'blue' }) });
    await app.ready();
    await stream.has('of the new revision', ({ data }) => data.revision.good === app.revision);
    expect(stream.events.every(({ data }) => data.namespace === 'auth-app')).toBe(true);
    await stream.close();
  });

  it('logs are for who may read them', async () => {
    const app = await lockstep.app('auth-logs', { 'web.yaml': deployment('web', { pod: { pod: 'crash-loop' } }) });
    await until('it has failed', async () => textAt(await app.status(), 'status', 'state') === 'Degraded', 30_000);
    const logs = (headers: Record<string, string>) => call(api('/deliveries/auth-logs/app/logs'), { headers });
    const pods = { apiGroups: [''], resources: ['pods/log'], verbs: ['get'] };
    const mayRead = await callerWith('with-logs', [onDeliveries('get'), pods], 'auth-logs');
    const mayNot = await callerWith('without-logs', [onDeliveries('get')], 'auth-logs');
    expect((await logs(mayRead)).body.items).toContainEqual(
      expect.objectContaining({ namespace: 'auth-logs', container: 'main' }),
    );
    expect((await logs(mayNot)).body).toEqual({ items: [] });
  });

  it('no other token, and no token, is taken', async () => {
    const forServer = await callerWith('reader', [onDeliveries('get')], 'auth-app', 'https://kubernetes.default.svc');
    for (const headers of [
      {},
      { authorization: 'Bearer nonsense' },
      { authorization: 'Basic YWRhOmFkYQ==' },
      { authorization: 'Bearer ' },
      forServer,
    ]) {
      const answer = await call(api('/deliveries'), { headers: headers as Record<string, string> });
      expect(answer).toMatchObject({ status: 401, body: { code: 'Unauthenticated' } });
      expect(JSON.stringify(answer.body)).not.toContain('nonsense');
    }
    expect((await post(api('/deliveries/auth-app/app/sync'))).status).toBe(401);
    expect((await call(`${lockstep.agent.api}/openapi.json`)).status).toBe(200);
  });
});
