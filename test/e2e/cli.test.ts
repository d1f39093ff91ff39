import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import { lockstepCommand as run } from './support/cli.ts';
import { configMap, deployment, useLockstep } from './support/lockstep.ts';

const lockstep = useLockstep(['cli-status', 'cli-broken']);
const folder = mkdtempSync(join(tmpdir(), 'lockstep-cli-'));

describe('lockstep', () => {
  it('status shows Deliveries, with exit code 0 when all is well and 2 when not', async () => {
    const good = await lockstep.app('cli-status', { 'a.yaml': configMap('a', { a: '1' }) });
    await good.ready();
    const connection = ['--kubeconfig', inject('kubeconfig')];
    const text = run(['status', '-n', 'cli-status', ...connection]);
    expect(text.stderr).toBe('');
    expect(text.stdout).toMatch(
      /^DELIVERY +READY +STATE +REVISION +HEALTH +MESSAGE\ncli-status\/app +True +Synced +[0-9a-f]{12} +Healthy +release 1: /,
    );
    expect(text.code).toBe(0);
    const json = run(['status', 'app', '-n', 'cli-status', '-o', 'json', ...connection]);
    expect(JSON.parse(json.stdout)).toMatchObject([{ kind: 'Delivery', status: { state: 'Synced' } }]);
    const bad = await lockstep.app('cli-broken', { 'a.yaml': 'a: [' });
    await bad.refused('InvalidManifests');
    expect(run(['status', '-n', 'cli-broken', ...connection]).code).toBe(2);
    expect(run(['status', 'none', '-n', 'cli-broken', ...connection])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('"none" not found'),
    });
  });

  it('render prints what would be sent, and every problem', () => {
    writeFileSync(
      join(folder, 'a.yaml'),
      `${configMap('a', { on: 'yes' })}---\napiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: hunter2-hunter2}\n`,
    );
    const good = run(['render', folder, '-n', 'shop']);
    expect(good).toMatchObject({ code: 0, stderr: '' });
    expect(good.stdout).toContain('namespace: shop');
    expect(good.stdout).not.toContain('hunter2');
    const lines = run(['render', folder, '-o', 'json'])
      .stdout.trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map((object) => object.kind)).toEqual(['ConfigMap', 'Secret']);
    writeFileSync(join(folder, 'b.yaml'), 'kind: X\n---\na: 1\na: 2\n');
    expect(run(['render', folder])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('b.yaml:4: duplicated mapping key'),
    });
  });

  it('health prints one JSON line for each object, in order', () => {
    const input = `${configMap('a', { a: '1' })}---\n${deployment('web')}`;
    const result = run(['health', '-f', '-'], input);
    expect(result.code).toBe(2);
    expect(
      result.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toMatchObject([
      { apiVersion: 'v1', kind: 'ConfigMap', name: 'a', status: 'Healthy' },
      {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        name: 'web',
        status: 'Progressing',
        reason: 'NotObserved',
        message: 'Deployment web: its controller has not seen it yet',
      },
    ]);
    expect(run(['health', '-f', '-'], configMap('a', { a: '1' })).code).toBe(0);
    expect(run(['health'])).toMatchObject({ code: 1, stderr: expect.stringContaining('-f FILE is needed') });
    // A suspended one is as it was asked to be; the worst of all decides.
    const cron = 'apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: c}\nspec: {suspend: true}\n';
    expect(run(['health', '-f', '-'], cron)).toMatchObject({ code: 0, stdout: expect.stringContaining('Suspended') });
    expect(run(['health', '-f', '-'], `${configMap('a', { a: '1' })}---\n${deployment('web')}`).code).toBe(2);
    expect(run(['health', '-f', '-'], 'a: [')).toMatchObject({ code: 1, stdout: '' });
  });

  it('health tries rules of people, without any cluster, and says what is wrong with them', () => {
    const rules = join(mkdtempSync(join(tmpdir(), 'lockstep-rules-')), 'rules.yaml');
    const input = configMap('a', { size: '3' });
    const health = (text: string) => {
      writeFileSync(rules, text);
      return run(['health', '-f', '-', '--rules', rules], input);
    };
    const rule = (more: string): string => `- kind: ConfigMap\n${more.replaceAll(/^/gm, '  ')}\n`;
    expect(health(rule('degraded: int(self.data.size) > 2\nmessage: "\'too \' + self.data.size"'))).toMatchObject({
      code: 2,
      stdout: expect.stringContaining('"status":"Degraded","reason":"RuleDegraded","message":"ConfigMap a: too 3"'),
    });
    expect(health(rule('healthy: self.data.size == "3"')).code).toBe(0);
    expect(health(rule('healthy: self.data.size =='))).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/rules\.yaml\[0\]\.healthy: found = .* at line 1, column 16/),
    });
    expect(health(rule('wealthy: "true"'))).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('rules.yaml[0]: there is no field wealthy'),
    });
    expect(health(rule('message: "1"'))).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('it asks for none of progressing, degraded, healthy'),
    });
    expect(run(['health', 'app', '--rules', rules])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('--rules goes with -f'),
    });
  });

  it('says how it is used', () => {
    expect(run(['help'])).toMatchObject({ code: 0, stdout: expect.stringContaining('usage: lockstep COMMAND') });
    expect(run([])).toMatchObject({ code: 1 });
    expect(run(['dance'])).toMatchObject({ code: 1, stderr: expect.stringContaining('unknown command "dance"') });
    expect(run(['agent', '--help']).stdout).toContain('--watch-namespaces');
    expect(run(['agent', '--workers', 'many'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('--workers must be a whole number'),
    });
  });

  it.each([
    ['rollback', 'usage: lockstep rollback NAME [REVISION|RELEASE]'],
    ['history', 'lockstep history show NAME'],
    ['status', 'lockstep status -A'],
    ['wait', 'lockstep wait shop -n shop --revision'],
    ['plan', 'usage: lockstep plan NAME [--path FOLDER]'],
    ['diff', 'usage: lockstep diff NAME [--server URL]'],
    ['tree', 'usage: lockstep tree NAME'],
    ['health', 'lockstep health -f FILE|- [--rules FILE]'],
  ])('tells more of %s', (command, expected) => {
    expect(run([command, '--help'])).toMatchObject({ code: 0, stdout: expect.stringContaining(expected) });
    expect(run([command, 'x', '-h']).code).toBe(0);
  });

  it.each([
    [['status', 'a', 'b'], '"b" is one word too many; expected [NAME]'],
    [['status', 'a', '-A'], 'NAME and -A exclude each other'],
    [['status', '-o', 'yaml'], '-o takes text or json, not yaml'],
    [['sync'], 'NAME is needed'],
    [['suspend', 'app', 'now'], '"now" is one word too many'],
    [['rollback', 'app', 'v1 to=2'], '"v1 to=2" names no release'],
    [['retry', 'app', '--force'], "Unknown option '--force'"],
    [['logs', 'app', '--tail', 'all'], '--tail takes a number of lines'],
    [['render', '.', '-o', 'xml'], '-o takes yaml or json, not xml'],
    [['history', 'show'], 'NAME is needed'],
    [['wait', 'app', '--timeout', 'soon'], '--timeout takes a time such as 90s or 10m'],
    [['wait', 'app', '--revision', 'main'], '--revision takes seven or more characters of a commit'],
    [['tree'], 'NAME is needed'],
  ])('refuses what it does not understand: %j', (args, expected) => {
    expect(run(args)).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining(expected) });
  });
});
