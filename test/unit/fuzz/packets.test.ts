import fc from 'fast-check';
import { expect, it } from 'vitest';
import { newAdvertised, protocolOf } from '../../../sync/source/advertisement.ts';
import { packet, readPackets } from '../../../sync/source/packet.ts';
import { chunksOf, type Transport } from '../../../sync/source/transport.ts';
import { requestPack } from '../../../sync/source/upload-pack.ts';
import { broken, campaign, campaignTimeout, requireUntouched } from './campaign.ts';

const oid = 'a'.repeat(40);
const url = 'https://git.example.com/shop.git';
const fetched = [
  packet('shallow-info\n'),
  packet(`shallow ${oid}\n`),
  packet(`unshallow ${oid}\n`),
  '0001',
  packet('packfile\n'),
];
const corpus = [
  [...fetched, packet('\x01PACK'), packet('\x02counting'), packet('\x01rest'), '0000'],
  [
    packet(`shallow ${oid}\n`),
    '0000',
    packet(`ACK ${oid} common\n`),
    packet(`ACK ${oid}\n`),
    packet('\x01PACK'),
    '0000',
  ],
  [packet('NAK\n'), packet('\x03out of memory'), '0000'],
  [packet(`ERR upload-pack: not our ref ${oid}`)],
  [
    packet('# service=git-upload-pack\n'),
    '0000',
    packet('version 2\n'),
    packet('ls-refs=unborn\n'),
    packet('object-format=sha256\n'),
    '0000',
  ],
  [
    packet('# service=git-upload-pack\n'),
    '0000',
    packet(`${oid} HEAD\0multi_ack side-band-64k symref=HEAD:refs/heads/main\n`),
    packet(`${oid} refs/heads/main\n`),
    '0000',
  ],
].map((parts) => Buffer.from(parts.join(''), 'latin1'));
const words = [
  '0000',
  '0001',
  '0002',
  '0003',
  '0004',
  'ffff',
  'fff0',
  '\0',
  '\x01',
  '\x02',
  '\x03',
  'ACK ',
  'NAK\n',
  'ERR ',
  'shallow ',
  oid,
  '__proto__',
  '\n',
];

function server(answer: Buffer, cut: number): Transport {
  return {
    check: () => undefined,
    request: async () => {
      const body = chunksOf(answer.subarray(0, cut), answer.subarray(cut));
      return { url, method: 'POST', statusCode: 200, statusMessage: '', headers: {}, body };
    },
  };
}

/** Whatever a server says, the answer is read or is an error that says so in words, safe to show. */
async function holds(answer: Buffer, cut: number): Promise<void> {
  const asked = { wants: [oid], haves: [oid], shallow: [], depth: 1, isThin: true };
  let bytes = 0;
  const sink = (piece: Buffer): void => {
    bytes += piece.length;
  };
  const v1 = { version: 1 as const, capabilities: 'multi_ack_detailed side-band-64k shallow' };
  const tries = [
    requestPack(server(answer, cut), url, { version: 2, canFilter: true }, asked, sink),
    requestPack(server(answer, cut), url, v1, asked, sink),
    protocolOf(server(answer, cut), url, newAdvertised()),
    (async () => {
      for await (const one of readPackets(chunksOf(answer.subarray(0, cut), answer.subarray(cut))))
        if (one.type === 'data') expect(one.data.length).toBeLessThanOrEqual(65_516);
    })(),
  ];
  for (const { reason } of (await Promise.allSettled(tries)).filter((one) => one.status === 'rejected')) {
    expect(reason).toBeInstanceOf(Error);
    expect(reason.constructor.name).not.toMatch(/TypeError|RangeError|ReferenceError|SyntaxError/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there
    expect(reason.message).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f]/);
  }
  expect(bytes).toBeLessThanOrEqual(2 * answer.length);
  requireUntouched();
}

it('what a server answers is read, or is an error in words', { timeout: campaignTimeout }, () =>
  campaign('packets', fc.tuple(broken(corpus, words), fc.nat(200)), 1_500, ([answer, cut]) => holds(answer, cut)),
);
