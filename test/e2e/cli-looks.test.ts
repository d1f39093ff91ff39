import { spawn } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import { bundleEntry } from '../../deploy/bundle.ts';
import { textAt } from '../../diff/json.ts';
import { lockstepBeside } from './support/cli.ts';
import { until } from './support/kube.ts';
import { configMap, deployment, describeOnOwnCluster, useLockstep } from './support/lockstep.ts';

const lockstep = useLockstep([
  'looks-wait',
  'looks-first',
  'looks-plan',
  'looks-diff',
  'looks-tree',
  'looks-health',
  'looks-watch',
]);
const run = (...args: string[]) => lockstepBeside([...args, '--kubeconfig', inject('kubeconfig')]);

describe('lockstep wait', () => {
  it('comes back when a revision is live, and as soon as it is clear that it will not be', async () => {
    const app = await lockstep.app('looks-wait', { 'a.yaml': configMap('a', { v: '1' }) });
    expect(await run('wait', 'app', '-n', 'looks-wait', '--timeout', '20s')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('release 1: '),
    });
    app.push({ 'a.yaml': configMap('a', { v: '2' }) });
    expect(await run('wait', 'app', '-n', 'looks-wait', '--revision', app.revision, '--timeout', '20s')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(`release 2: ${app.revision.slice(0, 12)}`),
    });
    await app.ready();
    const bad = app.push({ 'web.yaml': deployment('web', { pod: { pod: 'image-pull' } }) });
    expect(
      await run('wait', 'app', '-n', 'looks-wait', '--revision', bad.slice(0, 10), '--timeout', '60s'),
    ).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining('ErrImagePull'),
    });
    expect((await run('wait', 'app', '-n', 'looks-wait', '--timeout', '60s')).code).toBe(2);
    const unreadable = app.push({ 'a.yaml': 'a: [' });
    expect(await run('wait', 'app', '-n', 'looks-wait', '--revision', unreadable, '--timeout', '20s')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('a.yaml:1'),
    });
    expect(
      await run('wait', 'app', '-n', 'looks-wait', '--revision', '0123456789', '--timeout', '300ms'),
    ).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('after 0.3 s'),
    });
    expect(await run('wait', 'none', '-n', 'looks-wait')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('"none" not found'),
    });
  });
});

describeOnOwnCluster('lockstep plan', () => {
  it('tells what the first release would do, before there is one', async () => {
    const app = await lockstep.app('looks-first', { 'a.yaml': configMap('a', { v: '1' }) }, { suspend: true });
    expect(await run('plan', 'app', '-n', 'looks-first')).toMatchObject({
      code: 2,
      stdout: expect.stringMatching(/^[0-9a-f]{12} by Ada: .*\ncreate +wave 0 {2}ConfigMap looks-first\/a/),
      stderr: '',
    });
    expect(textAt(await app.get('v1', 'ConfigMap', 'a'), 'metadata', 'uid')).toBeUndefined();
  });

  it('tells what a folder would change, writes nothing, and what the API server would refuse', async () => {
    const app = await lockstep.app('looks-plan', {
      'a.yaml': configMap('a', { v: '1' }),
      'b.yaml': configMap('b', { v: '1' }),
      's.yaml': 'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: C4NARY-7f3a-plan}\n',
    });
    await app.ready();
    expect(await run('plan', 'app', '-n', 'looks-plan')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/by Ada: .*\n3 unchanged\nplan [0-9a-f]{12}\n$/),
    });
    const folder = mkdtempSync(join(tmpdir(), 'lockstep-plan-'));
    writeFileSync(join(folder, 'a.yaml'), configMap('a', { v: '2' }));
    writeFileSync(
      join(folder, 's.yaml'),
      'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: C4NARY-7f3a-other}\n',
    );
    writeFileSync(join(folder, 'c.yaml'), configMap('c', { v: '1' }, '  annotations: {lockstep.dev/wave: "2"}\n'));
    const since = Date.now();
    const planned = await run('plan', 'app', '-n', 'looks-plan', '--path', folder);
    expect(planned.stderr).toBe('');
    expect(planned.stdout.split('\n').slice(1)).toEqual([
      'update  wave 0  ConfigMap looks-plan/a',
      '          data.v: 1 → 2',
      'update  wave 0  Secret looks-plan/s',
      expect.stringMatching(/^ {10}data\.password: /),
      'create  wave 2  ConfigMap looks-plan/c: is not in the cluster',
      'prune   wave 0  ConfigMap looks-plan/b: left Git',
      '0 unchanged',
      expect.stringMatching(/^plan [0-9a-f]{12}$/),
      '',
    ]);
    expect(planned.code).toBe(2);
    expect(planned.stdout).not.toMatch(/C4NARY|QzROQVJZ/);
    expect(app.writes(since)).toEqual([]);
    expect(textAt(await app.get('v1', 'ConfigMap', 'a'), 'data', 'v')).toBe('1');
    const json = await run('plan', 'app', '-n', 'looks-plan', '--path', folder, '-o', 'json');
    expect(JSON.parse(json.stdout)[0]).toMatchObject({
      action: 'update',
      patch: [{ op: 'replace', path: '/data/v', value: '2' }],
    });
    writeFileSync(join(folder, 'd.yaml'), `${configMap('d', { v: '1' })}immutable: maybe\n`);
    expect(await run('plan', 'app', '-n', 'looks-plan', '--path', folder)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('ConfigMap looks-plan/d'),
    });
  });

  it('works for who may not read the records of the agent', async () => {
    const reader = await lockstepBeside([
      'plan',
      'app',
      '-n',
      'looks-plan',
      '--kubeconfig',
      inject('users')['reader'] ?? '',
    ]);
    expect(reader.stderr).not.toContain('records');
  });
});

describe('lockstep diff', () => {
  it('tells drift and what the tip would change, by itself and by asking the agent', async () => {
    const app = await lockstep.app(
      'looks-diff',
      { 'a.yaml': configMap('a', { v: '1' }), 'b.yaml': configMap('b', { v: '1' }) },
      { sync: { selfHeal: false }, source: { interval: '1h' } },
    );
    await app.ready();
    const both = [[], ['--server', lockstep.agent.api]];
    for (const how of both)
      expect(await run('diff', 'app', '-n', 'looks-diff', ...how)).toMatchObject({
        code: 0,
        stdout: 'tip, target and live are one\n',
      });
    await lockstep.kube.edit(app.ref('v1', 'ConfigMap', 'a'), { data: { v: 'mine' } });
    await lockstep.kube.delete(app.ref('v1', 'ConfigMap', 'b'));
    await until('the agent has seen it', async () =>
      (await run('diff', 'app', '-n', 'looks-diff', '--server', lockstep.agent.api)).stdout.includes('looks-diff/b'),
    );
    for (const how of both) {
      const { code, stdout } = await run('diff', 'app', '-n', 'looks-diff', ...how);
      expect(code).toBe(2);
      expect(stdout).toMatch(
        /^ConfigMap looks-diff\/a\n {2}live has drifted; healing would: update\n {4}data\.v: mine → 1\nConfigMap looks-diff\/b\n {2}live has drifted; healing would: create\n/,
      );
    }
    app.push({ 'a.yaml': configMap('a', { v: '2' }) });
    expect((await run('diff', 'app', '-n', 'looks-diff')).stdout).toContain(
      '  the tip would: update\n    data.v: 1 → 2\n',
    );
    expect(JSON.parse((await run('diff', 'app', '-n', 'looks-diff', '-o', 'json')).stdout)).toMatchObject([
      { name: 'a', release: {}, drift: {} },
      { name: 'b' },
    ]);
    expect(await run('diff', 'none', '-n', 'looks-diff', '--server', lockstep.agent.api)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('does not exist, or is not for you to see'),
    });
  });
});

describeOnOwnCluster('lockstep tree', () => {
  it('shows objects by wave, and what they have made, down to pods', async () => {
    const app = await lockstep.app('looks-tree', {
      'a.yaml': configMap('a', { v: '1' }),
      'web.yaml': deployment('web', { replicas: 2, wave: 1 }),
      'svc.yaml':
        'apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n',
    });
    await app.ready();
    const { code, stdout } = await run('tree', 'app', '-n', 'looks-tree');
    expect(stdout).toMatch(
      /^Delivery looks-tree\/app {2}Synced {2}release 1: .*\nwave 0\n {2}ConfigMap looks-tree\/a {2}Healthy\n {2}Service looks-tree\/web {2}Healthy\nwave 1\n {2}Deployment looks-tree\/web {2}Healthy\n {4}ReplicaSet looks-tree\/web-\S+ {2}Healthy\n {6}Pod looks-tree\/web-\S+ {2}Healthy\n {6}Pod looks-tree\/web-\S+ {2}Healthy\n$/,
    );
    expect(code).toBe(0);
    const [first] = JSON.parse((await run('tree', 'app', '-n', 'looks-tree', '-o', 'json')).stdout);
    expect(first).toMatchObject({
      wave: 0,
      objects: [{ title: 'ConfigMap looks-tree/a', health: 'Healthy', children: [] }, {}],
    });
  });
});

describeOnOwnCluster('lockstep health NAME', () => {
  it('tells how each object of a Delivery is, why and since when, down to pods', async () => {
    const rule = { kind: 'ConfigMap', degraded: 'self.data.v == "2"', message: '"two is not allowed"' };
    const app = await lockstep.app(
      'looks-health',
      { 'a.yaml': configMap('a', { v: '1' }), 'web.yaml': deployment('web') },
      { health: { rules: [rule], signals: { degraded: 'off', imagePull: 'off' } } },
    );
    await app.ready();
    const { code, stdout } = await run('health', 'app', '-n', 'looks-health');
    expect(stdout).toMatch(
      /^Delivery looks-health\/app {2}Synced {2}.*\n {2}ConfigMap looks-health\/a {2}Healthy Healthy {2}\d+s\n {2}Deployment looks-health\/web {2}Healthy Available {2}\d+s\n {4}ReplicaSet looks-health\/web-\S+ {2}Healthy Available {2}\d+s\n {6}Pod looks-health\/web-\S+ {2}Healthy Ready {2}\d+s\n$/,
    );
    expect(code).toBe(0);
    app.push({ 'a.yaml': configMap('a', { v: '2' }), 'web.yaml': deployment('web', { pod: { pod: 'image-pull' } }) });
    await until('both are not well', async () => {
      const { stdout: text } = await run('health', 'app', '-n', 'looks-health');
      return text.includes('ImagePullBackOff') && text.includes('two is not allowed');
    });
    const bad = await run('health', 'app', '-n', 'looks-health', '-o', 'json');
    expect(bad.code).toBe(2);
    expect(JSON.parse(bad.stdout)).toMatchObject([
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        status: 'Degraded',
        reason: 'RuleDegraded',
        message: 'ConfigMap looks-health/a: two is not allowed',
        since: expect.stringMatching(/Z$/),
        children: [],
      },
      { kind: 'Deployment', status: 'Progressing', children: [{ kind: 'ReplicaSet' }, { kind: 'ReplicaSet' }] },
    ]);
  });
});

describe('lockstep status --watch', () => {
  it('prints a Delivery whenever it changes, until it is interrupted', async () => {
    const app = await lockstep.app('looks-watch', { 'a.yaml': configMap('a', { v: '1' }) });
    await app.ready();
    const child = spawn(process.execPath, [
      bundleEntry,
      'status',
      '-n',
      'looks-watch',
      '--watch',
      '--kubeconfig',
      inject('kubeconfig'),
    ]);
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk;
    });
    await until('the first line', async () => text.includes('release 1'));
    app.push({ 'a.yaml': configMap('a', { v: '2' }) });
    await until('the second release', async () =>
      /looks-watch\/app +True +(Probation|Synced) +\S+ +Healthy +release 2/.test(text),
    );
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGINT');
    expect(await ended).toBe(0);
    expect(text.startsWith('DELIVERY')).toBe(true);
  });
});
