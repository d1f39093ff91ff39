import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { readNews } from '../../../../sync/render/news.ts';
import { readInParts, readManifests, type TreeFile } from '../../../../sync/render/plain.ts';
import { createManifestReader } from '../../../../sync/render/reader.ts';
import { withVariables } from '../../../../sync/render/substitute.ts';
import type { KubeObject } from '../../../../sync/types.ts';

const limits = { threads: 2, idle: 1_000, deadline: 10_000, memoryMb: 128 };
const reader = createManifestReader(limits);
afterAll(() => reader.close());

const map = (name: string, text = 'x'): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\ndata: {k: "${text}"}\n`;
const inParts = (text: string, letters: number) => {
  const all = [...readInParts('a.yaml', text, letters)];
  return { objects: all.flatMap(({ objects }) => objects), problems: all.flatMap(({ problems }) => problems) };
};
const whole = (text: string) => {
  const { objects, problems } = readManifests('a.yaml', text);
  return { objects, problems };
};

describe('a long text of manifests', () => {
  it('read in parts is what it is as a whole, documents and lines too', () => {
    const piece = fc.constantFrom(
      ...[
        map('a'),
        map('b'),
        '---\n',
        '--- # c\n',
        '...\n',
        '# comment\n',
        '\n',
        'x: [1,\n2]\n',
        'list: &a [1]\nb: *a\n',
      ],
      ...['k: |\n  ---\n  a\n', '"a\n  b": 1\n', '- 1\n', '%YAML 1.1\n', 'kind: List\nitems: []\n', '{"a": 1}\n'],
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), fc.integer({ min: 1, max: 200 }), (pieces, letters) => {
        const text = pieces.join('');
        const [asWhole, asParts] = [whole(text), inParts(text, letters)];
        if (asWhole.problems.length === 0) expect([text, asParts]).toEqual([text, asWhole]);
        // Of several mistakes the whole may name another one first.
        else expect([text, asParts.problems.length]).not.toEqual([text, 0]);
      }),
      { numRuns: 3_000 },
    );
  });

  it('is read apart as it is here, large numbers and texts without quotes too', async () => {
    const odd =
      'apiVersion: v1\nkind: X\nmetadata: {name: odd}\nspec:\n  big: 9007199254740993\n  count: ${n}\n  list: [1]\n  deep:\n  - ${n}\n';
    const text = `${Array.from({ length: 2_000 }, (_, i) => map(`a${i}`)).join('---\n')}---\n${odd}`;
    const apart = await reader.read('shop', 'a.yaml', text);
    expect(apart).toEqual(whole(text));
    expect(apart.problems).toEqual([]);
    const of = (rendered: typeof apart): KubeObject | undefined =>
      withVariables(rendered, new Map([['n', '7']]), 'k', new WeakMap()).objects.at(-1)?.object;
    expect(of(apart)?.['spec']).toEqual({ big: 9_007_199_254_740_993n, count: 7, list: [1], deep: [7] });
  });

  it('that takes too long, or too much memory, is refused, and the next one is read', async () => {
    const short = createManifestReader({ ...limits, deadline: 300 });
    const wide = `a:\n${Array.from({ length: 400_000 }, (_, i) => `  k${i}: {a: [${i}]}`).join('\n')}`;
    await expect(short.read('eve', 'a.yaml', wide)).rejects.toMatchObject({
      code: 'RenderFailed',
      message: 'a.yaml can not be read: it takes longer than 300 ms',
    });
    await short.close();
    const small = createManifestReader({ ...limits, memoryMb: 32 });
    await expect(small.read('eve', 'a.yaml', wide)).rejects.toMatchObject({
      message: 'a.yaml can not be read: it takes more memory than 32 MB',
    });
    expect((await small.read('eve', 'b.yaml', map('b'))).objects).toHaveLength(1);
    await small.close();
  });

  it('of one who fills their thread keeps nobody else waiting', async () => {
    const wide = `a:\n${Array.from({ length: 150_000 }, (_, i) => `  k${i}: {a: [${i}]}`).join('\n')}`;
    const hostile = Array.from({ length: 4 }, () => reader.read('eve', 'a.yaml', wide).catch(() => undefined));
    let lag = 0;
    let last = performance.now();
    const watch = setInterval(() => {
      lag = Math.max(lag, performance.now() - last - 5);
      last = performance.now();
    }, 5);
    const began = performance.now();
    await reader.read('ada', 'b.yaml', map('b'));
    expect(performance.now() - began).toBeLessThan(1_500);
    await Promise.all(hostile);
    clearInterval(watch);
    expect(lag).toBeLessThan(400);
  }, 60_000);

  it('is parsed once, and told some at a time', async () => {
    const text = Array.from({ length: 2_000 }, (_, i) => map(`a${i}`)).join('---\n');
    const file: TreeFile = { path: 'a.yaml', oid: '1', type: 'file', read: () => Buffer.from(text) };
    const small: TreeFile = { path: 'b.yaml', oid: '2', type: 'file', read: () => Buffer.from(map('b')) };
    const known = new Map();
    const told: number[] = [];
    const tell = ({ objects }: { objects: readonly unknown[] }): void => void told.push(objects.length);
    await readNews([file, small], known, reader, 'shop', tell);
    expect(told.reduce((sum, one) => sum + one, 0)).toBe(2_001);
    expect(Math.max(...told)).toBe(50);
    told.length = 0;
    await readNews([file, small], known, reader, 'shop', tell);
    expect(told).toEqual([0]);
  });
});
