import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A repository that tests push to, served over HTTP. */
export interface Repository {
  readonly url: string;
  /** The folder of the work tree, for whoever wants to use git by hand. */
  readonly workTree: string;
  /** Writes and removes files, commits, pushes; answers the commit's id. A file that is null is removed. */
  commit(files: Readonly<Record<string, string | null>>, message?: string): string;
  /** Runs git in the work tree. */
  git(...args: string[]): string;
}

/** What may go wrong with the server, for tests of faults. */
export type Fault = 'none' | 'silent' | 'broken' | 'refusing';

/** Git over HTTP by the machine's own `git http-backend`. */
export interface GitServer {
  readonly root: string;
  /** How the server behaves from now on. */
  fault: Fault;
  /** Repositories whose requests are never answered. */
  readonly silenced: Set<string>;
  /** How many requests came, for each repository name. */
  readonly requests: Map<string, number>;
  /** How many bytes were answered, for each repository name. */
  readonly sent: Map<string, number>;
  repository(name: string): Repository;
  close(): Promise<void>;
}

/** What a Git server asks for. */
export interface GitServerOptions {
  /** `user:password` that every request must carry when set, or the password as a bearer token. */
  readonly credentials?: string | undefined;
  /** Its certificate, for https; with a `ca`, whoever asks must have one too. In PEM. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca?: string };
  /** It has never heard of protocol v2. */
  readonly isOld?: boolean;
}

export async function startGitServer({ credentials, tls, isOld = false }: GitServerOptions = {}): Promise<GitServer> {
  const root = mkdtempSync(join(tmpdir(), 'lockstep-git-'));
  const requests = new Map<string, number>();
  const sent = new Map<string, number>();
  const silenced = new Set<string>();
  const state: { fault: Fault } = { fault: 'none' };
  const listener: RequestListener = (request, response) => {
    if (isOld) delete request.headers['git-protocol'];
    const name = (request.url ?? '').split('/')[1] ?? '';
    requests.set(name, (requests.get(name) ?? 0) + 1);
    if (state.fault === 'silent' || silenced.has(name)) return;
    if (state.fault === 'broken') return void response.writeHead(500).end('broken');
    if (state.fault === 'refusing') return void request.socket.destroy();
    if (credentials !== undefined && !isAllowed(credentials, request.headers.authorization)) {
      return void response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end();
    }
    backend(root, request, response, (bytes) => sent.set(name, (sent.get(name) ?? 0) + bytes));
  };
  const server =
    tls === undefined
      ? createServer(listener)
      : createSecureServer({ ...tls, requestCert: tls.ca !== undefined, rejectUnauthorized: true }, listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    root,
    silenced,
    requests,
    sent,
    get fault() {
      return state.fault;
    },
    set fault(fault: Fault) {
      state.fault = fault;
    },
    repository: (name) =>
      createRepository(root, name, `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}/${name}`),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(root, { recursive: true, force: true });
    },
  };
}

function isAllowed(credentials: string, authorization: string | undefined): boolean {
  const basic = `Basic ${Buffer.from(credentials).toString('base64')}`;
  const bearer = `Bearer ${credentials.slice(credentials.indexOf(':') + 1)}`;
  return authorization === basic || authorization === bearer;
}

function backend(
  root: string,
  request: IncomingMessage,
  response: ServerResponse,
  count: (bytes: number) => void,
): void {
  const [path = '', query = ''] = (request.url ?? '').split('?');
  const child = spawn('git', ['http-backend'], {
    env: {
      PATH: process.env['PATH'],
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
      PATH_INFO: path,
      QUERY_STRING: query,
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      HTTP_CONTENT_ENCODING: String(request.headers['content-encoding'] ?? ''),
      REMOTE_USER: 'test',
      REMOTE_ADDR: '127.0.0.1',
    },
  });
  request.pipe(child.stdin);
  child.stdin.on('error', () => undefined);
  let head = Buffer.alloc(0);
  let started = false;
  child.stdout.on('data', (chunk: Buffer) => {
    count(chunk.length);
    if (started) return void response.write(chunk);
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) return;
    started = true;
    const headers = head
      .subarray(0, end)
      .toString()
      .split('\r\n')
      .map((line) => line.split(/: (.*)/s));
    const status = Number(headers.find(([name]) => name === 'Status')?.[1]?.slice(0, 3) ?? 200);
    response.writeHead(
      status,
      Object.fromEntries(headers.filter(([name]) => name !== 'Status').map(([name = '', value = '']) => [name, value])),
    );
    response.write(head.subarray(end + 4));
  });
  child.on('close', () => response.end());
}

function createRepository(root: string, name: string, url: string): Repository {
  const bare = join(root, name);
  const workTree = join(root, 'work', name);
  mkdirSync(workTree, { recursive: true });
  const environment = {
    PATH: process.env['PATH'],
    HOME: root,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_AUTHOR_NAME: 'Ada',
    GIT_AUTHOR_EMAIL: 'ada@example.com',
    GIT_COMMITTER_NAME: 'Ada',
    GIT_COMMITTER_EMAIL: 'ada@example.com',
  };
  const run = (cwd: string, args: readonly string[]): string =>
    execFileSync('git', [...args], {
      cwd,
      env: environment,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    }).trim();
  run(root, ['init', '--quiet', '--bare', '--initial-branch=main', bare]);
  run(bare, ['config', 'receive.denyDeleteCurrent', 'ignore']);
  // As the usual hosts do; it takes a question of protocol v2 to make use of it.
  run(bare, ['config', 'uploadpack.allowFilter', 'true']);
  run(workTree, ['init', '--quiet', '--initial-branch=main']);
  run(workTree, ['remote', 'add', 'origin', bare]);
  return {
    url,
    workTree,
    git: (...args) => run(workTree, args),
    commit: (files, message = 'change') => {
      for (const [path, content] of Object.entries(files)) {
        const full = join(workTree, path);
        if (content === null) rmSync(full, { recursive: true, force: true });
        else {
          mkdirSync(dirname(full), { recursive: true });
          writeFileSync(full, content);
        }
      }
      run(workTree, ['add', '--all']);
      run(workTree, ['commit', '--quiet', '--allow-empty', '-m', message]);
      run(workTree, ['push', '--quiet', '--force', 'origin', 'HEAD:main']);
      return run(workTree, ['rev-parse', 'HEAD']);
    },
  };
}

/** Adds a repository of a server to another one of it, as `git submodule add` does, named by a URL relative to that. */
export function addSubmodule({ root }: GitServer, parent: Repository, name: string, path: string): void {
  const place = join(root, name);
  parent.git('-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', place, path);
  parent.git('config', '-f', '.gitmodules', `submodule.${path}.url`, `../${name}`);
}

/** Goes on to the newest commit of a submodule; the next commit names it. */
export function moveSubmodule(parent: Repository, path: string): void {
  parent.git('-C', path, 'pull', '--quiet', 'origin', 'main');
}
