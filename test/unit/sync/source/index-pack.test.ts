import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, mkdirSync, mkdtempSync, openSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findObject, indexPack } from '../../../../sync/source/index-pack.ts';
import { newReadCache, type ObjectReader, packInMemory, packOnDisk, readerOf } from '../../../../sync/source/pack.ts';
import type { GitObject } from '../../../../sync/source/pack-format.ts';
import { readStoredIndex, storeIndex } from '../../../../sync/source/stored-index.ts';

const folder = mkdtempSync(join(tmpdir(), 'lockstep-pack-'));
const alone = { known: () => undefined, pause: async () => undefined };
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const git = (...args: string[]): Buffer =>
  execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', ...args], {
    cwd: folder,
    env: { PATH: process.env['PATH'], HOME: folder, GIT_CONFIG_NOSYSTEM: '1' },
    maxBuffer: 1e8,
  });

/** A repository whose pack has deltas over deltas, by offset or by id. */
let pack: Buffer;
let byId: Buffer;
let objects: string[];
beforeAll(() => {
  git('init', '--quiet');
  mkdirSync(join(folder, 'deep', 'er'), { recursive: true });
  const lines = Array.from({ length: 400 }, (_, i) => `line ${i} ${createHash('sha1').update(`${i}`).digest('hex')}`);
  for (let version = 0; version < 12; version += 1) {
    lines[version * 7] = `version ${version}`;
    writeFileSync(join(folder, 'deep', 'er', 'large.txt'), lines.join('\n'));
    writeFileSync(join(folder, `f${version}`), `${version}`);
    git('add', '--all');
    git('commit', '--quiet', '-m', `version ${version}`);
  }
  git('tag', '-a', 'v1', '-m', 'a tag');
  objects = git('cat-file', '--batch-all-objects', '--batch-check=%(objectname)').toString().trim().split('\n');
  const list = { input: `${objects.join('\n')}\n`, cwd: folder, maxBuffer: 1e8 };
  const make = (...flags: string[]) => execFileSync('git', ['pack-objects', '--stdout', '--quiet', ...flags], list);
  pack = make('--delta-base-offset');
  byId = make();
});

function expectAll(reader: ObjectReader): void {
  for (const oid of objects) {
    const { type, data } = reader.read(oid);
    expect(createHash('sha1').update(`${type} ${data.length}\0`).update(data).digest('hex')).toBe(oid);
  }
}

describe('a pack', () => {
  it.each(['by offset', 'by id'])('is indexed, and all of its objects are read, deltas %s', async (how) => {
    const data = how === 'by id' ? byId : pack;
    const index = await indexPack(data, alone);
    expect(index.offsets.length).toBe(objects.length);
    expectAll(readerOf([packInMemory(data, index)], newReadCache()));
    expect(findObject(index, Buffer.alloc(20))).toBeUndefined();
  });

  it('is read from disk as from memory, and its index from what was stored', async () => {
    const file = join(folder, 'x.pack');
    writeFileSync(file, pack);
    const onDisk = packOnDisk(file, pack.length, readStoredIndex(storeIndex(await indexPack(pack, alone))));
    expectAll(readerOf([onDisk], newReadCache()));
    onDisk.close();
    expect(readdirSync(folder)).not.toContain('x.pack');
    // The number of its file may be another one's by now: it is neither read nor closed again.
    const other = openSync(join(folder, 'f0'), 'r');
    onDisk.close();
    expect(() => onDisk.slice(0, 1)).toThrow('not here any more');
    expect(fstatSync(other).isFile()).toBe(true);
    closeSync(other);
  });

  it('may hold only what differs from objects that are here', async () => {
    const [tip = '', before = ''] = git('rev-list', '-2', 'HEAD').toString().trim().split('\n');
    const thin = execFileSync('git', ['pack-objects', '--stdout', '--thin', '--revs', '--quiet'], {
      cwd: folder,
      input: `${tip}\n^${before}\n`,
    });
    const first = packInMemory(pack, await indexPack(pack, alone));
    const reader = readerOf([first], newReadCache());
    const known = (oid: string): GitObject | undefined => (reader.has(oid) ? reader.read(oid) : undefined);
    await expect(indexPack(thin, alone)).rejects.toThrow('has no base');
    const index = await indexPack(thin, { ...alone, known });
    const both = readerOf([first, packInMemory(thin, index)], newReadCache());
    expect(both.read(tip).type).toBe('commit');
    expectAll(both);
  });

  it('pauses while it is long', async () => {
    let pauses = 0;
    const many = Array.from({ length: 3_000 }, (_, i) => entry(3, Buffer.from(`blob ${i}`)));
    const pause = async (): Promise<void> => {
      pauses += 1;
    };
    await indexPack(packOf(many), { ...alone, pause });
    expect(pauses).toBeGreaterThan(0);
  });
});

/** An entry of a pack: its type, its size, and its content. */
function entry(type: number, content: Buffer, claimed = content.length, between = Buffer.alloc(0)): Buffer {
  const head: number[] = [];
  let rest = Math.floor(claimed / 16);
  head.push((type << 4) | (claimed & 15) | (rest > 0 ? 0x80 : 0));
  while (rest > 0) {
    head.push((rest & 0x7f) | (rest > 127 ? 0x80 : 0));
    rest = Math.floor(rest / 128);
  }
  return Buffer.concat([Buffer.from(head), between, deflateSync(content)]);
}

function packOf(entries: readonly Buffer[], claimed = entries.length): Buffer {
  const head = Buffer.alloc(12);
  head.write('PACK');
  head.writeUInt32BE(2, 4);
  head.writeUInt32BE(claimed, 8);
  return summed(Buffer.concat([head, ...entries]));
}

const summed = (body: Buffer): Buffer => Buffer.concat([body, createHash('sha1').update(body).digest()]);

/** A delta: sizes of base and result, and what to do. */
const delta = (base: number[], result: number[], ...ops: number[]): Buffer => Buffer.from([...base, ...result, ...ops]);
const huge = [0x80, 0x80, 0x80, 0x80, 0x10];

describe('a pack that means harm', () => {
  const base = entry(3, Buffer.from('base'));
  const over = (content: Buffer, distance = base.length): Buffer =>
    entry(6, content, content.length, Buffer.from([distance]));

  it.each<[string, () => Buffer, RegExp]>([
    ['nothing', () => Buffer.alloc(0), /no pack/],
    ['half of itself', () => pack.subarray(0, pack.length / 2), /checksum/],
    ['another checksum', () => Buffer.concat([pack.subarray(0, -1), Buffer.from([0])]), /checksum|more than/],
    ['no objects of those it promises', () => packOf([], 5), /too early|too many/],
    ['four billion objects', () => packOf([base], 0xffffffff), /too many/],
    ['more than it says', () => packOf([base, base], 1), /more than it says/],
    ['an object of 4 GB', () => packOf([entry(3, Buffer.from('x'), 0xffffffff)]), /larger than/],
    ['an object that is smaller than it says', () => packOf([entry(3, Buffer.from('x'), 100)]), /another size/],
    ['an object that is larger than it says', () => packOf([entry(3, Buffer.alloc(1000), 10)]), /larger|size/],
    ['an object of no type', () => packOf([entry(5, Buffer.from('x'))]), /unknown type/],
    ['a delta that claims 4 GB', () => packOf([base, over(delta([4], huge, 0x90, 4))]), /larger than/],
    ['a delta of another base', () => packOf([base, over(delta([5], [4], 0x90, 4))]), /does not fit/],
    ['a delta beyond its base', () => packOf([base, over(delta([4], [9], 0x90, 9))]), /does not fit/],
    ['a delta beyond its own end', () => packOf([base, over(delta([4], [9], 9, 1))]), /does not fit/],
    ['a delta beyond its result', () => packOf([base, over(delta([4], [2], 0x90, 4))]), /does not fit/],
    ['a delta that does nothing for ever', () => packOf([base, over(delta([4], [4], 0, 0, 0))]), /does not fit/],
    ['a delta below the first object', () => packOf([base, over(delta([4], [4], 0x90, 4), 120)]), /no base/],
    ['a delta into the middle of one', () => packOf([base, over(delta([4], [4], 0x90, 4), 3)]), /no base/],
    ['a delta of itself', () => packOf([over(delta([4], [4], 0x90, 4), 0)]), /no base/],
    ['a delta of nobody', () => packOf([entry(7, Buffer.from([4, 4]), 2, Buffer.alloc(20, 7))]), /no base/],
  ])('by holding %s is refused', async (_what, made, problem) => {
    await expect(indexPack(made(), alone)).rejects.toThrow(problem);
  });

  it('by any byte that is another one is refused, or is the same in effect', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ at: fc.nat(), to: fc.integer({ min: 0, max: 255 }) }), { minLength: 1, maxLength: 4 }),
        async (changes) => {
          const body = Buffer.from(pack.subarray(0, -20));
          for (const { at, to } of changes) body[12 + (at % (body.length - 12))] = to;
          const index = await indexPack(summed(body), alone).catch((error: unknown) => error);
          expect(index instanceof Error || (index as { offsets: unknown }).offsets !== undefined).toBe(true);
        },
      ),
      { numRuns: 150 },
    );
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });
});
