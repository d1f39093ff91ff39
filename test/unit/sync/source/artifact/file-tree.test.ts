import { describe, expect, it } from 'vitest';
import { type FoundFile, folderAt, treeOf, viewOfTree } from '../../../../../sync/source/artifact/file-tree.ts';

const file = (path: string, text = path): FoundFile => ({
  names: path.split('/'),
  type: 'file',
  data: Buffer.from(text),
});
const id = (data: Uint8Array): string => Buffer.from(data).toString('hex');

describe('files as a tree', () => {
  it('is known by its contents: what did not change keeps its id, whatever the order', () => {
    const one = treeOf([file('a/b.yaml'), file('c.yaml')], id);
    expect(treeOf([file('c.yaml'), file('a/b.yaml')], id).oid).toBe(one.oid);
    const two = treeOf([file('a/b.yaml'), file('c.yaml', 'new')], id);
    expect(two.oid).not.toBe(one.oid);
    expect(folderAt(two, ['a'])?.oid).toBe(folderAt(one, ['a'])?.oid);
    expect(folderAt(two, ['gone'])).toBeUndefined();
  });

  it('has the later of two files with one name, and refuses a file that is a folder too', () => {
    const view = viewOfTree(treeOf([file('a', 'old'), file('a', 'new')], id));
    const found = view('a');
    expect(found.kind === 'file' && Buffer.from(found.read()).toString()).toBe('new');
    expect(() => treeOf([file('a'), file('a/b')], id)).toThrow('both a file and a folder');
    expect(() => treeOf([file(`${'a/'.repeat(60)}b`)], id)).toThrow('deeper than 50');
  });

  it('is seen by paths, with links as links', () => {
    const link: FoundFile = { names: ['l'], type: 'symlink', data: Buffer.alloc(0) };
    const view = viewOfTree(treeOf([file('a/b.yaml'), file('c.yaml'), link], id));
    expect(view('')).toMatchObject({
      kind: 'folder',
      names: [
        { name: 'c.yaml', kind: 'file' },
        { name: 'l', kind: 'link' },
        { name: 'a', kind: 'folder' },
      ],
    });
    expect(['a', 'a/b.yaml', 'l', 'l/x', 'a/b.yaml/x', 'x/y', '__proto__'].map((path) => view(path).kind)).toEqual([
      'folder',
      'file',
      'link',
      ...Array.from({ length: 4 }, () => 'nothing'),
    ]);
  });
});
