import { type Static, Type } from '@sinclair/typebox';
import { anything, duration, flag, listOf, section, text, words } from './fields.ts';
import { secretRef, sourceRef, sourceUrl } from './source-schema.ts';

const globs = (description: string) =>
  Type.Array(
    text('A pattern, as gitignore has them: `*` within a name, `**` over folders.', { minLength: 1, maxLength: 500 }),
    {
      description,
      minItems: 1,
      maxItems: 50,
    },
  );

const repository = {
  url: text('URL of the Git repository, or of an artifact in a registry.', { minLength: 1, pattern: sourceUrl }),
  ref: Type.Optional(sourceRef),
  secretRef: Type.Optional(secretRef),
};

const pullRequests = section(
  {
    provider: Type.Unsafe<'github' | 'gitlab' | 'gitea'>(
      Type.String({
        enum: ['github', 'gitlab', 'gitea'],
        description: 'Whose API is asked. Forgejo has that of Gitea.',
      }),
    ),
    api: Type.Optional(
      text('URL of the API. Without it, that of github.com or gitlab.com.', { pattern: '^https?://[^@\\s]+$' }),
    ),
    project: text('The repository: `team/shop`, or the path or number of a project of GitLab.', {
      minLength: 1,
      maxLength: 500,
    }),
    labels: listOf(text('A label.', { minLength: 1 }), 'Labels that a request must have, all of them.', 20),
    branch: Type.Optional(text('The branch that requests are for. Without it, any.', { maxLength: 500 })),
    secretRef: Type.Optional(secretRef),
  },
  'A Delivery for each pull request that is open: `number`, `branch`, `branchSlug`, `target`, `commit`, `author`, `title`.',
);

const generator = section(
  {
    list: Type.Optional(
      Type.Array(anything('The parameters of one Delivery: texts, numbers, or maps of them.'), {
        description: 'A Delivery for each entry.',
        maxItems: 500,
      }),
    ),
    directories: Type.Optional(
      section(
        { ...repository, include: globs('Folders.'), exclude: Type.Optional(globs('Folders that are left out.')) },
        'A Delivery for each folder of a repository: `path`, `path.name`, `path.slug`, `path.0` and so on.',
      ),
    ),
    files: Type.Optional(
      section(
        {
          ...repository,
          include: globs('Files of YAML or JSON.'),
          exclude: Type.Optional(globs('Files that are left out.')),
        },
        'A Delivery for each file of a repository, with what the file holds, and where it stands, as for folders.',
      ),
    ),
    pullRequests: Type.Optional(pullRequests),
  },
  'What there is a Delivery for: one of list, directories, files and pullRequests.',
);

export type GeneratorSpec = Static<typeof generator>;

/** `spec` of a DeliverySet. */
export const deliverySetSpec = Type.Object(
  {
    generators: Type.Array(generator, { description: 'What there are Deliveries for.', minItems: 1, maxItems: 20 }),
    template: Type.Object(
      {
        metadata: section(
          {
            name: text('The name, such as `shop-{{ path.slug }}`. Each must be another one.', {
              minLength: 1,
              maxLength: 500,
            }),
            namespace: Type.Optional(text('The namespace. Without it, that of the set.', { maxLength: 500 })),
            labels: Type.Optional(anything('Labels.')),
            annotations: Type.Optional(anything('Annotations.')),
          },
          'Names and labels.',
        ),
        spec: anything('The spec of a Delivery.'),
      },
      {
        description:
          'The Deliveries. `{{ name }}` in a text stands for a parameter; one that nobody gives is an error.',
      },
    ),
    interval: duration('How often the generators are asked when no webhook comes.', '60s'),
    deletion: words(
      ['confirm', 'delete', 'orphan'],
      'What happens to a Delivery that nothing is generated for any more: it stays until somebody confirms it, goes with all that it has, or goes and leaves that.',
      'confirm',
    ),
    serviceAccountName: Type.Optional(
      text('The service account, in the namespace of the set, that the Deliveries are made as. It must exist.', {
        default: 'lockstep',
        minLength: 1,
        maxLength: 253,
      }),
    ),
    suspend: flag('Whether everything is paused.', false),
  },
  { description: 'Which Deliveries there are.' },
);

export type DeliverySetSpec = Static<typeof deliverySetSpec>;
