import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, expect, it } from 'vitest';
import { LockstepError } from '../../../sync/errors.ts';
import { parseCommit } from '../../../sync/source/commit.ts';
import { indexPack } from '../../../sync/source/index-pack.ts';
import { newReadCache, packInMemory, readerOf } from '../../../sync/source/pack.ts';
import { readStoredIndex, storeIndex } from '../../../sync/source/stored-index.ts';
import { readTree } from '../../../sync/source/tree.ts';
import { broken, campaign, campaignTimeout, requireUntouched } from './campaign.ts';

const folder = mkdtempSync(join(tmpdir(), 'lockstep-fuzz-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const git = (input: string, ...args: string[]): Buffer =>
  execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', ...args], {
    cwd: folder,
    env: { PATH: process.env['PATH'], HOME: folder, GIT_CONFIG_NOSYSTEM: '1' },
    input,
  });

/** Packs with deltas over deltas, by offset and by id. */
function packs(): Buffer[] {
  git('', 'init', '--quiet');
  mkdirSync(join(folder, 'deep', 'er'), { recursive: true });
  const lines = Array.from({ length: 60 }, (_, i) => `line ${i} ${createHash('sha1').update(`${i}`).digest('hex')}`);
  for (let version = 0; version < 5; version += 1) {
    lines[version * 7] = `version ${version}`;
    writeFileSync(join(folder, 'deep', 'er', 'large.yaml'), lines.join('\n'));
    writeFileSync(join(folder, `f${version}.yaml`), `a: ${version}`);
    git('', 'add', '--all');
    git('', 'commit', '--quiet', '-m', `version ${version}`);
  }
  const objects = git('', 'cat-file', '--batch-all-objects', '--batch-check=%(objectname)').toString();
  return [['--delta-base-offset'], []].map((flags) => git(objects, 'pack-objects', '--stdout', '--quiet', ...flags));
}

const made = packs();
const tip = git('', 'rev-parse', 'HEAD').toString().trim();
const alone = { known: () => undefined, pause: async () => undefined };
const words = [
  'PACK',
  '\0\0\0\x02',
  '\x30',
  '\x60',
  '\x70',
  '\x80',
  '\xff\xff\xff\xff\x7f',
  '40000 ',
  '100644 ',
  '120000 ',
  '160000 ',
  '..\0',
  '.git\0',
  'tree ',
  'parent ',
];

/** With the checksum that fits, so that what is inside is looked at. */
function summed(pack: Buffer): Buffer {
  const body = pack.subarray(0, -20);
  return Buffer.concat([body, createHash('sha1').update(body).digest()]);
}

/** A pack is refused, or each of its objects is the one that its id says. */
async function holds(pack: Buffer): Promise<void> {
  try {
    const index = await indexPack(pack, alone);
    const reader = readerOf([packInMemory(pack, readStoredIndex(storeIndex(index)))], newReadCache());
    for (let at = 0; at < index.ids.length; at += 20) {
      const oid = index.ids.toString('hex', at, at + 20);
      const { type, data } = reader.read(oid);
      const found = createHash('sha1').update(`${type} ${data.length}\0`).update(data).digest('hex');
      if (found !== oid) throw new TypeError(`${oid} is ${found}`);
    }
    if (reader.has(tip)) readTree(() => reader, parseCommit(reader.read(tip), tip).tree, new Map());
  } catch (error) {
    expect((error as Error).constructor.name).not.toMatch(/TypeError|RangeError|ReferenceError|SyntaxError|Assertion/);
  }
  requireUntouched();
}

it('a pack is refused, or holds what its ids say', { timeout: campaignTimeout }, () =>
  campaign('pack', broken(made, words), 600, (pack) => holds(pack.length < 32 ? pack : summed(pack))),
);

const object = (text: Buffer, type: string): Buffer => {
  const data = Buffer.from(text);
  if (data.length > 2_000) return Buffer.alloc(0);
  const size = Buffer.of(
    ({ commit: 1, tree: 2, blob: 3 }[type] ?? 3) * 16 + (data.length & 15) + 128,
    ((data.length >> 4) & 127) | 128,
    data.length >> 11,
  );
  return Buffer.concat([size, deflateSync(data)]);
};
const tree = git('', 'cat-file', 'tree', 'HEAD^{tree}');
const commit = git('', 'cat-file', 'commit', 'HEAD');

it(
  'trees and commits are refused, or read',
  async () => {
    const inputs = fc.record({
      tree: broken([tree], words),
      commit: broken([commit], [...words, 'author ', '\n\n', 'gpgsig ', oidOf(tree, 'tree')]),
    });
    await campaign('trees and commits', inputs, 600, async (given) => {
      const entries = [object(given.tree, 'tree'), object(given.commit, 'commit')];
      if (entries.some(({ length }) => length === 0)) return;
      const head = Buffer.from('PACK\0\0\0\x02\0\0\0\x02', 'latin1');
      const pack = summed(Buffer.concat([head, ...entries, Buffer.alloc(20)]));
      const reader = readerOf([packInMemory(pack, await indexPack(pack, alone))], newReadCache());
      const parts = [
        () => parseCommit(reader.read(oidOf(given.commit, 'commit')), 'x'),
        () => readTree(() => reader, oidOf(given.tree, 'tree'), new Map()),
      ];
      for (const part of parts)
        try {
          part();
        } catch (error) {
          if (!(error instanceof LockstepError)) expect((error as Error).message).toMatch(/is in no pack/);
        }
      requireUntouched();
    });
  },
  campaignTimeout,
);

function oidOf(data: Buffer, type: string): string {
  return createHash('sha1').update(`${type} ${data.length}\0`).update(data).digest('hex');
}
