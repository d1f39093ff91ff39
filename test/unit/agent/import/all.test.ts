import { describe, expect, it } from 'vitest';
import { importAll } from '../../../../agent/cli/import/all.ts';
import { parseYaml } from '../../../../sync/render/yaml.ts';
import type { KubeObject } from '../../../../sync/types.ts';
import { application } from './imported.ts';

describe('what is written', () => {
  it('is suspended at first unless it is to begin at once, and two of one name are told', () => {
    const text = application('  source: {repoURL: "https://h/r", path: a}\n');
    const [object] = parseYaml(text) as KubeObject[];
    const { manifests, notes } = importAll([object, object] as KubeObject[], { isActive: false });
    expect(manifests[0]?.['spec']).toMatchObject({ suspend: true });
    expect(notes.at(-1)?.message).toContain('two of this name');
  });

  it('is told field by field: what is the same here, what is not, and what has no counterpart', () => {
    const text = application(
      `  source: {repoURL: "https://h/r", path: a, targetRevision: v1.2.3, plugin: {name: x}}
  syncPolicy: {automated: {prune: true}, managedNamespaceMetadata: {labels: {a: b}}}
`,
    );
    const { notes } = importAll(parseYaml(text) as KubeObject[], { isActive: true });
    expect(notes[0]).toEqual({
      about: 'Application argocd/shop',
      kind: 'maps',
      field: expect.stringMatching(/destination\.namespace.*source\.repoURL.*syncPolicy\.automated/),
      message: 'Delivery web/shop',
    });
    expect(notes[0]?.field).not.toMatch(/plugin|managedNamespaceMetadata|targetRevision/);
    const told = notes.map(({ kind, field }) => `${kind} ${field}`);
    expect(told).toEqual(
      expect.arrayContaining([
        'refused source.plugin',
        'refused syncPolicy.managedNamespaceMetadata',
        'differs source.path',
      ]),
    );
  });
});
