import { expect, it } from 'vitest';
import { createRegistry } from '../../../agent/registry.ts';
import { mayTouch } from '../../../agent/touched.ts';
import { emptyRecord } from '../../../sync/release/record.ts';
import { newSession } from '../../../sync/session.ts';
import type { KubeObject } from '../../../sync/types.ts';

function entryOf(spec: object) {
  return createRegistry().take({
    apiVersion: 'lockstep.dev/v1alpha1',
    kind: 'Delivery',
    metadata: { name: 'web', namespace: 'shop', uid: 'u', resourceVersion: '1' },
    spec,
  } as unknown as KubeObject);
}

/** What is served for a folder; what its chart looked at elsewhere. */
function served(path: string, looked: readonly string[] = []) {
  const entry = entryOf({ source: { url: 'https://git.example.com/shop', path } });
  const rendered = { objects: [], problems: [] };
  const made = {
    parts: { key: '', fetched: new Map() },
    asked: '',
    looked: new Map(looked.map((one) => [one, '1'])),
    rendered,
  };
  entry.session = { ...newSession(emptyRecord()), made };
  return entry;
}

it.each<[string, string, string[], boolean]>([
  ['its own folder', 'apps/web', ['apps/web/deep/a.yaml'], true],
  ['another one', 'apps/web', ['apps/other/a.yaml', 'README.md'], false],
  ['one whose name only begins so', 'apps/web', ['apps/web-2/a.yaml'], false],
  ['anything, where it is the whole repository', '', ['README.md'], true],
  ['ignore rules above', 'apps/web', ['apps/.sourceignore'], true],
  ['ignore rules beside', 'apps/web', ['apps/other/.sourceignore'], false],
  ['a base that its kustomization looked at', 'apps/web', ['base/web.yaml'], true],
  ['nothing', 'apps/web', [], false],
])('a push that changes %s', (_what, path, paths, expected) => {
  expect(mayTouch(served(path, ['base/web.yaml']), paths)).toBe(expected);
});

it('what can not be read may be touched by anything', () => {
  expect(mayTouch(entryOf({}), ['a'])).toBe(true);
});
