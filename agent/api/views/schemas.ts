import { type Static, type TProperties, Type } from '@sinclair/typebox';

/** What REST answers. The OpenAPI page and the types of the views come from here. */
const text = (description: string) => Type.String({ description });
const count = (description: string) => Type.Integer({ description });
const optional = { additionalProperties: false };
const record = (properties: TProperties, description: string) => Type.Object(properties, { ...optional, description });
/** Any JSON value: a manifest, or one field of it. */
const anything = (description: string) => Type.Unknown({ description });

const counts = (description: string) => Type.Record(Type.String(), Type.Integer(), { description });

const reference = {
  apiVersion: text('Its group and version.'),
  kind: text('Its kind.'),
  namespace: Type.Optional(text('Its namespace, unless the kind has none.')),
  name: text('Its name.'),
};

const historyLine = {
  sequence: count('The number of the release.'),
  revision: text('The commit.'),
  author: text('Who wrote it.'),
  subject: text('The first line of its message.'),
  verdict: text('Good, RolledBack, Rejected, Superseded or Degraded.'),
  time: text('When it ended, ISO 8601.'),
  cause: Type.Optional(text('Why, where it did not end well.')),
};

export const deliveryView = Type.Object(
  {
    namespace: text('Its namespace.'),
    name: text('Its name.'),
    uid: text('Its uid.'),
    source: Type.Object({ url: text('The repository.'), ref: text('The branch.'), path: text('The folder in it.') }),
    isSuspended: Type.Boolean({ description: 'Whether spec.suspend is set.' }),
    state: text('The state of the release.'),
    ready: Type.Object({
      status: text('True, False or Unknown.'),
      reason: text('A stable machine word.'),
      message: text('What is, in words.'),
    }),
    health: Type.Object({ status: text('The worst health word.'), counts: counts('Objects by health word.') }),
    revision: Type.Object({
      tip: Type.Optional(text('What Git says now.')),
      ref: Type.Optional(text('The full name of the reference that says so.')),
      signer: Type.Optional(text('Who has signed it, where that is asked for.')),
      target: Type.Optional(text('What the cluster is driven to.')),
      good: Type.Optional(text('The last release that was verified.')),
      author: Type.Optional(text('Who wrote the target.')),
      subject: Type.Optional(text('The first line of its message.')),
    }),
    sequence: count('The number that was given last.'),
    wave: Type.Optional(
      Type.Object({
        index: count('The wave that is under way, from 1.'),
        count: count('How many there are.'),
        number: Type.Optional(count('Its number as in the annotation.')),
        phase: Type.Optional(text('The phase of its hooks; none for Sync.')),
      }),
    ),
    hold: Type.Optional(
      Type.Object({
        revision: text('The revision whose content is held.'),
        subject: Type.Optional(text('The first line of its message.')),
        reason: text('A stable machine word.'),
        message: text('Why.'),
      }),
    ),
    actions: counts('Objects by what the last plan did with them.'),
    worst: Type.Array(
      Type.Object({
        kind: text('Its kind.'),
        namespace: Type.Optional(text('Its namespace.')),
        name: text('Its name.'),
        health: text('Its health word.'),
        reason: text('A stable machine word.'),
        message: text('Why.'),
      }),
      { description: 'The objects that are not healthy, worst first, at most 10.' },
    ),
    lastSync: Type.Optional(text('When the target was last changed, ISO 8601.')),
    lastRequest: Type.Optional(text('The last request that was taken note of.')),
    requestRefused: Type.Optional(text('Why that request was not carried out.')),
  },
  { $id: 'Delivery', description: 'A Delivery as it is now.' },
);
export type DeliveryView = Static<typeof deliveryView>;

const healthOfObject = Type.Object(
  { status: text('Its health word.'), reason: text('A stable machine word.'), message: text('Why.') },
  { description: 'How it is.' },
);
const since = text('Since when it has that word, as far as that is known, ISO 8601.');

const pod = record({ ...reference, health: healthOfObject, since: Type.Optional(since) }, 'What it has made.');
const child = record(
  {
    ...reference,
    health: healthOfObject,
    since: Type.Optional(since),
    children: Type.Optional(Type.Array(pod, { description: 'What it has made.' })),
  },
  'What it has made.',
);
export type ChildView = Static<typeof child>;

export const resourceView = Type.Object(
  {
    ...reference,
    isHidden: Type.Boolean({ description: 'Whether the caller may not see more of it.' }),
    wave: count('Its wave.'),
    phase: Type.Optional(text('The phase of a hook; none for Sync.')),
    action: Type.Optional(text('What the last release did with it: create, update, unchanged, adopt or prune.')),
    release: Type.Optional(count('The release that last changed it.')),
    health: Type.Optional(healthOfObject),
    since: Type.Optional(since),
    children: Type.Optional(
      Type.Array(child, { description: 'What it has made, down to pods, as far as the caller may get it.' }),
    ),
    childrenProblem: Type.Optional(text('Why what it has made can not be told.')),
    isDrifted: Type.Optional(Type.Boolean({ description: 'Whether it differs from what was applied last.' })),
  },
  { $id: 'Resource', description: 'An object of a Delivery.' },
);
export type ResourceView = Static<typeof resourceView>;

const change = Type.Object(
  {
    path: text('Where, as people write it.'),
    before: Type.Optional(anything('What is there now; missing when there is nothing.')),
    after: Type.Optional(anything('What would be there; missing when there would be nothing.')),
  },
  { $id: 'Change', description: 'One difference. Values of Secrets are masked.' },
);

const difference = (description: string) =>
  Type.Optional(
    Type.Object(
      {
        action: text('create, update or prune.'),
        changes: Type.Array(change),
        patch: Type.Array(anything('An operation of RFC 6902.')),
      },
      { description },
    ),
  );

export const diffView = Type.Object(
  {
    ...reference,
    isHidden: Type.Boolean({ description: 'Whether the caller may not see more of it.' }),
    release: difference('What releasing the tip would change of the target.'),
    drift: difference('What healing would change of the live object.'),
    foreign: Type.Optional(
      Type.Array(Type.Object({ path: text('Where it is.'), manager: text('Who keeps it.') }), {
        description: 'What others keep in the midst of what Git has. It is no drift.',
      }),
    ),
    problem: Type.Optional(text('Why the live object can not be looked at.')),
  },
  { $id: 'Difference', description: 'An object in which tip, target and live differ.' },
);
export type DiffView = Static<typeof diffView>;

export const historyView = Type.Object(historyLine, { $id: 'HistoryLine', description: 'A release that ended.' });
export type HistoryView = Static<typeof historyView>;

export const releaseView = Type.Object(
  {
    ...historyLine,
    startedAt: text('When it began, ISO 8601.'),
    approvedBy: Type.Optional(text('Who approved its plan, where that was needed.')),
    plan: Type.Array(text('What was planned for one object.')),
    leftBehind: Type.Array(text('What its rollback could not take back, and why.')),
    objects: Type.Array(
      Type.Object({
        title: text('Kind, namespace and name.'),
        wave: count('Its wave.'),
        phase: Type.Optional(text('The phase of a hook; none for Sync.')),
        uid: text('Its uid.'),
        isHidden: Type.Boolean({ description: 'Whether the caller may not see more of it.' }),
        manifest: Type.Optional(anything('What was applied.')),
        answer: Type.Optional(anything('What the API server made of it.')),
      }),
      { description: 'What a rollback to it brings back, a page of it; empty for what is no recorded good release.' },
    ),
    continue: Type.Optional(text('Where the next page of objects begins; missing on the last one.')),
  },
  { $id: 'Release', description: 'All that is recorded of one release. Values of Secrets are masked.' },
);
export type ReleaseView = Static<typeof releaseView>;

export const logView = Type.Object(
  {
    namespace: text('The namespace of the pod.'),
    pod: text('Its name.'),
    container: text('The container.'),
    text: text('What it wrote last.'),
  },
  { $id: 'LogTail', description: 'The last lines of a container that is not well.' },
);

export const requestView = Type.Object(
  { request: text('The request as it stands on the Delivery; `lastRequest` equals it once it was taken note of.') },
  { $id: 'Request' },
);

export const hookView = Type.Object(
  {
    result: text('accepted, ignored or duplicate.'),
    reason: Type.Optional(text('Why nothing is synced.')),
    syncs: Type.Array(text('A Delivery that is looked at now.')),
  },
  { $id: 'HookAnswer' },
);

export const problemView = Type.Object(
  {
    type: text('A page about it.'),
    title: text('What to do about it.'),
    status: count('The HTTP status.'),
    code: text('A stable machine word.'),
    detail: text('What is wrong with this request.'),
  },
  { $id: 'Problem', description: 'RFC 9457.' },
);

/** A page of a list. */
export const pageOf = (item: typeof deliveryView | typeof resourceView | typeof diffView | typeof historyView) =>
  record(
    {
      items: Type.Array(item),
      continue: Type.Optional(text('Where the next page begins; missing on the last one.')),
    },
    'A page of a list.',
  );

/** Any JSON object. */
export const anyObject = Type.Object({}, { additionalProperties: true });
