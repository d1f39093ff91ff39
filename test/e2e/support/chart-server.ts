import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { archiveOf } from './registry.ts';

/** A chart whose one object shows its version and its values. */
export function chart(
  name: string,
  version: string,
  more: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const shown = '{{ .Chart.Version }} {{ .Values.color }}';
  const files = {
    'Chart.yaml': `apiVersion: v2\nname: ${name}\nversion: ${version}\n`,
    'values.yaml': 'color: blue\n',
    'templates/map.yaml': `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\ndata: {shown: "${shown}"}\n`,
    ...more,
  };
  return Object.fromEntries(Object.entries(files).map(([path, text]) => [`${name}/${path}`, text]));
}

/** A repository of charts over HTTP. */
export class ChartServer {
  readonly requests: string[] = [];
  login: string | undefined;
  private readonly archives = new Map<string, Buffer>();
  private index = 'apiVersion: v1\nentries: {}\n';
  private server: Server | undefined;

  get url(): string {
    return `http://127.0.0.1:${((this.server?.address() ?? {}) as AddressInfo).port}/stable`;
  }

  async start(): Promise<void> {
    this.server = createServer((request, response) => {
      const path = (request.url ?? '').replace('/stable/', '');
      if (this.login !== undefined && request.headers.authorization !== this.login) {
        response.writeHead(401).end();
        return;
      }
      const sign = `"${createHash('sha256').update(this.index).digest('hex')}"`;
      const isSame = path === 'index.yaml' && request.headers['if-none-match'] === sign;
      const body = path === 'index.yaml' ? this.index : this.archives.get(path);
      const status = isSame ? 304 : body === undefined ? 404 : 200;
      this.requests.push(`${path} ${status}`);
      response.writeHead(status, { etag: sign }).end(isSame ? undefined : body);
    });
    await new Promise<void>((resolve) => this.server?.listen(0, '127.0.0.1', resolve));
  }

  /** Adds versions to the index. */
  async add(name: string, versions: readonly string[], options: { digest?: string | null } = {}): Promise<void> {
    const lines: string[] = [];
    for (const version of versions) {
      const archive = await archiveOf(chart(name, version));
      this.archives.set(`${name}-${version}.tgz`, archive);
      const digest = options.digest === undefined ? createHash('sha256').update(archive).digest('hex') : options.digest;
      lines.push(`  - version: ${version}`, `    name: ${name}`, '    urls:', `    - ${name}-${version}.tgz`);
      if (digest !== null) lines.push(`    digest: ${digest}`);
    }
    const rest = this.index.replace('entries: {}\n', 'entries:\n');
    this.index = rest.includes(`  ${name}:\n`)
      ? rest.replace(`  ${name}:\n`, `  ${name}:\n${lines.join('\n')}\n`)
      : `${rest}  ${name}:\n${lines.join('\n')}\n`;
  }

  close(): void {
    this.server?.closeAllConnections();
    this.server?.close();
  }
}
