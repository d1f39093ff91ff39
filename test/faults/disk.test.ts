import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { objectsAt, textAt } from '../../diff/json.ts';
import { until } from '../e2e/support/kube.ts';
import { type App, configMap, useLockstep } from '../e2e/support/lockstep.ts';

/** A disk of 1 MB of the agent's own; only root may mount one. */
const disk = mkdtempSync(join(tmpdir(), 'lockstep-disk-'));
const isMounted = mount(['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk]);
// Hooks of the end run in reverse: the disk goes after the agent.
afterAll(() => {
  if (isMounted) execFileSync('umount', ['--lazy', disk]);
  rmSync(disk, { recursive: true, force: true });
});

function mount(args: readonly string[]): boolean {
  try {
    execFileSync('mount', args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const lockstep = useLockstep(['disk-full', 'disk-beside'], { flags: ['--data-dir', disk] });

/** What no compression makes smaller. */
const noise = (bytes: number): string => `# ${randomBytes(bytes / 2).toString('hex')}\n`;

async function data(app: App): Promise<string | undefined> {
  return textAt(await app.get('v1', 'ConfigMap', 'a'), 'data', 'color');
}

describe.skipIf(!isMounted || inject('auditLog') === '')('an agent whose disk', () => {
  let app: App;
  let beside: App;

  beforeAll(async () => {
    app = await lockstep.app('disk-full', { 'a.yaml': configMap('a', { color: 'blue' }) });
    beside = await lockstep.app('disk-beside', { 'a.yaml': configMap('a', { color: 'blue' }) });
    await app.ready();
    await beside.ready();
  });

  it('is full says so, keeps what is live, and goes on by itself once there is room', async () => {
    const since = Date.now();
    app.push({ 'a.yaml': configMap('a', { color: 'red' }), 'large.yaml': noise(4_000_000) });
    const message = await app.refused('StorageFailed', 30_000);
    expect(message).toContain('ENOSPC');
    expect(app.writes(since)).toEqual([]);
    beside.push({ 'a.yaml': configMap('a', { color: 'green' }) });
    await beside.ready(30_000);
    expect(await data(beside)).toBe('green');
    // Drift of what is live is healed meanwhile: that needs no disk.
    await lockstep.kube.edit(app.ref('v1', 'ConfigMap', 'a'), { data: { color: 'hand' } });
    await until('drift is healed', async () => (await data(app)) === 'blue');
    mount(['-o', 'remount,size=64m', disk]);
    await app.ready(60_000);
    expect(await data(app)).toBe('red');
  });

  it('can only be read says so, and goes on once it can be written', async () => {
    mount(['-o', 'remount,ro', disk]);
    app.push({ 'a.yaml': configMap('a', { color: 'yellow' }), 'large.yaml': noise(4_000_000) });
    expect(await app.refused('StorageFailed', 30_000)).toContain('EROFS');
    expect(await data(app)).toBe('red');
    mount(['-o', 'remount,rw', disk]);
    await app.ready(60_000);
    expect(await data(app)).toBe('yellow');
  });

  it('is full when it is killed is not misled by what it left half', async () => {
    const { blocks, bfree, bsize } = statfsSync(disk);
    mount(['-o', `remount,size=${(blocks - bfree) * bsize + 1_000_000}`, disk]);
    app.push({ 'a.yaml': configMap('a', { color: 'white' }), 'large.yaml': noise(4_000_000) });
    await app.refused('StorageFailed', 30_000);
    await lockstep.restart('SIGKILL', () => {
      mount(['-o', 'remount,size=64m', disk]);
      return Promise.resolve();
    });
    await app.ready(60_000);
    expect(await data(app)).toBe('white');
    expect(objectsAt(await app.status(), 'status', 'history')[0]).toMatchObject({ verdict: 'Good' });
  });

  it('is well, but whose table of files is full, says so, and goes on once there is room', async () => {
    const { pid } = lockstep.agent;
    const limits = (...args: string[]): string => `${execFileSync('prlimit', ['--pid', `${pid}`, ...args])}`.trim();
    const color = await data(app);
    const before = limits('--nofile', '--output', 'SOFT', '--noheadings');
    limits('--nofile=10:');
    // A small push needs no file, and no new connection.
    beside.push({ 'a.yaml': configMap('a', { color: 'black' }) });
    await beside.ready();
    app.push({ 'a.yaml': configMap('a', { color: 'black' }), 'large.yaml': noise(4_000_000) });
    expect(await app.refused('StorageFailed', 60_000)).toContain('EMFILE');
    expect(await data(app)).toBe(color);
    limits(`--nofile=${before}:`);
    await app.ready(90_000);
    expect(await data(app)).toBe('black');
  });
});
