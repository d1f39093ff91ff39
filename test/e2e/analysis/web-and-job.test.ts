import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { textAt } from '../../../diff/json.ts';
import { until } from '../support/kube.ts';
import { mayMeasureBy } from '../support/limits.ts';
import { type App, configMap, describeOnOwnCluster, useLockstep } from '../support/lockstep.ts';
import { podWith, setPodStatus } from '../support/pods.ts';
import { expectBack, held, holdMessage, picture } from '../support/rollback.ts';

const limits = 'analysis-web-limits';
const lockstep = useLockstep(['smoke-web', 'smoke-job', 'smoke-crash', 'smoke-newer'], {
  flags: ['--limits', limits],
});
let server: Server;
let status = 200;
beforeAll(async () => {
  server = createServer((_request, response) => {
    response.writeHead(status);
    response.end('{"ready": true}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  await mayMeasureBy(lockstep.kube, limits, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
afterAll(() => server.close());

/** A check by a Job, whose pod takes annotations such as `pod: fail`. */
function jobCheck(pod: Readonly<Record<string, string>> = {}) {
  const annotations = Object.fromEntries(
    Object.entries(pod).map(([key, value]) => [`test.lockstep.dev/${key}`, value]),
  );
  const containers = [{ name: 'main', image: 'smoke:1' }];
  return {
    name: 'smoke',
    job: { spec: { template: { metadata: { annotations }, spec: { restartPolicy: 'Never', containers } } } },
  };
}

const files = (color: string) => ({ 'settings.yaml': configMap('settings', { color }) });

/** Sets what an app is measured by. */
function measureBy(app: App, analysis: readonly object[]): Promise<unknown> {
  return lockstep.kube.edit(app.delivery, { spec: { health: { analysis: [...analysis] as never } } });
}

/** The Jobs that were made in the namespace of an app, by name. */
const jobsMade = (app: App, since: number): string[] =>
  app
    .writes(since)
    .flatMap(({ resource, name, status: code }) => (resource === 'jobs' && code === 201 ? [name ?? ''] : []));

describeOnOwnCluster('a check of a release', () => {
  it('over the web fails it by the code of the answer', async () => {
    const { port } = server.address() as AddressInfo;
    const web = { name: 'ready', web: { url: `http://127.0.0.1:${port}/ready` } };
    const app = await lockstep.app('smoke-web', files('red'), { health: { analysis: [web] } });
    await app.ready();
    const refs = [app.ref('v1', 'ConfigMap', 'settings')];
    const before = await picture(lockstep, refs);
    const good = app.revision;
    status = 503;
    app.push(files('blue'));
    expect(holdMessage(await held(app))).toBe('analysis ready: status 503; 1 failed of 1');
    await expectBack(lockstep, app, before, refs, good);
  });

  it('by a Job fails it when the Job does, and runs once in each release', async () => {
    const since = Date.now();
    const app = await lockstep.app('smoke-job', files('red'), { health: { analysis: [jobCheck()] } });
    await app.ready();
    const refs = [app.ref('v1', 'ConfigMap', 'settings')];
    const before = await picture(lockstep, refs);
    const good = app.revision;
    await measureBy(app, [jobCheck({ pod: 'fail' })]);
    app.push(files('blue'));
    expect(holdMessage(await held(app))).toMatch(
      /^analysis smoke: Job smoke-job\/smoke-\w+-2-0 failed: BackoffLimitExceeded/,
    );
    await expectBack(lockstep, app, before, refs, good);
    expect(jobsMade(app, since).map((name) => name.replace(/^smoke-\w+?-/, ''))).toEqual(['1-0', '2-0']);
  });

  it('by a Job is gone on with by the next agent', async () => {
    const since = Date.now();
    const app = await lockstep.app('smoke-crash', files('red'), {
      health: { analysis: [jobCheck({ pod: 'nothing-happens' })] },
    });
    await until('the Job runs', async () => jobsMade(app, since).length === 1);
    await lockstep.restart('SIGKILL');
    const [name = ''] = jobsMade(app, since);
    await until(
      'it is measured again',
      async () => app.requests(since).filter(({ verb, resource }) => verb === 'get' && resource === 'jobs').length > 3,
    );
    await setPodStatus(lockstep.kube, await podWith(lockstep.kube, app.namespace, 'smoke:1'), { phase: 'Succeeded' });
    await app.ready();
    expect(jobsMade(app, since)).toEqual([name]);
  });

  it('by a Job ends when a newer commit comes', async () => {
    const since = Date.now();
    const app = await lockstep.app('smoke-newer', files('red'), {
      health: { analysis: [jobCheck({ pod: 'nothing-happens' })] },
    });
    await until('the Job runs', async () => jobsMade(app, since).length === 1);
    const [first = ''] = jobsMade(app, since);
    app.push(files('blue'));
    await until('the first is gone', async () => (await app.get('batch/v1', 'Job', first)) === undefined);
    await until('the newer one is measured', async () => jobsMade(app, since).length === 2);
    await until('it bakes', async () => textAt(await app.status(), 'status', 'state') === 'Baking');
  });
});
