import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openWeb } from '../../../sync/source/artifact/web.ts';
import { addressRule, openConnections } from '../../../sync/source/connections.ts';
import { createAuthority, hasOpenssl } from '../support/certificates.ts';

/** G2 and G4 of the vectors, for servers that hand out charts and artifacts: they may send on, and a login never goes along. */

const folder = mkdtempSync(join(tmpdir(), 'lockstep-web-'));
const connections = openConnections(addressRule(['loopback']), {});
const web = openWeb(connections);
const closers: (() => void)[] = [];
afterAll(async () => {
  for (const close of closers) close();
  await connections.close();
  rmSync(folder, { recursive: true, force: true });
});

async function serve(listener: RequestListener, secured?: { cert: string; key: string }): Promise<string> {
  const server = secured === undefined ? createServer(listener) : createSecureServer(secured, listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => server.close());
  return `http${secured === undefined ? '' : 's'}://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
const sendTo =
  (where: string): RequestListener =>
  (_request, response) =>
    void response.writeHead(302, { location: where }).end();
const ask = (origin: string, ca?: string) =>
  web({
    url: `${origin}/index.yaml`,
    authorization: 'Basic C4NARY',
    credentials: ca === undefined ? undefined : { authorization: undefined, fingerprint: ca, tls: { ca } },
    maxBytes: 1_000,
  });

describe('a server that sends on', () => {
  it('to another one is followed, and the login stays behind, also on the way back', async () => {
    const seen: [string | undefined, string | undefined][] = [];
    const note = ({ url, headers }: IncomingMessage): void => void seen.push([url, headers.authorization]);
    const home = await serve((request, response) => {
      note(request);
      if (request.url === '/back') response.end('answer');
      else response.writeHead(307, { location: `${other}/there` }).end();
    });
    const other = await serve((request, response) => {
      note(request);
      response.writeHead(302, { location: `${home}/back` }).end();
    });
    expect((await ask(home)).body.toString()).toBe('answer');
    expect(seen).toEqual([
      ['/index.yaml', 'Basic C4NARY'],
      ['/there', undefined],
      ['/back', undefined],
    ]);
  });

  it.each(['http://169.254.169.254/latest/meta-data', 'http://2852039166/', 'http://[::ffff:a9fe:a9fe]/'])(
    'to %s is not followed to where nobody may be sent',
    async (where) => {
      await expect(ask(await serve(sendTo(where)))).rejects.toMatchObject({ code: 'NotAllowed' });
    },
  );

  it.each(['ftp://127.0.0.1/x', 'file:///etc/passwd', 'http://user:word@127.0.0.1/', 'http://', ''])(
    'to %j is not followed',
    async (where) => {
      const refused = ask(await serve(sendTo(where)));
      await expect(refused).rejects.toMatchObject({ code: 'SourceUnreachable' });
    },
  );

  it('for ever is left after three times', async () => {
    let asked = 0;
    const origin = await serve((request, response) => {
      asked += 1;
      sendTo('/again')(request, response);
    });
    await expect(ask(origin)).rejects.toThrow('more than 3 times');
    expect(asked).toBe(4);
  });

  it.skipIf(!hasOpenssl)('from https to http is not followed', async () => {
    const authority = createAuthority(folder);
    let reached = false;
    const plain = await serve((_request, response) => {
      reached = true;
      response.end();
    });
    const origin = await serve(sendTo(plain), authority.issue('web'));
    await expect(ask(origin, authority.ca)).rejects.toThrow('redirects to where it must not');
    expect(reached).toBe(false);
  });
});
