import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cacheFolder } from '../../deploy/go-build.ts';
import { type Ended, runBeside } from './support/beside.ts';
import { configMap, useLockstep } from './support/lockstep.ts';

/** On the PATH, or where `.ci/run` installs it. */
const program = ['schemathesis', join(cacheFolder, 'schemathesis', 'bin', 'schemathesis')].find(
  (name) => spawnSync(name, ['--version']).status === 0,
);
const lockstep = useLockstep(['schema-there', 'schema-other']);

// Streams of events do not end; they are read in api.test.ts.
const flags = [
  '--exclude-path-regex',
  'events$',
  '--max-examples',
  '40',
  '--seed',
  '7',
  '--workers',
  '1',
  '--no-color',
  '--request-timeout',
  '10',
];
const checks = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
  'unsupported_method',
];

describe.skipIf(program === undefined)('schemathesis against the OpenAPI page', () => {
  it.each([
    ['of a Delivery that is there', 'schema-there', true],
    ['of whatever it makes up', 'schema-other', false],
  ])(
    'finds no 5xx and no undocumented answer: %s',
    async (_what, namespace, isNamed) => {
      const app = await lockstep.app(namespace, { 'a.yaml': configMap('a', { color: 'red' }) });
      await app.ready();
      const folder = mkdtempSync(join(tmpdir(), 'lockstep-schema-'));
      const named = `"path.namespace" = "${namespace}"\n"path.name" = "app"\n"path.release" = "1"\n`;
      writeFileSync(join(folder, 'schemathesis.toml'), isNamed ? `[parameters]\n${named}` : '');
      const { code, output } = await run(folder);
      expect(output).toMatch(/API Operations:/i);
      expect(code, output.slice(-6_000)).toBe(0);
    },
    300_000,
  );
});

function run(cwd: string): Promise<Ended> {
  const args = ['run', `${lockstep.agent.api}/openapi.json`, '--checks', checks.join(','), ...flags];
  return runBeside(program ?? '', args, { cwd });
}
