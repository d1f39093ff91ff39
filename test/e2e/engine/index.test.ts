import { afterAll, describe, expect, it } from 'vitest';
import { createEngines, indexReader } from '../../../sync/render/engines.ts';
import { strict } from '../support/engine.ts';

const engines = createEngines(process.env['LOCKSTEP_ENGINE'] ?? '', strict);
afterAll(() => engines.close());
const read = (text: string, chart = 'web'): Promise<unknown> =>
  indexReader(engines)('a', Buffer.from(text), chart).then((answer) => JSON.parse(answer));

const digest = 'a'.repeat(64);
const web = [
  { version: '1.1.0', urls: ['web-1.1.0.tgz'], digest },
  { version: '1.0.0', urls: ['https://elsewhere.example.com/web-1.0.0.tgz'], digest: '' },
];
const entries = {
  other: [{ name: 'other', version: '9.0.0', urls: ['other.tgz'] }],
  web: web.map((one) => ({ name: 'web', description: 'web: a chart\n# of the web', ...one })),
  'web-more': [{ name: 'web-more', version: '7.0.0', urls: ['more.tgz'] }],
};

/** As `helm repo index` writes it, with so many blanks before each key and item. */
function written(before = '  ', dash = '  '): string {
  const lines = ['apiVersion: v1', 'entries:'];
  for (const [name, versions] of Object.entries(entries)) {
    lines.push(`${before}${name}:`);
    for (const { version, urls, ...rest } of versions as typeof web) {
      lines.push(`${dash}- description: |-`, `${dash}    web: a chart`, `${dash}    # of the web`);
      if (rest.digest) lines.push(`${dash}  digest: ${rest.digest}`);
      lines.push(`${dash}  name: ${name}`, `${dash}  urls:`, `${dash}  - ${urls[0]}`, `${dash}  version: ${version}`);
    }
  }
  return `${[...lines, 'generated: "2026-01-01T00:00:00Z"'].join('\n')}\n`;
}

describe('an index of charts', () => {
  const usual = written();
  it.each<[string, string]>([
    ['as it is usually written', usual],
    ['with items that stand deeper', written('  ', '    ')],
    ['with keys that stand deeper', written('    ', '    ')],
    ['with ends of lines of Windows', usual.replaceAll('\n', '\r\n')],
    ['with comments and empty lines', usual.replaceAll('\n  web', '\n\n# a comment\n    # another\n  web')],
    ['with quoted keys', usual.replace('\n  web:', '\n  "web":')],
    ['with a comment behind a key', usual.replace('\n  web:', '\n  web: # ours')],
    ['with a comment behind entries', usual.replace('entries:', 'entries: # all')],
    ['in another order', `generated: x\n${usual.replace('apiVersion: v1\n', '')}apiVersion: v1\n`],
    ['of charts that stand together with an anchor', usual.replace('\n  web:', '\n  web: &web')],
    ['in JSON', JSON.stringify({ apiVersion: 'v1', entries })],
    ['in JSON, indented', JSON.stringify({ apiVersion: 'v1', entries }, undefined, 2)],
    ['in the flow of YAML', `apiVersion: v1\nentries: ${JSON.stringify(entries)}\n`],
  ])('is read %s', async (_what, text) => {
    expect(await read(text)).toEqual(web);
    expect(await read(text, 'none')).toEqual([]);
  });

  it.each(['', 'entries: {}\n', 'apiVersion: v1\n', 'entries:\n'])('may be empty: %j', async (text) => {
    expect(await read(text)).toEqual([]);
  });

  it.each(['<html>C4NARY: [', 'entries: [C4NARY', 'entries: C4NARY\n'])('that is none is told so: %j', async (text) => {
    await expect(read(text)).rejects.toThrow('index.yaml is no index of charts');
    await expect(read(text)).rejects.not.toThrow('C4NARY');
  });

  it('of 20 MB is read, and no more of it than is wanted', async () => {
    const others = Array.from(
      { length: 100_000 },
      (_, i) =>
        `  c${i}:\n  - name: c${i}\n    description: ${'x'.repeat(90)}\n    urls: [c.tgz]\n    version: 1.0.0\n`,
    ).join('');
    const text = usual.replace('\n  web:', `\n${others}  web:`);
    expect(text.length).toBeGreaterThan(15_000_000);
    expect(await read(text)).toEqual(web);
  });
});
