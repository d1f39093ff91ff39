import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, inject, it } from 'vitest';
import { at, textAt } from '../../diff/json.ts';
import { printYaml } from '../../sync/render/yaml-print.ts';
import { lockstepBeside, lockstepCommand } from './support/cli.ts';
import { until } from './support/kube.ts';
import { type App, configMap, deployment, describeOnOwnCluster, useLockstep } from './support/lockstep.ts';

const lockstep = useLockstep(['plan-manual', 'plan-hash', 'plan-errors', 'plan-files', 'plan-foreign', 'plan-quiet']);
const folder = mkdtempSync(join(tmpdir(), 'lockstep-plans-'));

const flagsOf = (app: App): string[] => ['-n', app.namespace, '--kubeconfig', inject('kubeconfig')];
const hashOf = async (app: App): Promise<string> =>
  (await lockstepBeside(['plan', 'app', '--hash', ...flagsOf(app)])).stdout.trim();
const dataOf = async (app: App, name: string): Promise<unknown> => (await app.get('v1', 'ConfigMap', name))?.['data'];

describeOnOwnCluster('a plan', () => {
  it('waits for a sync where spec.sync.mode is manual, and drift is healed meanwhile', async () => {
    const manual = { sync: { mode: 'manual' } };
    const app = await lockstep.app('plan-manual', { 'a.yaml': configMap('a', { a: '1' }) }, manual);
    const message = await app.refused('AwaitingSync');
    expect(message).toMatch(
      /^the plan is [0-9a-f]{12} \(1 create\); carry it out with `lockstep sync app --plan [0-9a-f]{12}`$/,
    );
    expect(await dataOf(app, 'a')).toBeUndefined();
    expect(lockstepCommand(['sync', 'app', ...flagsOf(app)])).toMatchObject({ code: 0 });
    await app.ready();
    expect(await dataOf(app, 'a')).toEqual({ a: '1' });
    app.push({ 'a.yaml': configMap('a', { a: '2' }) });
    await app.refused('AwaitingSync');
    await lockstep.kube.edit(app.ref('v1', 'ConfigMap', 'a'), { data: { a: 'drift' } });
    await until(
      'drift is healed to what is live',
      async () => textAt(await app.get('v1', 'ConfigMap', 'a'), 'data', 'a') === '1',
    );
  });

  it('is carried out exactly as it was seen, or not at all', async () => {
    const app = await lockstep.app('plan-hash', { 'a.yaml': configMap('a', { a: '1' }) }, { sync: { mode: 'manual' } });
    await app.refused('AwaitingSync');
    const first = await hashOf(app);
    expect(await app.refused('AwaitingSync')).toContain(first);
    expect(await hashOf(app)).toBe(first);
    expect(lockstepCommand(['sync', 'app', '--plan', first, ...flagsOf(app)])).toMatchObject({ code: 0 });
    await app.ready();
    // Somebody pushes after the plan was looked at.
    app.push({ 'a.yaml': configMap('a', { a: '2' }) });
    await app.refused('AwaitingSync');
    const seen = await hashOf(app);
    app.push({ 'a.yaml': configMap('a', { a: '3' }) });
    await until('the newer one is planned', async () => !(await app.refused('AwaitingSync')).includes(seen));
    lockstepCommand(['sync', 'app', '--plan', seen, ...flagsOf(app)]);
    expect(await app.refused('PlanChanged')).toMatch(new RegExp(`by now, not ${seen}: look at it again`));
    expect(await dataOf(app, 'a')).toEqual({ a: '1' });
    expect(lockstepCommand(['sync', 'app', '--plan', await hashOf(app), ...flagsOf(app)])).toMatchObject({ code: 0 });
    await app.ready();
    expect(await dataOf(app, 'a')).toEqual({ a: '3' });
    // By REST it is the same request.
    app.push({ 'a.yaml': configMap('a', { a: '4' }) });
    await app.refused('AwaitingSync');
    const url = `${lockstep.agent.api}/api/v1/deliveries/plan-hash/app/sync`;
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ plan: await hashOf(app) }) });
    expect(answer.status).toBe(202);
    await app.ready();
  });

  it('names everything that is wrong, not the first', async () => {
    const wrong = (name: string): string => `${deployment(name)}      nonsense: true\n`;
    const app = await lockstep.app('plan-errors', {
      'a.yaml': wrong('a'),
      'b.yaml': wrong('b'),
      'c.yaml': configMap('c', { a: '1' }),
    });
    const message = await app.refused('ApplyRefused');
    expect(message).toContain('Deployment plan-errors/a:');
    expect(message).toContain('Deployment plan-errors/b:');
    const { code, stderr, stdout } = await lockstepBeside(['plan', 'app', ...flagsOf(app)]);
    expect(code).toBe(1);
    expect(stderr).toContain('Deployment plan-errors/a:');
    expect(stderr).toContain('Deployment plan-errors/b:');
    expect(stdout).toContain('create  wave 0  ConfigMap plan-errors/c');
  });

  it('of a commit of one object in many costs no request for the others', async () => {
    const many = Object.fromEntries(
      Array.from({ length: 60 }, (_, index) => [`${index}.yaml`, configMap(`m${index}`, { a: '1' })]),
    );
    const app = await lockstep.app('plan-quiet', many);
    await app.ready(40_000);
    const since = Date.now();
    app.push({ '7.yaml': configMap('m7', { a: '2' }) });
    await app.ready();
    await sleep(300);
    expect(app.requests(since).length).toBeLessThanOrEqual(8);
    expect(app.writes(since).map(({ name }) => name)).toEqual(['m7']);
  });
});

describeOnOwnCluster('a difference', () => {
  it('of files is told without a cluster, Secrets masked, by key and as a patch', async () => {
    const app = await lockstep.app('plan-files', {
      'web.yaml': deployment('web'),
      'secret.yaml': 'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {a: hunter2, b: same}\n',
    });
    await app.ready(40_000);
    const live = [await app.get('apps/v1', 'Deployment', 'web'), await app.get('v1', 'Secret', 's')];
    const [wantedFile, liveFile] = [join(folder, 'wanted.yaml'), join(folder, 'live.yaml')];
    writeFileSync(liveFile, live.map((object) => printYaml(object ?? {})).join('---\n'));
    const same = `${deployment('web')}---\napiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {a: hunter2, b: same}\n`;
    writeFileSync(wantedFile, same);
    const untouched = lockstepCommand(['diff', '-f', wantedFile, '--live', liveFile]);
    expect(untouched.stdout).toBe('tip, target and live are one\n');
    expect(untouched.code).toBe(0);
    expect(untouched.stderr).toContain('defaults are not known');
    writeFileSync(wantedFile, same.replace('app:1', 'app:2').replace('hunter2', 'hunter3'));
    const { code, stdout } = lockstepCommand(['diff', '-f', wantedFile, '--live', liveFile]);
    expect(code).toBe(2);
    expect(stdout).toContain('spec.template.spec.containers[main].image: app:1 → app:2');
    expect(stdout).toContain('data.a: *** → *** (changed)');
    const json = lockstepCommand(['diff', '-f', wantedFile, '--live', liveFile, '-o', 'json']).stdout;
    expect(JSON.parse(json)[0].release.patch).toEqual([
      { op: 'replace', path: '/spec/template/spec/containers/0/image', value: 'app:2' },
    ]);
    for (const text of [stdout, json])
      for (const value of ['hunter2', 'hunter3', 'aHVudGVyMg', 'aHVudGVyMw']) expect(text).not.toContain(value);
    // What a new object is, is told whole.
    writeFileSync(wantedFile, configMap('new', { a: '1' }));
    expect(lockstepCommand(['diff', '-f', wantedFile, '--live', liveFile]).stdout).toContain('ConfigMap new');
  });

  it('is not what others keep among ours: that is told, and neither drift nor touched', async () => {
    const app = await lockstep.app('plan-foreign', { 'a.yaml': configMap('a', { a: '1' }, '  labels: {tier: web}\n') });
    await app.ready();
    await lockstep.kube.edit(
      app.ref('v1', 'ConfigMap', 'a'),
      { metadata: { labels: { team: 'red' } }, data: { theirs: '1' } },
      'mesh',
    );
    await sleep(700);
    const { code, stdout } = await lockstepBeside(['diff', 'app', ...flagsOf(app)]);
    expect(code).toBe(0);
    expect(stdout).toContain('data.theirs is kept by mesh');
    expect(stdout).toContain('metadata.labels.team is kept by mesh');
    const live = await app.get('v1', 'ConfigMap', 'a');
    expect(live?.['data']).toEqual({ a: '1', theirs: '1' });
    expect(at(live, 'metadata', 'labels', 'team')).toBe('red');
    expect((await app.events()).map(({ reason }) => reason)).not.toContain('DriftHealed');
  });
});
