import { describe, expect, it } from 'vitest';
import { check } from '../../../../sync/render/check.ts';
import { renderPlain, type TreeFile } from '../../../../sync/render/plain.ts';
import { describeProblem, keyOf } from '../../../../sync/types.ts';
import { file } from '../support/objects.ts';

describe('rendering', () => {
  const isNamespaced = (_apiVersion: string, kind: string): boolean | undefined =>
    kind === 'ClusterRole' ? false : kind === 'ConfigMap' ? true : undefined;

  it('reads files in order, lists, empty documents, BOM and CRLF, and fills the namespace of namespaced kinds', () => {
    const rendered = renderPlain([
      file('b.yaml', '\ufeffapiVersion: v1\r\nkind: ConfigMap\r\nmetadata: {name: b}\r\n---\r\n# nothing\r\n'),
      file('a.json', '{"apiVersion":"v1","kind":"ConfigMapList","items":[{"metadata":{"name":"a"}}]}'),
      file(
        'c.yml',
        'apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: c, namespace: wrong}\nrules: []\n',
      ),
      file('README.md', 'not: [yaml'),
    ]);
    const { desired, problems } = check(rendered, 'shop', isNamespaced);
    expect(problems).toEqual([]);
    expect(check(rendered, 'shop', () => undefined).isGuess).toBe(true);
    expect(desired.map((entry) => entry.key)).toEqual([
      '/ConfigMap/shop/a',
      '/ConfigMap/shop/b',
      'rbac.authorization.k8s.io/ClusterRole//c',
    ]);
  });

  it('finds every problem and says where', () => {
    const rendered = renderPlain([
      file('a.yaml', 'x: ['),
      file('link.yaml', '/etc/passwd', 'symlink'),
      file('lfs.yaml', 'version https://git-lfs.github.com/spec/v1\noid sha256:1\n'),
      file('list.yaml', '- 1\n'),
      file('secret.yaml', 'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {pin: 0777, ok: text}\n'),
      file(
        'stamp.yaml',
        'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: s, labels: {lockstep.dev/delivery: x, size: 1}}\n',
      ),
    ]);
    const { problems } = check(rendered, 'shop', isNamespaced);
    expect(problems.map(describeProblem)).toEqual([
      'a.yaml:1: unexpected end of the stream within a flow collection',
      'lfs.yaml: is a Git LFS pointer; commit the manifest itself',
      'link.yaml: is a symbolic link; links are not followed',
      'list.yaml (document 1): is not a Kubernetes object: a map with apiVersion, kind and metadata is needed',
      'secret.yaml (document 1): Secret shop/s: stringData.pin is no text; put it in quotes',
      'stamp.yaml (document 1): ConfigMap shop/s: lockstep.dev/delivery is set by Lockstep itself; remove it from Git',
      'stamp.yaml (document 1): ConfigMap shop/s: metadata.labels.size is no text; put it in quotes',
    ]);
  });

  it('never lets through what SOPS has encrypted, in lists and without its notes too', () => {
    const value = 'ENC[AES256_GCM,data:Tr7o,iv:AAAA,tag:AAAA,type:str]';
    const map = `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: "${value}"}\n`;
    const notes = 'sops: {mac: "ENC[AES256_GCM,data:a,iv:b,tag:c,type:str]"}\n';
    const list = `apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}]\n${notes}`;
    for (const text of [`${map}${notes}`, list, map])
      expect(renderPlain([file('a.yaml', text)])).toEqual({
        objects: [],
        problems: [expect.objectContaining({ message: expect.stringContaining('is encrypted by SOPS') })],
      });
    const prose = map.replace(`"${value}"`, `"write ${value} there"`);
    expect(renderPlain([file('a.yaml', prose)]).problems).toEqual([]);
  });

  it('names apart what is to be left alone, and refuses what is declared both ways', () => {
    const map = (extra: string): string => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a${extra}}\n`;
    const alone = ', annotations: {kustomize.toolkit.fluxcd.io/reconcile: disabled}';
    const once = check(renderPlain([file('a.yaml', map(alone)), file('b.yaml', map(alone))]), 'shop', isNamespaced);
    expect(once).toMatchObject({ desired: [], problems: [], isGuess: false });
    expect(once.skipped.map(keyOf)).toEqual(['/ConfigMap/shop/a', '/ConfigMap/shop/a']);
    const both = check(renderPlain([file('a.yaml', map('')), file('b.yaml', map(alone))]), 'shop', isNamespaced);
    expect(both.problems.map(describeProblem)).toEqual([
      'b.yaml (document 1): ConfigMap shop/a: is declared twice; the first is in a.yaml (document 1)',
    ]);
  });

  it('does not parse an unchanged file again', () => {
    let reads = 0;
    const read = (): Uint8Array => {
      reads += 1;
      return Buffer.from('a: 1');
    };
    const counted: TreeFile = { path: 'a.yaml', oid: '1', type: 'file', read };
    const cache = new Map();
    renderPlain([counted], cache);
    renderPlain([counted], cache);
    expect(reads).toBe(1);
  });
});

describe('a list of objects', () => {
  const names = (text: string): string[] =>
    renderPlain([file('a.json', text)]).objects.map(({ object: { metadata } }) => metadata.name);

  it('may be plain JSON, or hold nothing', () => {
    const one = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } };
    expect(names(JSON.stringify([one, { ...one, metadata: { name: 'b' } }]))).toEqual(['a', 'b']);
    expect(renderPlain([file('a.json', '{"apiVersion": "v1", "kind": "List", "items": null}')])).toEqual({
      objects: [],
      problems: [],
    });
  });
});
