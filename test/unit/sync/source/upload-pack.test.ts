import { describe, expect, it } from 'vitest';
import { packet } from '../../../../sync/source/packet.ts';
import { chunksOf, collect, type Transport } from '../../../../sync/source/transport.ts';
import { NotOurs, type Protocol, requestPack } from '../../../../sync/source/upload-pack.ts';

const [want, have] = ['a'.repeat(40), 'b'.repeat(40)];
const url = 'https://git.example.com/shop.git/';
const asked = { wants: [want], haves: [have], shallow: [have], depth: 1, isThin: true };
const v1: Protocol = { version: 1, capabilities: 'multi_ack multi_ack_detailed side-band-64k thin-pack shallow x' };

/** A server that answers this. */
function server(answer: string, statusCode = 200) {
  const said: string[] = [];
  const http: Transport = {
    check: () => undefined,
    request: async (request) => {
      said.push(`${request.method} ${request.url} ${request.headers?.['git-protocol'] ?? ''}`);
      said.push((await collect(request.body ?? [])).toString());
      const body = chunksOf(Buffer.from(answer, 'latin1'));
      return { url, method: 'POST', statusCode, statusMessage: '', headers: {}, body };
    },
  };
  return { said, http };
}

async function fetched(answer: string, protocol: Protocol, statusCode = 200) {
  const { said, http } = server(answer, statusCode);
  let pack = '';
  const told = await requestPack(http, url, protocol, asked, (piece) => {
    pack += piece.toString('latin1');
  });
  return { said, pack, ...told };
}

describe('a pack is asked for', () => {
  it('by protocol v2 in one request', async () => {
    const answer = [
      packet('shallow-info\n'),
      packet(`shallow ${want}\n`),
      packet(`unshallow ${have}\n`),
      '0001',
      packet('packfile\n'),
      packet('\x01PACK'),
      packet('\x02counting'),
      packet('\x01rest'),
      '0000',
    ].join('');
    const { said, ...told } = await fetched(answer, { version: 2, canFilter: false });
    expect(told).toEqual({ pack: 'PACKrest', shallow: [want], unshallow: [have] });
    expect(said[0]).toBe('POST https://git.example.com/shop.git/git-upload-pack version=2');
    expect(said[1]).toBe(
      [
        packet('command=fetch\n'),
        packet('agent=git/lockstep\n'),
        packet('object-format=sha1\n'),
        '0001',
        packet('ofs-delta\n'),
        packet('no-progress\n'),
        packet('thin-pack\n'),
        packet(`shallow ${have}\n`),
        packet('deepen 1\n'),
        packet(`want ${want}\n`),
        packet(`have ${have}\n`),
        packet('done\n'),
        '0000',
      ].join(''),
    );
  });

  it('by the older protocol too, as far as the server can do it', async () => {
    const answer = [
      packet(`shallow ${want}\n`),
      '0000',
      packet(`ACK ${have} common\n`),
      packet(`ACK ${have}\n`),
      packet('\x01PACK'),
      '0000',
    ].join('');
    const { said, ...told } = await fetched(answer, v1);
    expect(told).toEqual({ pack: 'PACK', shallow: [want], unshallow: [] });
    expect(said[1]).toBe(
      [
        packet(`want ${want} multi_ack_detailed side-band-64k shallow thin-pack agent=git/lockstep\n`),
        packet(`shallow ${have}\n`),
        packet('deepen 1\n'),
        '0000',
        packet(`have ${have}\n`),
        packet('done\n'),
      ].join(''),
    );
  });

  it.each([
    ['that it is not theirs', packet(`ERR upload-pack: not our ref ${want}`), NotOurs],
    ['that on the side', `${packet('packfile\n')}${packet(`\x03fatal: not our ref ${want}`)}`, NotOurs],
    ['something else', `${packet('packfile\n')}${packet('\x03out of \x1b[31mmemory')}`, /^out of {2}\[31mmemory$/],
    ['no packets', '<html>', /not in packets/],
    ['half of a packet', '00ff', /middle of a packet/],
  ])('and a server says %s', async (_what, answer, problem) => {
    await expect(fetched(answer, { version: 2, canFilter: false })).rejects.toThrow(problem);
  });

  it('and the code of the answer counts', async () => {
    await expect(fetched('', { version: 2, canFilter: false }, 403)).rejects.toMatchObject({ status: 403 });
  });
});
