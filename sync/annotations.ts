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
  'lockstep.dev/hook': {
    by: 'git',
    values: 'Skip, Sync',
    about:
      'Skip leaves the object alone: neither applied, healed, waited for nor deleted. Other phases are refused in this version.',
  },
  'argocd.argoproj.io/hook': { by: 'git', values: 'Skip, Sync', about: 'The same.' },
  'helm.sh/hook': { by: 'git', values: '', about: 'Hooks of charts are refused in this version.' },
  'kustomize.toolkit.fluxcd.io/reconcile': { by: 'git', values: 'disabled', about: 'Leaves the object alone.' },
  'lockstep.dev/prune': {
    by: 'git',
    values: 'disabled',
    about: 'The object stays when it leaves Git, and when the Delivery is deleted.',
  },
  'kustomize.toolkit.fluxcd.io/prune': { by: 'git', values: 'disabled', about: 'The same.' },
  'helm.sh/resource-policy': { by: 'git', values: 'keep', about: 'The same.' },
  'argocd.argoproj.io/sync-options': {
    by: 'git',
    values: 'Prune=false, Delete=false',
    about: 'The object stays when it leaves Git; or when the Delivery is deleted. With commas between.',
  },
  'lockstep.dev/adopt': {
    by: 'git',
    values: '"true"',
    about: 'The object, and fields of it that others own, may be taken over from another tool.',
  },
  'lockstep.dev/health': {
    by: 'git',
    values: 'ignore',
    about: 'The health of the object does not count.',
  },
  'lockstep.dev/request': {
    by: 'delivery',
    values: 'VERB@ID [by=NAME] [to=RELEASE]',
    about:
      'Asks for sync, retry, accept, rollback, suspend or resume, once for each ID; acknowledged in status.lastRequest.',
  },
  'lockstep.dev/delivery': {
    by: 'lockstep',
    values: 'a short uid',
    about: 'A label: the Delivery that the object belongs to. Refused in Git.',
  },
  'lockstep.dev/owner': { by: 'lockstep', values: 'NAMESPACE/NAME', about: 'The same, for people. Refused in Git.' },
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
