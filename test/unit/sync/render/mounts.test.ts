import { describe, expect, it } from 'vitest';
import type { RepositoryView } from '../../../../sync/render/engine-port.ts';
import { withMounts } from '../../../../sync/render/mounts.ts';
import { treeOf, viewOfTree } from '../../../../sync/source/artifact/file-tree.ts';

const viewOf = (...paths: string[]): RepositoryView =>
  viewOfTree(
    treeOf(
      paths.map((path) => ({ names: path.split('/'), type: 'file' as const, data: Buffer.from(path) })),
      (data) => Buffer.from(data).toString('hex'),
    ),
  );
const namesAt = (view: RepositoryView, path: string): string[] => {
  const node = view(path);
  return node.kind === 'folder' ? node.names.map(({ name }) => name).sort() : [node.kind];
};

describe('what is laid into a repository', () => {
  const laid = new Map([['app/charts/part', viewOf('Chart.yaml', 'templates/a.yaml')]]);

  it('is there, with the folders that lead to it, and changes nothing else', () => {
    const plain = viewOf('app/Chart.yaml', 'b.yaml');
    const view = withMounts(plain, laid);
    expect(namesAt(view, '')).toEqual(['app', 'b.yaml']);
    expect(namesAt(view, 'app')).toEqual(['Chart.yaml', 'charts']);
    expect(namesAt(view, 'app/charts')).toEqual(['part']);
    expect(namesAt(view, 'app/charts/part')).toEqual(['Chart.yaml', 'templates']);
    expect(view('app/charts/part/templates/a.yaml').kind).toBe('file');
    expect(view('app/charts/other').kind).toBe('nothing');
    expect(view('app/Chart.yaml')).toEqual({ ...plain('app/Chart.yaml'), read: expect.any(Function) });
    expect(namesAt(withMounts(plain, new Map()), 'app')).toEqual(['Chart.yaml']);
  });

  it('stands before what was there, in folders that hold other things too', () => {
    const view = withMounts(viewOf('app/charts/part/old', 'app/charts/held/Chart.yaml'), laid);
    expect(namesAt(view, 'app/charts')).toEqual(['held', 'part']);
    expect(view('app/charts/part/old').kind).toBe('nothing');
    const overFile = withMounts(viewOf('app/charts'), laid);
    expect(namesAt(overFile, 'app/charts')).toEqual(['part']);
    expect(namesAt(overFile, 'app')).toEqual(['charts']);
  });
});
