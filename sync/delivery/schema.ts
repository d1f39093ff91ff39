import { type Static, Type } from '@sinclair/typebox';
import { metric } from './analysis-schema.ts';
import { duration, flag, listOf, section, signal, text, words } from './fields.ts';
import { render } from './render-schema.ts';
import { secretRef, source } from './source-schema.ts';

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
    kubeconfigSecretRef: Type.Optional(
      Type.Object(secretRef.properties, {
        description:
          'A Secret whose kubeconfig leads to another cluster: everything is done there, as the user that it names. The account only reads Secrets then.',
      }),
    ),
  },
  'Where the objects go, and as whom. It can not be changed later.',
);

const pattern = (what: string) =>
  Type.Optional(text(`${what}; a star stands for anything. Without it, all.`, { maxLength: 253 }));

const ignoreRule = Type.Object(
  {
    group: pattern('The API group of the objects; empty for the core'),
    kind: pattern('Their kind'),
    namespace: pattern('Their namespace'),
    name: pattern('Their name'),
    jsonPointers: listOf(
      text('A JSON pointer into the manifest. A star stands for every item of a list.', { maxLength: 1000 }),
      'Fields that are left alone.',
    ),
    managedFieldsManagers: listOf(
      text('A field manager.', { minLength: 1, maxLength: 128 }),
      'Managers whose fields are left to them.',
    ),
  },
  { description: 'Fields that are neither compared nor applied once an object exists.' },
);

export type IgnoreSpec = Static<typeof ignoreRule>;

const window = section(
  {
    kind: words(['allow', 'deny'], 'Whether it allows releases or denies them.', 'allow'),
    schedule: text('When it opens, in five fields of cron: `0 22 * * 1-5`.', { minLength: 1, maxLength: 200 }),
    duration: Type.String({
      description: 'How long it stays open.',
      pattern: '^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$',
      maxLength: 20,
    }),
    timeZone: Type.Optional(
      text('The time zone of the schedule, by its IANA name.', { maxLength: 100, default: 'UTC' }),
    ),
    manualSync: flag('Whether a person may start a release all the same, by a `sync` request.', false),
  },
  'A time that comes again and again.',
);

export type WindowSpec = Static<typeof window>;

const sync = section(
  {
    mode: words(['auto', 'manual'], 'Whether a new revision is applied by itself.', 'auto'),
    approval: words(['none', 'required'], 'Whether a plan needs a person to approve it.', 'none'),
    prune: flag('Whether objects that left Git are deleted, after the new ones are healthy.', true),
    selfHeal: flag('Whether drift is undone; otherwise it is told, and undone by a `sync` request.', true),
    adopt: flag('Whether objects and fields of other tools are taken over.', false),
    restartOnConfigChange: flag('Whether pods restart when a ConfigMap or Secret they refer to changes.', false),
    ignore: listOf(ignoreRule, 'Fields of objects that are left alone, as they are in the cluster.'),
    windows: listOf(
      window,
      'When releases may start: while no window denies it, and, where there are windows that allow it, one of those is open. Rollbacks and healing never wait.',
      20,
    ),
  },
  'How a revision is applied.',
);

const expression = (description: string) => Type.Optional(text(description, { minLength: 1, maxLength: 4096 }));

/** A health rule as people write it, in a Delivery and in the ConfigMap of the installation. */
export const healthRule = section(
  {
    group: Type.Optional(text('Its API group; empty for the core group.', { maxLength: 253, default: '' })),
    kind: text('Its kind.', { minLength: 1, maxLength: 63 }),
    progressing: expression('When it is on its way. This is asked first.'),
    degraded: expression('When it has failed. This is asked second.'),
    healthy: expression('When it is as it should be; while it is not, it is progressing.'),
    message: expression('A text that is told beside the word.'),
  },
  'Says by CEL expressions over `self`, the object, how objects of a kind are.',
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
    rules: listOf(
      healthRule,
      'Health rules for kinds of your own, in CEL. They count before those of the installation.',
      64,
    ),
    analysis: listOf(metric, 'What a release is measured by before it is good, once everything is healthy.', 20),
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
    source: Type.Optional(source),
    render: Type.Optional(render),
    target: Type.Optional(Type.Object(target.properties, { description: target.description ?? '', default: {} })),
    sync: Type.Optional(Type.Object(sync.properties, { description: sync.description ?? '', default: {} })),
    health: Type.Optional(Type.Object(health.properties, { description: health.description ?? '', default: {} })),
    rollback: Type.Optional(Type.Object(rollback.properties, { description: rollback.description ?? '', default: {} })),
    history: Type.Optional(
      Type.Integer({ description: 'How many releases are kept.', minimum: 1, maximum: 100, default: 10 }),
    ),
    dependsOn: listOf(
      section(
        {
          name: text('Its name.', { minLength: 1, maxLength: 253 }),
          namespace: Type.Optional(text('Its namespace. Without it, that of this Delivery.', { maxLength: 63 })),
        },
        'Another Delivery that the same agent serves.',
      ),
      'Deliveries that must be good at what Git says now before a release begins.',
      50,
    ),
    deletionPolicy: words(['delete', 'orphan'], 'What happens to the objects when the Delivery is deleted.', 'delete'),
    suspend: flag('Whether everything is paused.', false),
  },
  { description: 'What is delivered, and how.' },
);

export type DeliverySpec = Static<typeof deliverySpec>;
