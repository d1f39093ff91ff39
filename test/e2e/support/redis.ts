import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { until } from './kube.ts';
import { ended, freePort } from './process.ts';

/** A real redis-server on loopback. */
export interface RedisServer {
  readonly url: string;
  /** Asks it for something, as redis-cli would. */
  command(name: string, ...args: string[]): Promise<unknown>;
  /** Kills it as the kernel would. */
  kill(): Promise<void>;
  /** Starts it again, empty, on the same port. */
  start(): Promise<void>;
  close(): Promise<void>;
}

/** Whether the machine has a redis-server: tests that need one are skipped, by name, where it has not. */
export const hasRedis = spawnSync('redis-server', ['--version']).status === 0;

const password = 'redis-password-7f3a';

export async function startRedis(): Promise<RedisServer> {
  const dir = mkdtempSync(join(tmpdir(), 'lockstep-redis-'));
  const port = await freePort();
  const url = `redis://:${password}@127.0.0.1:${port}/0`;
  let child: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    const flags = ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--save', '', '--appendonly', 'no'];
    child = spawn('redis-server', [...flags, '--requirepass', password, '--maxmemory-policy', 'noeviction'], {
      stdio: 'ignore',
    });
    await until('Redis answers', async () => (await command('PING').catch(() => undefined)) === 'PONG');
  };
  const command = async (name: string, ...args: string[]): Promise<unknown> => {
    const client = new Redis(url, { maxRetriesPerRequest: 0, retryStrategy: () => null, lazyConnect: true });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return await client.call(name, ...args);
    } finally {
      client.disconnect();
    }
  };
  const kill = async (): Promise<void> => {
    if (child !== undefined) await ended(child, 'SIGKILL');
  };
  await start();
  return {
    url,
    command,
    kill,
    start,
    close: async () => {
      await kill();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
