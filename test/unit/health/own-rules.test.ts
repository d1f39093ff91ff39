import { describe, expect, it } from 'vitest';
import { compile } from '../../../health/cel.ts';
import { createEvaluator } from '../../../health/evaluate.ts';
import { expressionsOf, type OwnRule, ruleFor, ruleSet, verdictBy } from '../../../health/own-rules.ts';
import { healthOf } from '../../../health/rules.ts';
import type { KubeObject } from '../../../sync/types.ts';

const self = {
  apiVersion: 'example.com/v1',
  kind: 'Widget',
  metadata: { name: 'it', namespace: 'shop', generation: 3 },
  spec: { replicas: 3, ratio: 0.5, big: 9_007_199_254_740_993n },
  status: {
    ready: 2,
    nothing: null,
    conditions: [{ type: 'Ready', status: 'True', observedGeneration: 3 }],
    message: 'no disk',
  },
};

describe('CEL over an object', () => {
  it.each([
    ['self.spec.replicas + 1 == 4', true],
    ['self.spec.replicas == self.metadata.generation', true],
    ['self.spec.replicas / 2 == 1', true],
    ['self.spec.ratio > 0.4 && self.spec.replicas > 2.5', true],
    ['self.spec.big == 9007199254740993', true],
    ['self.status.conditions[self.status.ready - 2].type == "Ready"', true],
    ['self.status.conditions.exists(c, c.type == "Ready" && c.status == "True")', true],
    ['self.status.conditions.all(c, c.observedGeneration == self.metadata.generation)', true],
    ['has(self.status.phase) && self.status.phase == "Done"', false],
    ['self.status.nothing == null', true],
    ['self.status.message.matches("^no (disk|memory)$")', true],
    ['self.metadata.name.upperAscii() == "IT"', true],
    ['type(self.spec.replicas) == int', true],
    ['self.status.message.startsWith("no") ? self.status.message + "!" : ""', 'no disk!'],
  ])('%s is %s', (text, expected) => {
    expect(compile(text, ['self']).evaluate({ self })).toBe(expected);
  });

  it.each([
    ['self.status.ready ==', 'found = but expecting end of input at line 1, column 19'],
    ['self.a &&\n  (self.b', 'at line 1, column 8'],
    ['self.a == 1 &&\n  ready(self)', 'there is no function ready at line 2, column 3'],
    ['object.status.ready == 1', 'there is no object: the object is called self at line 1, column 1'],
    ['self.list.sort().size() > 1', 'there is no function sort at line 1, column 10'],
    ['self.l.exists(c, d > 1)', 'there is no d: the object is called self at line 1, column 18'],
    ['{"a": x}.a == 1', 'there is no x: the object is called self at line 1, column 7'],
    ['[x].size() == 1', 'there is no x: the object is called self at line 1, column 2'],
    ['', 'at line 1, column 1'],
  ])('refuses %j and says where', (text, problem) => {
    expect(() => compile(text, ['self'])).toThrow(problem);
  });

  it.each([
    ['self.status.phase == "Done"', 'field not found: phase at line 1, column 12'],
    ['self.spec.replicas.startsWith("3")', "no matching overload for 'startsWith'"],
    ['self.status.conditions[7].type == "x"', 'at line 1'],
    ['1 / 0 == 1', 'divide by zero'],
  ])('says where %s can not be evaluated', (text, problem) => {
    expect(() => compile(text, ['self']).evaluate({ self })).toThrow(problem);
  });

  it('refuses what is nested too deeply', () => {
    expect(() => compile('('.repeat(3_000), ['self'])).toThrow('is nested too deeply');
  });

  // P8 of the vectors.
  it.each(['^(a+)+$', '(.*)*x'])('is not held up by the regular expression %s', (expression) => {
    const started = performance.now();
    const slow = compile(`self.text.matches("${expression}")`, ['self']);
    expect(slow.evaluate({ self: { text: `${'a'.repeat(30)}!` } })).toBe(false);
    expect(performance.now() - started).toBeLessThan(500);
  });
});

/** What a rule says of the object. */
function ask(rule: Omit<OwnRule, 'group' | 'kind'>, object: object = self) {
  const whole = { group: 'example.com', kind: 'Widget', ...rule };
  return verdictBy(whole, createEvaluator().answer(expressionsOf(whole), { self: object as never }));
}

describe('a rule of people', () => {
  it.each([
    [{ progressing: 'true', degraded: 'true', healthy: 'true' }, 'Progressing', 'RuleProgressing'],
    [{ progressing: 'false', degraded: 'true', healthy: 'true' }, 'Degraded', 'RuleDegraded'],
    [{ progressing: 'false', degraded: 'false', healthy: 'true' }, 'Healthy', 'RuleHealthy'],
    [{ degraded: 'false', healthy: 'false' }, 'Progressing', 'RuleNotMet'],
    [{ degraded: 'self.status.none == 1', healthy: 'true' }, 'Healthy', 'RuleHealthy'],
    [{ healthy: 'self.status.none == 1' }, 'Progressing', 'RuleNotMet'],
    [{ healthy: 'self.status.ready' }, 'Progressing', 'RuleNotMet'],
  ])('%j makes it %s', (rule, status, reason) => {
    expect(ask(rule)).toMatchObject({ status, reason });
  });

  it('says what it was told to say, and otherwise what could not be answered', () => {
    expect(ask({ degraded: 'true', message: '"only " + string(self.status.ready) + " ready"' })?.message).toBe(
      'only 2 ready',
    );
    expect(ask({ degraded: 'true', message: 'self.nothing' })?.message).toBe('is degraded, by the rule for its kind');
    expect(ask({ healthy: 'self.status.none == 1' })?.message).toBe(
      'the expression healthy of the rule for its kind: field not found: none at line 1, column 12',
    );
    expect(ask({ healthy: 'self.status.ready' })?.message).toBe(
      'the expression healthy of the rule for its kind comes to no true or false',
    );
  });

  it('that only says what is bad leaves all else to the kind', () => {
    expect(ask({ degraded: 'false' })).toBeUndefined();
    const rule = { group: 'example.com', kind: 'Widget', degraded: 'self.status.message == "no disk"' };
    const ruled = (object: KubeObject) =>
      verdictBy(rule, createEvaluator().answer(expressionsOf(rule), { self: object }));
    expect(healthOf(self as unknown as KubeObject, { now: 0, ruled }).status).toBe('Degraded');
    const other = { ...self, status: { ...self.status, message: '' } };
    expect(healthOf(other as unknown as KubeObject, { now: 0, ruled }).status).toBe('Healthy');
  });

  it('comes after deletion, a controller that lags, Stalled and Reconciling', () => {
    const ruled = () => ({ status: 'Healthy' as const, reason: 'RuleHealthy', message: '' });
    const word = (change: object) =>
      healthOf({ ...self, ...change } as unknown as KubeObject, { now: 0, ruled }).reason;
    expect(word({})).toBe('RuleHealthy');
    expect(word({ metadata: { ...self.metadata, deletionTimestamp: 'now' } })).toBe('Terminating');
    expect(word({ status: { observedGeneration: 2 } })).toBe('GenerationLag');
    expect(word({ status: { conditions: [{ type: 'Stalled', status: 'True' }] } })).toBe('Stalled');
    expect(word({ status: { conditions: [{ type: 'Reconciling', status: 'True' }] } })).toBe('Reconciling');
  });

  it('of a Delivery counts before that of the installation, by group and kind', () => {
    const rule = (group: string, kind: string, healthy: string): OwnRule => ({ group, kind, healthy });
    const set = ruleSet(
      [rule('example.com', 'Widget', 'own')],
      [rule('example.com', 'Widget', 'theirs'), rule('', 'Pod', 'core')],
    );
    expect(ruleFor(set, { apiVersion: 'example.com/v2', kind: 'Widget' })?.healthy).toBe('own');
    expect(ruleFor(set, { apiVersion: 'v1', kind: 'Pod' })?.healthy).toBe('core');
    expect(ruleFor(set, { apiVersion: 'other.com/v1', kind: 'Widget' })).toBeUndefined();
  });

  it('is checked expression by expression', () => {
    const rule = { group: '', kind: 'Pod', progressing: 'self.', degraded: 'true', healthy: 'nope()', message: '"a' };
    const problems = createEvaluator().check(expressionsOf(rule));
    expect(problems.map((one) => one.split(':')[0])).toEqual(['progressing', 'healthy', 'message']);
  });
});
