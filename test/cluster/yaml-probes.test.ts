import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';

const hasGo = spawnSync('go', ['version']).status === 0;

describe.skipIf(!hasGo)('the expected values of the YAML probes', () => {
  it('are what sigs.k8s.io/yaml makes of them', () => {
    const result = spawnSync('go', ['test', '-count=1', './yamlprobes'], {
      cwd: import.meta.dirname,
      encoding: 'utf8',
    });
    expect(result.stdout + result.stderr).toContain('ok');
    expect(result.status).toBe(0);
  });
});
