import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Packet, packet, readPackets } from '../../../../sync/source/packet.ts';

async function read(chunks: readonly Uint8Array[]): Promise<Packet[]> {
  const packets: Packet[] = [];
  for await (const one of readPackets(stream(chunks))) packets.push(one);
  return packets;
}

async function* stream(chunks: readonly Uint8Array[]): AsyncIterable<Uint8Array> {
  yield* chunks;
}

const told = (packets: readonly Packet[]): string[] =>
  packets.map((one) => (one.type === 'data' ? one.data.toString('latin1') : one.type));

describe('packets', () => {
  it('are lines with their length before them, and three that say something by themselves', async () => {
    const text = `${packet('a\n')}0001${packet('')}0000${packet('ü')}0002`;
    expect(told(await read([Buffer.from(text)]))).toEqual(['a\n', 'delimiter', '', 'flush', 'Ã¼', 'end']);
  });

  it('are the same however they are cut on their way', async () => {
    const body = fc.array(fc.oneof(fc.uint8Array({ maxLength: 2_000 }), fc.constant('flush' as const)), {
      maxLength: 20,
    });
    await fc.assert(
      fc.asyncProperty(body, fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1 }), async (parts, cuts) => {
        const sent = Buffer.concat(
          parts.map((part) =>
            part === 'flush'
              ? Buffer.from('0000')
              : Buffer.concat([Buffer.from((part.length + 4).toString(16).padStart(4, '0')), part]),
          ),
        );
        const chunks: Buffer[] = [];
        for (let at = 0, i = 0; at < sent.length; i += 1) {
          const length = cuts[i % cuts.length] ?? 1;
          chunks.push(sent.subarray(at, at + length));
          at += length;
        }
        const expected = parts.map((part) => (part === 'flush' ? part : Buffer.from(part).toString('latin1')));
        expect(told(await read(chunks))).toEqual(expected);
      }),
      { numRuns: 200 },
    );
  });

  it.each(['0003', 'zzzz', '-001', '0x10abcdef', 'fff5', '000', '0010short', 'HTTP/1.1 200'])(
    'are not %j',
    async (text) => {
      await expect(read([Buffer.from(text)])).rejects.toThrow(/not in packets|middle of a packet/);
    },
  );

  it('that are noise are an error, and never more', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (noise) => {
        const packets = await read([noise]).catch((error: Error) => error.message);
        if (typeof packets === 'string') expect(packets).toMatch(/not in packets|middle of a packet/);
      }),
      { numRuns: 500 },
    );
  });
});
