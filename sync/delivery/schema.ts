import { type Static, type TObject, type TProperties, type TSchema, Type } from '@sinclair/typebox';

/** A duration as Kubernetes writes it: `90s`, `5m`, `1h30m`. */
const duration = (description: string, fallback?: string) =>
  Type.Optional(
    Type.String({
      description,
      pattern: '^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$',
      maxLength: 20,
      ...(fallback === undefined ? {} : { default: fallback }),
    }),
  );

/** A duration, or a word instead of one. */
const signal = (description: string, fallback: string) =>
  Type.Optional(
    Type.String({
      description,
      pattern: '^(off|at-once|([0-9]+(\\.[0-9]+)?(ms|s|m|h))+)$',
      maxLength: 20,
      default: fallback,
    }),
  );

const words = <const T extends string[]>(values: T, description: string, fallback?: T[number]) =>
  Type.Optional(
    Type.Unsafe<T[number]>(
      Type.String({ enum: values, description, ...(fallback === undefined ? {} : { default: fallback }) }),
    ),
  );

const flag = (description: string, fallback: boolean) =>
  Type.Optional(Type.Boolean({ description, default: fallback }));

const text = (description: string, options: object = {}) => Type.String({ description, maxLength: 2048, ...options });

const section = <T extends TProperties>(properties: T, description: string): TObject<T> =>
  Type.Object(properties, { description });

const anything = (description: string) =>
  Type.Unsafe<Record<string, unknown>>(Type.Object({}, { description, 'x-kubernetes-preserve-unknown-fields': true }));

const listOf = <T extends TSchema>(items: T, description: string, maxItems = 100) =>
  Type.Optional(Type.Array(items, { description, maxItems }));

const secretRef = Type.Object({
  name: text('Name of a Secret in the namespace of the Delivery.', { minLength: 1, maxLength: 253 }),
});

const source = section(
  {
    url: text('URL of the Git repository, https:// or http://, without a user or password.', {
      minLength: 1,
      pattern: '^[a-z][a-z0-9+.-]*://[^@\\s]+$',
    }),
    ref: Type.Optional(
      section(
        {
          branch: Type.Optional(text('A branch. Without any reference it is main.', { maxLength: 1000 })),
          tag: Type.Optional(text('A tag.')),
          semver: Type.Optional(text('A range over the tags; the highest match counts.')),
          commit: Type.Optional(text('A commit by its full id.', { pattern: '^[0-9a-f]{40}$' })),
          name: Type.Optional(text('The full name of a reference, such as refs/heads/main.')),
          digest: Type.Optional(text('The digest of an OCI artifact.')),
        },
        'What to follow in the repository.',
      ),
    ),
    path: Type.Optional(
      text('The folder that holds the manifests. Without it, the whole repository.', { default: '' }),
    ),
    secretRef: Type.Optional(secretRef),
    interval: duration('How often the repository is asked for news when no webhook comes.', '60s'),
    verify: Type.Optional(anything('Whose signatures a commit needs.')),
    submodules: flag('Whether submodules are read.', false),
    requireFastForward: flag('Whether a rewritten history must be confirmed.', false),
  },
  'Where the manifests come from.',
);

const render = section(
  {
    kustomize: Type.Optional(anything('Settings for kustomize.')),
    helm: Type.Optional(anything('Settings for Helm: repository, chart, version, secretRef, values, valuesFrom.')),
    substitute: Type.Optional(anything('Variables in the manifests, written as a dollar sign and a name in braces.')),
    decryption: Type.Optional(anything('Keys for encrypted manifests.')),
  },
  'How the manifests are rendered. Without it that is detected.',
);

const target = section(
  {
    namespace: Type.Optional(
      text('The namespace for objects that name none. Without it, that of the Delivery.', { maxLength: 63 }),
    ),
    serviceAccountName: Type.Optional(
      text('The service account, in the namespace of the Delivery, that everything is done as. It must exist.', {
        default: 'lockstep',
        minLength: 1,
        maxLength: 253,
      }),
    ),
    kubeconfigSecretRef: Type.Optional(secretRef),
  },
  'Where the objects go, and as whom. It can not be changed later.',
);

const sync = section(
  {
    mode: words(['auto', 'manual'], 'Whether a new revision is applied by itself.', 'auto'),
    approval: words(['none', 'required'], 'Whether a plan needs a person to approve it.', 'none'),
    prune: flag('Whether objects that left Git are deleted, after the new ones are healthy.', true),
    selfHeal: flag('Whether drift is undone; otherwise it is told, and undone by a `sync` request.', true),
    adopt: flag('Whether objects and fields of other tools are taken over.', false),
    restartOnConfigChange: flag('Whether pods restart when a ConfigMap or Secret they refer to changes.', false),
    ignore: listOf(anything('What to leave alone.'), 'Differences to ignore.'),
    windows: listOf(anything('A time window.'), 'When releases may start.'),
  },
  'How a revision is applied.',
);

const health = section(
  {
    deadline: duration('How long a wave may go without progress.', '10m'),
    steady: duration('How long a changed workload must stay healthy.', '5s'),
    bake: duration('How long a release is watched before it counts as good.', '0s'),
    signals: Type.Optional(
      section(
        {
          imagePull: signal('An image can not be pulled; two tries count too.', '30s'),
          imageName: signal('An image name is not valid.', 'at-once'),
          crashLoop: signal('A container ends again and again; three restarts count too.', '60s'),
          config: signal('A container can not be made: a ConfigMap, Secret, key or command is missing.', '15s'),
          unschedulable: signal('No node takes a pod.', '60s'),
          quota: signal('A quota leaves no room for pods.', '15s'),
          refused: signal('Pods are refused for good, or a Job failed.', 'at-once'),
          degraded: signal('An object is Degraded for another reason.', '15s'),
        },
        'How long each signal of failure must last before the release fails by it: a duration, at-once, or off.',
      ),
    ),
    rules: listOf(anything('A rule in CEL.'), 'Health rules for kinds of your own.'),
    analysis: listOf(anything('A query.'), 'Metrics that judge a release.'),
  },
  'When a release counts as healthy.',
);

const rollback = section(
  {
    mode: words(
      ['auto', 'manual', 'off'],
      'Whether a failed release is rolled back by itself; with manual the status says how to ask for it.',
      'auto',
    ),
    onFirstFailure: words(['keep', 'delete'], 'What happens to the objects of a first release that fails.', 'keep'),
    probation: duration('How long a good release is still watched before anything is deleted.', '60s'),
  },
  'What happens when a release fails.',
);

/** `spec` of a Delivery. The CRD, the types and the reference page come from here. */
export const deliverySpec = Type.Object(
  {
    source,
    render: Type.Optional(render),
    target: Type.Optional(Type.Object(target.properties, { description: target.description ?? '', default: {} })),
    sync: Type.Optional(Type.Object(sync.properties, { description: sync.description ?? '', default: {} })),
    health: Type.Optional(Type.Object(health.properties, { description: health.description ?? '', default: {} })),
    rollback: Type.Optional(Type.Object(rollback.properties, { description: rollback.description ?? '', default: {} })),
    history: Type.Optional(
      Type.Integer({ description: 'How many releases are kept.', minimum: 1, maximum: 100, default: 10 }),
    ),
    dependsOn: listOf(anything('Another Delivery.'), 'Deliveries that must be good first.'),
    deletionPolicy: words(['delete', 'orphan'], 'What happens to the objects when the Delivery is deleted.', 'delete'),
    suspend: flag('Whether everything is paused.', false),
  },
  { description: 'What is delivered, and how.' },
);

export type DeliverySpec = Static<typeof deliverySpec>;

const date = (description: string) =>
  Type.Optional(Type.Unsafe<string>({ type: 'string', format: 'date-time', description }));

const condition = Type.Object(
  {
    type: text('Ready, Reconciling, Stalled, Healthy or Held.'),
    status: Type.Unsafe<'True' | 'False' | 'Unknown'>({ type: 'string', enum: ['True', 'False', 'Unknown'] }),
    observedGeneration: Type.Optional(Type.Unsafe<number>({ type: 'integer', format: 'int64' })),
    lastTransitionTime: Type.Unsafe<string>({ type: 'string', format: 'date-time' }),
    reason: text('A stable machine word.'),
    message: Type.String({ maxLength: 32768 }),
  },
  { description: 'A condition as kstatus reads it.' },
);

const counts = (description: string) =>
  Type.Optional(
    Type.Unsafe<Record<string, number>>({ type: 'object', description, additionalProperties: { type: 'integer' } }),
  );

const worstObject = Type.Object(
  {
    kind: Type.String(),
    namespace: Type.Optional(Type.String()),
    name: Type.String(),
    health: Type.String(),
    reason: Type.String(),
    message: Type.String(),
  },
  { description: 'An object that is not healthy.' },
);

const historyEntry = Type.Object(
  {
    sequence: Type.Integer(),
    revision: Type.String(),
    author: Type.String(),
    subject: Type.String(),
    verdict: Type.String(),
    time: Type.String(),
    cause: Type.Optional(Type.String()),
  },
  { description: 'A release that ended.' },
);

/** `status` of a Delivery. */
export const deliveryStatus = Type.Object(
  {
    observedGeneration: Type.Optional(Type.Unsafe<number>({ type: 'integer', format: 'int64' })),
    conditions: Type.Optional(
      Type.Unsafe<Static<typeof condition>[]>({
        type: 'array',
        items: condition,
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['type'],
      }),
    ),
    state: Type.Optional(text('The state of the release, as in the design.')),
    revision: Type.Optional(
      Type.Object(
        {
          tip: Type.Optional(Type.String({ description: 'What Git says now.' })),
          target: Type.Optional(Type.String({ description: 'What the cluster is driven to.' })),
          good: Type.Optional(Type.String({ description: 'The last release that was verified.' })),
          author: Type.Optional(Type.String({ description: 'Who wrote the target.' })),
          subject: Type.Optional(Type.String({ description: 'The first line of its message.' })),
        },
        { description: 'Revisions.' },
      ),
    ),
    sequence: Type.Optional(
      Type.Integer({ description: 'The number that was given last, to a release or to a tip that was rejected.' }),
    ),
    wave: Type.Optional(
      Type.Object(
        {
          index: Type.Integer({ description: 'The wave that is being applied, from 1.' }),
          count: Type.Integer({ description: 'How many there are.' }),
          number: Type.Optional(Type.Integer({ description: 'Its number as in the annotation.' })),
          phase: Type.Optional(Type.String({ description: 'The phase of its hooks; none for Sync.' })),
        },
        { description: 'Progress.' },
      ),
    ),
    hold: Type.Optional(
      Type.Object(
        {
          revision: Type.String({ description: 'The revision whose content is held.' }),
          subject: Type.Optional(Type.String({ description: 'The first line of its message.' })),
          reason: Type.String({ description: 'A stable machine word.' }),
          message: Type.String({ description: 'Why, in one sentence that names the object.' }),
        },
        { description: 'What is held back, and why.' },
      ),
    ),
    leftBehind: Type.Optional(
      Type.Array(Type.String(), { description: 'What the last rollback could not take back, and why.', maxItems: 20 }),
    ),
    plan: Type.Optional(text('What the last plan is known by: `confirm` names it.')),
    actions: counts('Objects by what the last plan did with them.'),
    health: counts('Objects by health word.'),
    worst: Type.Optional(
      Type.Array(worstObject, {
        description: 'The objects that are not healthy, worst first, at most 10.',
        maxItems: 10,
      }),
    ),
    history: Type.Optional(Type.Array(historyEntry, { description: 'The last releases, newest first.', maxItems: 10 })),
    lastSync: date('When the target was last changed.'),
    lastRequest: Type.Optional(text('The last request annotation that was taken note of.')),
    requestRefused: Type.Optional(text('Why that request was not carried out.')),
  },
  { description: 'What is.' },
);

export type DeliveryStatus = Static<typeof deliveryStatus>;
export type DeliveryCondition = Static<typeof condition>;
