/** One annotation or label that means something to Lockstep. */
interface Meaning {
  /** `git`: a person writes it into a manifest. `delivery`: onto a Delivery. `lockstep`: Lockstep writes it. `others`: other tools do. */
  readonly by: 'git' | 'delivery' | 'lockstep' | 'others';
  readonly values: string;
  readonly about: string;
}

/** Every annotation and label that is read or written. The reference page is generated from it; code can read no other. */
export const meanings = {
  'lockstep.dev/wave': {
    by: 'git',
    values: 'a whole number, 0 by default',
    about: 'The wave of the object. A wave begins when everything in the one before is healthy.',
  },
  'argocd.argoproj.io/sync-wave': {
    by: 'git',
    values: 'a whole number',
    about: 'The same, where the own one is missing.',
  },
  'config.kubernetes.io/depends-on': {
    by: 'git',
    values: 'GROUP/namespaces/NAMESPACE/KIND/NAME, GROUP/KIND/NAME',
    about:
      'Objects of the same revision, with commas between, that must be healthy before this one is applied. A group may be empty.',
  },
  'lockstep.dev/hook': {
    by: 'git',
    values: 'PreSync, Sync, PostSync, SyncFail, PreRollback, PostRollback, PreDelete, PostDelete; Skip',
    about:
      'The object is a hook: it runs once in each release, in these phases. Skip alone leaves the object alone: neither applied, healed, waited for nor deleted.',
  },
  'argocd.argoproj.io/hook': { by: 'git', values: 'as above', about: 'The same, where the own one is missing.' },
  'helm.sh/hook': {
    by: 'git',
    values:
      'pre-install, pre-upgrade, post-install, post-upgrade, pre-rollback, post-rollback, pre-delete, post-delete; test',
    about:
      'The same, as Helm calls it: install is a first release, upgrade a later one. Tests of charts are not run; crd-install is no hook.',
  },
  'helm.sh/hook-weight': { by: 'git', values: 'a whole number', about: "The wave of one of Helm's hooks." },
  'lockstep.dev/irreversible': {
    by: 'git',
    values: 'true',
    about:
      'On a hook: what it does can not be undone. A release that fails after it has succeeded is not rolled back by itself; a person is told, and may ask for it.',
  },
  'lockstep.dev/hook-delete-policy': {
    by: 'git',
    values: 'HookSucceeded, HookFailed, BeforeHookCreation',
    about:
      'When the object of a hook is deleted, with commas between. That of an earlier release always goes before it is made anew.',
  },
  'argocd.argoproj.io/hook-delete-policy': { by: 'git', values: 'as above', about: 'The same.' },
  'helm.sh/hook-delete-policy': {
    by: 'git',
    values: 'hook-succeeded, hook-failed, before-hook-creation',
    about: 'The same.',
  },
  'lockstep.dev/self': {
    by: 'git',
    values: 'managed',
    about: 'On a Delivery in its own repository: it changes itself by what stands there. It never deletes itself.',
  },
  'lockstep.dev/substitute': {
    by: 'git',
    values: 'disabled',
    about: 'Variables in the object stay as they are, where spec.render.substitute replaces them elsewhere.',
  },
  'kustomize.toolkit.fluxcd.io/substitute': { by: 'git', values: 'disabled', about: 'The same, also as a label.' },
  'kustomize.toolkit.fluxcd.io/reconcile': {
    by: 'git',
    values: 'disabled',
    about: 'Leaves the object alone; on the live object too, where it may be a label as well.',
  },
  'lockstep.dev/prune': {
    by: 'git',
    values: 'disabled, first, allowed',
    about:
      'disabled: the object stays when it leaves Git, and when the Delivery is deleted. first: when it leaves Git it is deleted before anything is applied, because what comes needs its place. allowed: on a Delivery, it goes with all that it has when it leaves Git, without anybody confirming it.',
  },
  'kustomize.toolkit.fluxcd.io/prune': { by: 'git', values: 'disabled', about: 'The object stays when it leaves Git.' },
  'helm.sh/resource-policy': { by: 'git', values: 'keep', about: 'The same.' },
  'argocd.argoproj.io/sync-options': {
    by: 'git',
    values:
      'Prune=false, Delete=false, Force=true, Replace=true, SkipDryRunOnMissingResource=true, and others that mean nothing here',
    about:
      'With commas between. Prune and Delete: the object stays when it leaves Git, or when the Delivery is deleted. Force: it may be deleted and made again where a field can not be changed. Replace: fields that others own are taken. SkipDryRunOnMissingResource: its kind may come to be during the release. PruneLast and ServerSideApply are what is always done; Validate=false changes nothing, as the API server validates anyway.',
  },
  'lockstep.dev/replace': {
    by: 'git',
    values: 'allowed',
    about:
      'The object may be deleted and made again where a field of it can not be changed. Namespaces, CustomResourceDefinitions and volumes never are.',
  },
  'kustomize.toolkit.fluxcd.io/force': { by: 'git', values: 'enabled', about: 'The same.' },
  'kustomize.toolkit.fluxcd.io/ssa': {
    by: 'git',
    values: 'Override, Merge, IfNotPresent, Ignore',
    about:
      'Merge: what tools like kubectl set stays theirs. IfNotPresent: it is made where it is missing, and neither changed nor healed. Ignore: it is left alone.',
  },
  'lockstep.dev/adopt': {
    by: 'git',
    values: '"true"',
    about: 'The object, and fields of it that others own, may be taken over from another tool.',
  },
  'lockstep.dev/ignore': {
    by: 'git',
    values: 'JSON pointers, such as /spec/replicas',
    about:
      'With commas between. Fields that are neither compared nor applied once the object exists; `*` stands for every item of a list.',
  },
  'lockstep.dev/health': {
    by: 'git',
    values: 'ignore',
    about: 'The health of the object does not count.',
  },
  'argocd.argoproj.io/ignore-healthcheck': { by: 'git', values: '"true"', about: 'The same.' },
  'argocd.argoproj.io/compare-options': {
    by: 'git',
    values: 'IgnoreExtraneous, and others that mean nothing here',
    about: 'The object is no orphan, although no Delivery has it; on the live object.',
  },
  'lockstep.dev/request': {
    by: 'delivery',
    values: 'VERB@ID [by=NAME] [to=RELEASE] [plan=HASH]',
    about:
      'Asks for sync, confirm, approve, retry, accept, rollback, suspend or resume, once for each ID; acknowledged in status.lastRequest. What is confirmed is one plan, or `plan=deletion` for a Delivery that is being deleted.',
  },
  'lockstep.dev/delivery': {
    by: 'lockstep',
    values: 'a short uid',
    about: 'A label: the Delivery that the object belongs to. Refused in Git.',
  },
  'lockstep.dev/owner': { by: 'lockstep', values: 'NAMESPACE/NAME', about: 'The same, for people. Refused in Git.' },
  'lockstep.dev/config-hash': {
    by: 'lockstep',
    values: 'a fingerprint',
    about:
      'On pod templates, where spec.sync.restartOnConfigChange is true: of the ConfigMaps and Secrets of the same revision that they refer to. It is keyed, and tells nothing of them.',
  },
  'lockstep.dev/release': {
    by: 'lockstep',
    values: 'a number',
    about: 'The release that last changed the object. Refused in Git.',
  },
  'argocd.argoproj.io/tracking-id': {
    by: 'others',
    values: '',
    about: 'The object belongs to an Argo CD application.',
  },
  'kustomize.toolkit.fluxcd.io/name': {
    by: 'others',
    values: '',
    about: 'A label: it belongs to a Flux Kustomization.',
  },
  'helm.toolkit.fluxcd.io/name': { by: 'others', values: '', about: 'A label: it belongs to a Flux HelmRelease.' },
  'meta.helm.sh/release-name': { by: 'others', values: '', about: 'It belongs to a Helm release.' },
} as const satisfies Record<string, Meaning>;

/** An annotation or label that is known. */
export type KnownName = keyof typeof meanings;
