import { mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, inject, it } from 'vitest';
import { textAt, toJson } from '../../diff/json.ts';
import { call } from './support/api.ts';
import { lockstepCommand } from './support/cli.ts';
import { until } from './support/kube.ts';
import { configMap, describeOnOwnCluster, useLockstep } from './support/lockstep.ts';

const lockstep = useLockstep(['secret-values', 'secret-login', 'secret-token'], {
  credentials: 'ada:canary-login-77aa',
});
const canary = 'canary-value-4f1c9e';
const canary64 = Buffer.from(canary).toString('base64');
const encoded = (text: string): string => Buffer.from(text).toString('base64');

const secret = (value: string): string =>
  `apiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData: {password: ${value}}\n`;
const broken = `apiVersion: v1\nkind: Secret\nmetadata: {name: broken}\ndata: {password: {nested: ${canary}}}\n`;
const unreadable = `apiVersion: v1\nkind: Secret\nmetadata: {name: unreadable}\nstringData:\n  password: "${canary}\n  other: [${canary}\n`;

async function login(namespace: string, data: Record<string, string>): Promise<void> {
  await lockstep.kube.apply({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'git', namespace },
    data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, encoded(value)])),
  });
}

describeOnOwnCluster('a Secret', () => {
  it('shows its values in no log line, status, event, error or command output', async () => {
    const app = await lockstep.app(
      'secret-values',
      { 'a.yaml': secret(canary), 'b.yaml': configMap('b', { a: '1' }) },
      { source: { secretRef: { name: 'git' } } },
    );
    expect(await app.refused('CredentialsNotFound')).toContain('the Secret secret-values/git does not exist');
    await login('secret-values', { username: 'ada', password: 'wrong-password-1' });
    await app.refused('SourceUnauthorized', 30_000);
    await login('secret-values', { username: 'ada', password: 'canary-login-77aa' });
    await app.ready(30_000);
    expect(textAt(await app.get('v1', 'Secret', 'db'), 'data', 'password')).toBe(canary64);

    await lockstep.kube.edit(app.ref('v1', 'Secret', 'db'), { data: { password: encoded('canary-drift-5512') } });
    await until(
      'it is healed',
      async () => textAt(await app.get('v1', 'Secret', 'db'), 'data', 'password') === canary64,
    );
    app.push({ 'a.yaml': secret(`${canary}-2`) }, 'log in by canary-login-77aa');
    await app.ready();
    app.push({ 'a.yaml': broken });
    expect(await app.refused('ApplyRefused')).toContain('its text is left out');
    app.push({ 'a.yaml': unreadable });
    expect(await app.refused('InvalidManifests')).toMatch(/a\.yaml:\d+: /);
    // L1 of the vectors: what a link leads to is no more seen than what a Secret holds.
    symlinkSync('/etc/passwd', join(app.repository.workTree, 'link.yaml'));
    app.push({ 'a.yaml': secret(canary) });
    await until('the link is refused', async () =>
      (await app.refused('InvalidManifests')).includes('link.yaml: is a symbolic link'),
    );

    const folder = mkdtempSync(join(tmpdir(), 'lockstep-secret-'));
    writeFileSync(
      join(folder, 'a.yaml'),
      `${secret(canary)}---\n${secret(canary).replace('stringData', 'data').replace(canary, canary64).replace('name: db', 'name: other')}`,
    );
    writeFileSync(join(folder, 'b.yaml'), unreadable);
    const command = (...args: string[]): string => {
      const { stdout, stderr } = lockstepCommand(args);
      return stdout + stderr;
    };
    const told = await Promise.all(
      ['', '/resources', '/diff', '/history', '/history/2'].map((path) =>
        call(`${lockstep.agent.api}/api/v1/deliveries/secret-values/app${path}`),
      ),
    );
    expect(told.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(told[4]?.body.subject).toBe('log in by ***');
    const outputs = [
      ...told.map(({ body }) => toJson(body)),
      lockstep.agent.output(),
      toJson(await app.status()),
      toJson(await app.events()),
      command('render', folder),
      command('render', folder, '-o', 'json'),
      command('health', '-f', join(folder, 'a.yaml')),
      command('health', '-f', join(folder, 'b.yaml')),
      command('status', '-n', 'secret-values', '-o', 'json', '--kubeconfig', inject('kubeconfig')),
    ];
    expect(outputs.every((output) => output.length > 10)).toBe(true);
    for (const output of outputs) {
      for (const value of [
        canary,
        canary64,
        'canary-login-77aa',
        encoded('ada:canary-login-77aa'),
        'wrong-password-1',
        'root:x:',
        'canary-drift-5512',
        encoded('canary-drift-5512'),
      ]) {
        expect(output).not.toContain(value);
      }
    }
  });

  it('is read as the service account of the Delivery, not as the agent', async () => {
    const since = Date.now();
    const app = await lockstep.app(
      'secret-login',
      { 'a.yaml': configMap('a', { a: '1' }) },
      { source: { secretRef: { name: 'git' } } },
    );
    await login('secret-login', { password: 'canary-login-77aa', username: 'ada' });
    await app.ready(30_000);
    const reads = app
      .requests(since)
      .filter((entry) => entry.resource === 'secrets' && entry.namespace === 'secret-login');
    expect(reads.length).toBeGreaterThan(0);
    expect(reads.every((entry) => entry.impersonated === 'system:serviceaccount:secret-login:lockstep')).toBe(true);
  });

  it('may hold a token in place of a user and a password', async () => {
    const app = await lockstep.app(
      'secret-token',
      { 'a.yaml': configMap('a', { a: '1' }) },
      { source: { secretRef: { name: 'git' } } },
    );
    await login('secret-token', { bearerToken: 'wrong-token-2' });
    await app.refused('SourceUnauthorized', 30_000);
    await login('secret-token', { bearerToken: 'canary-login-77aa' });
    await app.ready(30_000);
    expect(lockstep.agent.output()).not.toContain('wrong-token-2');
    expect(toJson(await app.status())).not.toContain('canary-login-77aa');
  });
});
