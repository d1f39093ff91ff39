import { describe, expect, it } from 'vitest';
import { chooseRef, followedOf, followedText, mayConcern } from '../../../../sync/source/follow.ts';

const commit = 'a'.repeat(40);
const tags = (names: readonly string[]) =>
  names.map((name) => ({ name: `refs/tags/${name}`, oid: name, peeled: undefined }));

describe('what is followed', () => {
  it.each([
    [{}, 'refs/heads/main'],
    [{ branch: 'feature/x' }, 'refs/heads/feature/x'],
    [{ tag: 'v1.2' }, 'refs/tags/v1.2'],
    [{ branch: 'b', tag: 't' }, 'refs/tags/t'],
    [{ tag: 't', semver: '1.x' }, 'semver 1.x'],
    [{ semver: '1.x', name: 'refs/pull/7/head' }, 'refs/pull/7/head'],
    [{ name: 'HEAD' }, 'HEAD'],
    [{ name: 'HEAD', commit }, `commit ${commit}`],
  ])('by %j is %s', (spec, expected) => {
    expect(followedText(followedOf(spec))).toBe(expected);
  });

  it.each([
    [{ branch: '--help' }, 'spec.source.ref.branch is no valid branch name'],
    [{ tag: 'a..b' }, 'spec.source.ref.tag is no valid tag name'],
    [{ tag: 'x'.repeat(4096) }, 'spec.source.ref.tag is no valid tag name'],
    [{ name: 'main' }, 'spec.source.ref.name is no full name of a reference'],
    [{ name: 'refs/heads/../../x' }, 'spec.source.ref.name is no full name of a reference'],
    [{ semver: 'latest' }, 'spec.source.ref.semver is no range of versions'],
    [{ commit, branch: '@{u}' }, 'spec.source.ref.branch is no valid branch name'],
  ])('is never %j', (spec, problem) => {
    expect(() => followedOf(spec)).toThrow(problem);
  });

  it.each([
    ['1.x', ['v1.2', '1.10.0', '2.0.0', 'v1.11.0-rc.1'], '1.10.0'],
    ['>=1.0.0-0', ['1.2.0', '1.3.0-beta.1'], '1.3.0-beta.1'],
    ['^1.2.0-0', ['1.3.0-beta', '1.2.0', '2.0.0-a'], '1.3.0-beta'],
    ['*', ['1.0', '3.0.0-a', 'latest', 'v'], '1.0'],
    ['>=1.0, <2.0', ['1.9.9', '2.0.0'], '1.9.9'],
    ['1.0 - 2.0', ['2.0.5', '3.0.0'], '2.0.5'],
    ['~1.2', ['1.2.9', '1.3.0'], '1.2.9'],
    ['1.x', ['1.0.0+b1', '1.0.0+b2'], '1.0.0+b2'],
    ['1.x', ['01.2.3', '1.2.3.4', '1.2.99999999999', 'v1.0.0'], 'v1.0.0'],
    ['3.x', ['1.0.0'], undefined],
    ['>=1.0.0-0 <2.0.0', ['1.4.0', '1.5.0-rc.1', '2.0.0'], '1.5.0-rc.1'],
    ['^1.0.0', ['1.4.0', '1.5.0-rc.1'], '1.4.0'],
    ['1.x || >=2.0.0-0', ['1.9.0-rc.1', '1.4.0'], '1.4.0'],
    ['=>1.0, =<1.5', ['1.4.0', '1.6.0'], '1.4.0'],
    ['>=1.0.0, !=1.5.0, != 1.4.x', ['1.3.0', '1.4.7', '1.5.0'], '1.3.0'],
  ])('in the range %s of %j is %s', (range, names, expected) => {
    expect(chooseRef({ kind: 'semver', range }, tags(names))?.oid).toBe(expected);
  });

  it('is found by its whole name only', () => {
    const listed = [...tags(['main']), { name: 'refs/heads/main2', oid: 'x', peeled: undefined }];
    expect(chooseRef({ kind: 'ref', name: 'refs/heads/main' }, listed)).toBeUndefined();
    expect(chooseRef({ kind: 'ref', name: 'refs/tags/main' }, listed)?.oid).toBe('main');
  });

  it.each([
    [{ branch: 'main' }, 'refs/heads/main', true],
    [{ branch: 'main' }, 'refs/heads/other', false],
    [{ tag: 'v1' }, 'refs/tags/v1', true],
    [{ semver: '1.x' }, 'refs/tags/anything', true],
    [{ semver: '1.x' }, 'refs/heads/main', false],
    [{ name: 'HEAD' }, 'refs/heads/trunk', true],
    [{ commit }, 'refs/heads/main', false],
  ])('by %j: news of %s concern it: %s', (spec, ref, expected) => {
    expect(mayConcern(followedOf(spec), ref)).toBe(expected);
  });
});
