import { describe, expect, it } from 'vitest';
import {
  deletePoliciesOf,
  gateOf,
  hookProblems,
  isForward,
  isHook,
  phaseOfGate,
  phases,
  phasesOf,
  shownWave,
  waveTitle,
} from '../../../../sync/hooks/phases.ts';
import { inPhases } from '../../../../sync/hooks/wanted.ts';
import { keyOf, refOf } from '../../../../sync/types.ts';
import { object } from '../support/objects.ts';

const hook = (annotations: Record<string, string>, kind = 'Job') => object(kind, 'a', { annotations, spec: {} });

describe('the phases of a hook', () => {
  it.each([
    [{ 'lockstep.dev/hook': 'PostSync' }, ['PostSync']],
    [{ 'argocd.argoproj.io/hook': 'PostSync, PreSync' }, ['PreSync', 'PostSync']],
    [{ 'lockstep.dev/hook': 'Sync', 'argocd.argoproj.io/hook': 'PreSync' }, ['Sync']],
    [{ 'argocd.argoproj.io/hook': 'Skip,PreSync' }, ['PreSync']],
    [{ 'helm.sh/hook': 'pre-install,pre-upgrade' }, ['PreSync']],
    [{ 'helm.sh/hook': 'post-upgrade' }, ['PostSync']],
    [{ 'helm.sh/hook': 'post-install' }, []],
    [{ 'helm.sh/hook': 'test' }, []],
    [{ 'helm.sh/hook': 'pre-rollback' }, ['PreRollback']],
  ])('%j are %j', (annotations, expected) => {
    expect(phasesOf(hook(annotations), false)).toEqual(expected);
  });

  it('of Helm depend on whether it is an install', () => {
    expect(phasesOf(hook({ 'helm.sh/hook': 'pre-install' }), true)).toEqual(['PreSync']);
    expect(phasesOf(hook({ 'helm.sh/hook': 'pre-upgrade' }), true)).toEqual([]);
  });

  it.each([[{}], [{ 'lockstep.dev/hook': 'Skip' }], [{ 'helm.sh/hook': 'crd-install' }]])(
    '%j is no hook',
    (annotations) => {
      expect(isHook(hook(annotations))).toBe(false);
    },
  );

  it.each([
    [{ 'argocd.argoproj.io/hook': 'Presync' }, /"Presync" is no phase/],
    [{ 'helm.sh/hook': 'PreSync' }, /"PreSync" is no phase; there are pre-install/],
    [{ 'lockstep.dev/hook-delete-policy': 'Never' }, /"Never" is no delete policy/],
  ])('%j is a mistake that is named', (annotations, problem) => {
    expect(hookProblems(hook(annotations)).join()).toMatch(problem);
  });

  it('lie in one line, each as one number', () => {
    const gates = phases.map((phase) => gateOf(phase, 0));
    expect(gates).toEqual([...gates].sort((a, b) => a - b));
    for (const phase of phases)
      for (const wave of [-999_999_999, 0, 999_999_999])
        expect(phaseOfGate(gateOf(phase, wave))).toEqual({ phase, wave });
    expect(phases.filter((phase) => isForward(gateOf(phase, 999_999_999)))).toEqual(['PreSync', 'Sync', 'PostSync']);
    expect(isForward(gateOf('SyncFail', -999_999_999))).toBe(false);
    expect([waveTitle(3), waveTitle(gateOf('PreSync', -1))]).toEqual(['3', 'PreSync -1']);
    expect([shownWave(3), shownWave(gateOf('PostSync', 2))]).toEqual([{ wave: 3 }, { wave: 2, phase: 'PostSync' }]);
  });

  it('has the delete policies of any of the three annotations', () => {
    const policies = {
      'helm.sh/hook-delete-policy': 'hook-succeeded, before-hook-creation',
      'lockstep.dev/hook-delete-policy': 'HookFailed',
    };
    expect(deletePoliciesOf(hook(policies))).toEqual(['HookSucceeded', 'HookFailed']);
  });
});

describe('what a release wants', () => {
  const desired = (...manifests: ReturnType<typeof hook>[]) =>
    manifests.map((manifest) => ({ key: keyOf(refOf(manifest)), manifest, hash: 'h' }));

  it('runs a Job of two phases twice, and makes a ConfigMap of two phases once', () => {
    const both = { 'argocd.argoproj.io/hook': 'PreSync,PostSync' };
    const { wanted } = inPhases(desired(hook(both), hook(both, 'ConfigMap')), false);
    expect(wanted.map(({ key, phase }) => `${phase} ${key}`)).toEqual([
      'PreSync /Job//a',
      'PostSync /Job//a-postsync',
      'PreSync /ConfigMap//a',
    ]);
  });

  it('keeps the time to live of a Job for later', () => {
    const job = object('Job', 'a', {
      annotations: { 'lockstep.dev/hook': 'PreSync' },
      spec: { ttlSecondsAfterFinished: 0 },
    });
    const [one] = inPhases(desired(job), false).wanted;
    expect(one?.hook).toEqual({ phase: 'PreSync', deletes: [], timeToLive: 0 });
    expect(one?.manifest['spec']).toEqual({});
  });

  it('leaves a hook out that does not run this time, and knows it', () => {
    const { wanted, idle } = inPhases(desired(hook({ 'helm.sh/hook': 'pre-install' })), false);
    expect(wanted).toEqual([]);
    expect([...idle]).toEqual(['/Job//a']);
  });
});
