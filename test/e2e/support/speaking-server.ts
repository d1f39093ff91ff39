import type { RequestListener, ServerResponse } from 'node:http';
import { packet } from '../../../sync/source/packet.ts';

/** The commit that such a server has. */
export const oid = 'a'.repeat(40);

const capabilities = [
  packet('# service=git-upload-pack\n'),
  '0000',
  packet('version 2\n'),
  packet('ls-refs\n'),
  packet('fetch=shallow filter\n'),
  '0000',
].join('');

/** A server that speaks protocol v2 up to where it means harm: in what it lists, or in the pack. */
export function speaking(
  refs: (response: ServerResponse) => void,
  pack: (response: ServerResponse) => void,
): RequestListener {
  return (request, response) => {
    if (request.method === 'GET') {
      response.writeHead(200, { 'content-type': 'application/x-git-upload-pack-advertisement' }).end(capabilities);
      return;
    }
    let asked = '';
    request.on('data', (chunk) => {
      asked += chunk;
    });
    request.on('end', () => {
      response.writeHead(200, { 'content-type': 'application/x-git-upload-pack-result' });
      (asked.includes('command=ls-refs') ? refs : pack)(response);
    });
  };
}

/** Lists the branch main, as any server does. */
export const main = (response: ServerResponse): void => void response.end(`${packet(`${oid} refs/heads/main\n`)}0000`);
