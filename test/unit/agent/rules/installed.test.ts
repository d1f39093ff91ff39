import { describe, expect, it } from 'vitest';
import { type Installed, nothingInstalled, readInstalled } from '../../../../agent/rules/installed.ts';
import type { Checked } from '../../../../agent/rules/judge.ts';
import { createEvaluator } from '../../../../health/evaluate.ts';
import { expressionsOf, type OwnRule } from '../../../../health/own-rules.ts';
import { parseYaml } from '../../../../sync/render/yaml.ts';

const evaluator = createEvaluator();
const place = { namespace: 'ops', name: 'rules' };

function read(
  data: Record<string, string>,
  before: Installed = nothingInstalled,
  check = async (rule: OwnRule): Promise<Checked> => ({ problems: evaluator.check(expressionsOf(rule)) }),
): Promise<Installed> {
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'rules' }, data };
  return readInstalled(object, { place, parse: parseYaml, check }, before);
}

const rule = (kind: string, healthy: string): string =>
  `- {group: example.com, kind: ${kind}, healthy: "${healthy}"}\n`;
const rulesOf = ({ lists }: Installed): readonly OwnRule[] => [...lists.values()].flat();

describe('the rules of the installation', () => {
  it('are lists under whatever keys, in the order of the keys', async () => {
    const installed = await read({ b: rule('B', 'true'), a: `${rule('A', 'true')}${rule('C', 'true')}` });
    expect(rulesOf(installed).map(({ kind }) => kind)).toEqual(['A', 'C', 'B']);
    expect(installed.problems).toEqual([]);
    expect((await read({ b: rule('B', 'true'), a: `${rule('A', 'true')}${rule('C', 'true')}` })).id).toBe(installed.id);
  });

  it('that are wrong concern their kind alone, for which the one from before holds', async () => {
    const before = await read({ a: `${rule('A', 'self.a')}${rule('B', 'self.b')}` });
    const after = await read({ a: `${rule('A', 'self.a ==')}${rule('B', 'self.b == 2')}` }, before);
    expect(rulesOf(after).map(({ kind, healthy }) => `${kind} ${healthy}`)).toEqual(['A self.a', 'B self.b == 2']);
    expect([...after.broken]).toEqual([
      ['example.com/A', 'ConfigMap ops/rules, a[0].healthy: found = but expecting end of input at line 1, column 8'],
    ]);
    // After a restart there is none from before: nothing is called healthy by it.
    const alone = await read({ a: rule('A', 'self.a ==') });
    expect(rulesOf(alone)).toEqual([
      { group: 'example.com', kind: 'A', problem: expect.stringContaining('ConfigMap ops/rules, a[0].healthy') },
    ]);
  });

  it('that name no kind are told', async () => {
    const { problems, broken } = await read({ a: '- {healthy: "true"}\n- 7\n' });
    expect(problems).toHaveLength(2);
    expect(problems[0]).toContain('ConfigMap ops/rules, a[0]');
    expect([...broken]).toEqual([]);
  });

  it('that are no YAML keep what was there, and nobody can tell which kinds they are for', async () => {
    const before = await read({ a: rule('A', 'true'), b: rule('B', 'true') });
    const after = await read({ a: '[', b: rule('B', 'false') }, before);
    expect(rulesOf(after).map(({ kind, healthy }) => `${kind} ${healthy}`)).toEqual(['A true', 'B false']);
    expect(after.unreadable).toContain('ConfigMap ops/rules, a: ');
    expect((await read({ a: '[' })).unreadable).toBeDefined();
  });

  it('whose check was broken off are checked again', async () => {
    const tired = await read({ a: rule('A', 'true') }, nothingInstalled, async () => ({
      problem: 'took longer than 250 ms',
    }));
    expect(tired).toMatchObject({ isUnsure: true, problems: [expect.stringContaining('could not be checked')] });
    expect((await read({ a: rule('A', 'true') }, tired)).isUnsure).toBe(false);
  });
});
