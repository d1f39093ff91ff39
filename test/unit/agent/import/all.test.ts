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
});
