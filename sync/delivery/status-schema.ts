import { type Static, Type } from '@sinclair/typebox';
import { text } from './fields.ts';

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
          ref: Type.Optional(Type.String({ description: 'The full name of the reference that says so.' })),
          signer: Type.Optional(
            Type.String({ description: 'Who has signed it, where spec.source.verify asks for that.' }),
          ),
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
    analysis: Type.Optional(
      Type.Array(
        Type.Object({
          name: Type.String({ description: 'The name of the metric.' }),
          message: Type.String({ description: 'The last measurement, and how many there were of which outcome.' }),
        }),
        { description: 'What has come of each metric of the last release.', maxItems: 20 },
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
