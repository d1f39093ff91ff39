import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './kube.ts';
import { ended, freePort } from './process.ts';

/** A real Prometheus that scrapes one exporter each half a second. */
export interface PrometheusServer {
  readonly url: string;
  /** What the exporter says from now on: values by the names of metrics. */
  export(metrics: Readonly<Record<string, number>>): void;
  /** Ends it, as a node that fails does. */
  kill(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

/** Whether the machine has a Prometheus: tests that need one are skipped, by name, where it has not. */
export const hasPrometheus = spawnSync('prometheus', ['--version']).status === 0;

export async function startPrometheus(): Promise<PrometheusServer> {
  const dir = mkdtempSync(join(tmpdir(), 'lockstep-prometheus-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  let metrics: Readonly<Record<string, number>> = {};
  const exporter = await startExporter(() => metrics);
  const config = join(dir, 'prometheus.yml');
  writeFileSync(config, configFor(exporter));
  let child: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    const flags = [`--config.file=${config}`, `--storage.tsdb.path=${dir}/data`];
    child = spawn('prometheus', [...flags, `--web.listen-address=127.0.0.1:${port}`], { stdio: 'ignore' });
    await until('Prometheus is ready', async () => (await fetch(`${url}/-/ready`).catch(() => undefined))?.ok);
  };
  const kill = async (): Promise<void> => {
    if (child !== undefined) await ended(child, 'SIGKILL');
  };
  await start();
  return {
    url,
    export: (values) => {
      metrics = values;
    },
    kill,
    start,
    close: async () => {
      await kill();
      exporter.closeAllConnections();
      exporter.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function configFor(exporter: Server): string {
  const target = `127.0.0.1:${(exporter.address() as AddressInfo).port}`;
  return JSON.stringify({
    global: { scrape_interval: '500ms', scrape_timeout: '400ms' },
    scrape_configs: [{ job_name: 'shop', static_configs: [{ targets: [target] }] }],
  });
}

async function startExporter(metrics: () => Readonly<Record<string, number>>): Promise<Server> {
  const server = createServer((_request, response) => {
    const lines = Object.entries(metrics()).map(([name, value]) => `${name} ${value}\n`);
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' });
    response.end(lines.join(''));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
