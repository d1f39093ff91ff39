import { describe, expect, it } from 'vitest';
import { filled, parametersOf, placeParameters, slugOf } from '../../../../../sync/source/set/parameters.ts';
import { fileParameters, folderParameters } from '../../../../../sync/source/set/places.ts';
import { file } from '../../support/objects.ts';

describe('a template of a set', () => {
  const parameters = parametersOf({ name: 'web', count: 3, on: true, deep: { list: ['a', { b: 'c' }] } });

  it('has its parameters in texts and names; a text that is only one is what that is', () => {
    const template = {
      name: 'shop-{{name}}',
      count: '{{ count }}',
      on: '{{on}}',
      text: '{{count}} of {{ deep.list.1.b }}',
      '{{name}}-key': ['{{deep.list.0}}', 7, null],
    };
    expect(filled(template, parameters)).toEqual({
      name: 'shop-web',
      count: 3,
      on: true,
      text: '3 of c',
      'web-key': ['a', 7, null],
    });
  });

  it.each(['{{ other }}', 'a {{name', 'a }}', '{{ name | upper }}'])('is refused with %s', (text) => {
    expect(() => filled({ a: text }, parameters)).toThrow();
  });

  it('is never changed in its form by what a parameter holds', () => {
    const evil = new Map([['title', '"}, "spec": {"suspend": false} {{ name }} $x']]);
    expect(filled({ a: 'x {{title}}' }, evil)).toEqual({ a: `x ${evil.get('title')}` });
  });
});

describe('what there is a Delivery for', () => {
  it('is told by where it stands', () => {
    expect(Object.fromEntries(placeParameters(['apps', 'Web_Shop']))).toEqual({
      path: 'apps/Web_Shop',
      'path.name': 'Web_Shop',
      'path.slug': 'web-shop',
      'path.0': 'apps',
      'path.1': 'Web_Shop',
    });
    expect([slugOf('feature/ABC-1: new'), slugOf('--'), slugOf('ü')]).toEqual(['feature-abc-1-new', '', '']);
  });

  const files = [
    file('apps/web/a.yaml', ''),
    file('apps/api/b.yaml', ''),
    file('apps/old/c.yaml', ''),
    file('apps/web/deep/d.yaml', ''),
    file('docs/e.md', ''),
  ];
  it('are the folders of a repository that fit', () => {
    const paths = (include: string[], exclude: string[] = []) =>
      folderParameters(files, { include, exclude }).map((one) => one.get('path'));
    expect(paths(['apps/*'], ['apps/old'])).toEqual(['apps/api', 'apps/web']);
    expect(paths(['apps/**'])).toEqual(['apps/api', 'apps/old', 'apps/web', 'apps/web/deep']);
    expect(paths(['/docs', 'apps/w?b'])).toEqual(['apps/web', 'docs']);
    expect(paths(['none/*'])).toEqual([]);
    const hidden = [file('.github/a.yaml', 'x'), file('apps/.x/a.yaml', 'x'), file('apps/web/a.yaml', 'x')];
    expect(folderParameters(hidden, { include: ['**'], exclude: [] }).map((one) => one.get('path'))).toEqual([
      'apps',
      'apps/web',
    ]);
  });

  it('are the files of a repository that fit, with what they hold', () => {
    const config = [
      file('env/prod.yaml', 'cluster: {name: p, size: 3}\n'),
      file('env/test.json', '{"cluster": {"name": "t", "size": 1}}'),
    ];
    const found = fileParameters(config, { include: ['env/*'], exclude: [] });
    const names = ['cluster.name', 'cluster.size', 'path', 'path.name', 'path.file', 'path.fileSlug'];
    expect(found.map((one) => names.map((name) => one.get(name)))).toEqual([
      ['p', 3, 'env', 'env', 'prod.yaml', 'prod-yaml'],
      ['t', 1, 'env', 'env', 'test.json', 'test-json'],
    ]);
    expect(() => fileParameters([file('env/a.yaml', '- a list')], { include: ['env/*'], exclude: [] })).toThrow(
      'env/a.yaml holds no parameters: a map is needed',
    );
  });
});
