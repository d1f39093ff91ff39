import { type Static, Type } from '@sinclair/typebox';
import { anything, flag, listOf, section, text, words } from './fields.ts';

const word = (description: string) => Type.Optional(text(description, { minLength: 1, maxLength: 253 }));

const pairs = (description: string) =>
  Type.Optional(
    Type.Unsafe<Record<string, string>>(Type.Object({}, { description, additionalProperties: Type.String() })),
  );

const valueRef = {
  kind: Type.Unsafe<'ConfigMap' | 'Secret'>(
    Type.String({ enum: ['ConfigMap', 'Secret'], description: 'ConfigMap or Secret.' }),
  ),
  name: text('Its name, in the namespace of the Delivery.', { minLength: 1, maxLength: 253 }),
  optional: flag('Whether it need not be there.', false),
};

const kustomize = section(
  {
    namespace: word('The namespace of all objects.'),
    namePrefix: word('What their names begin with.'),
    nameSuffix: word('What their names end with.'),
    labels: pairs('Labels of all objects and their pods, not of selectors.'),
    annotations: pairs('Annotations of all objects and their pods.'),
    images: listOf(
      section(
        {
          name: text('The image as the manifests name it.', { minLength: 1 }),
          newName: word('Its new name.'),
          newTag: word('Its new tag.'),
          digest: word('Its digest.'),
        },
        'An image that is another one.',
      ),
      'Images that are other ones.',
    ),
    replicas: listOf(
      section(
        {
          name: text('The name of the workload.', { minLength: 1 }),
          count: Type.Integer({ description: 'How many pods.', minimum: 0 }),
        },
        'A count.',
      ),
      'How many pods workloads have.',
    ),
    patches: listOf(
      section(
        {
          patch: text('A strategic merge patch, or one of RFC 6902, in YAML.', { minLength: 1, maxLength: 100_000 }),
          target: Type.Optional(
            section(
              {
                group: word('Their API group.'),
                version: word('Their version.'),
                kind: word('Their kind.'),
                name: word('Their name, as a regular expression.'),
                namespace: word('Their namespace, as a regular expression.'),
                labelSelector: word('Labels that they have.'),
                annotationSelector: word('Annotations that they have.'),
              },
              'Which objects are patched. Without it, the one that the patch names.',
            ),
          ),
        },
        'A patch.',
      ),
      'Patches over what the kustomization makes.',
    ),
    components: listOf(text('A folder, from the path.', { minLength: 1 }), 'Components that are added.'),
  },
  'Settings over a kustomization, or over plain manifests.',
);

export type KustomizeSpec = Static<typeof kustomize>;

const helm = section(
  {
    releaseName: Type.Optional(
      text('The name of the release. Without it, that of the Delivery.', { minLength: 1, maxLength: 53 }),
    ),
    valuesFiles: listOf(
      text('A file of values, from the path, or with a slash before it from the top of the repository.', {
        minLength: 1,
      }),
      'Files of values; later ones count before earlier ones.',
    ),
    values: Type.Optional(anything('Values; they count before those of files.')),
    skipCrds: flag('Whether the definitions in the folder crds are left out.', false),
    skipSchemaValidation: flag('Whether values are taken whatever values.schema.json says.', false),
    repository: Type.Optional(
      text(
        'A repository of charts: https:// or http://, or oci:// of a registry. Without spec.source the chart is all; else that holds the files of values.',
        { minLength: 1, pattern: '^(https?|oci)://[^@\\s]+$' },
      ),
    ),
    chart: Type.Optional(
      text('A chart of that repository.', { pattern: '^[A-Za-z0-9]([A-Za-z0-9._/-]*[A-Za-z0-9])?$', maxLength: 250 }),
    ),
    version: Type.Optional(
      text(
        'Its version, or a range of versions such as "~1.2", or in a registry its digest; without it, the highest release.',
        { maxLength: 200 },
      ),
    ),
    insecure: flag('Whether a registry is asked without TLS.', false),
    secretRef: Type.Optional(
      section(
        { name: text('Name of a Secret in the namespace of the Delivery.', { minLength: 1, maxLength: 253 }) },
        'The login of the repository, and of no other server.',
      ),
    ),
    valuesFrom: listOf(
      section(
        {
          ...valueRef,
          valuesKey: Type.Optional(
            text('The key with values in YAML, or with one value for targetPath.', {
              maxLength: 253,
              default: 'values.yaml',
            }),
          ),
          targetPath: Type.Optional(
            text(
              'The value that it is, as `image.tag`: a number or word is one, and a text between quotes. Else it is a map of values.',
            ),
          ),
        },
        'Values from the cluster.',
      ),
      'Values from the cluster, each over the ones before; files and values of the Delivery count before them.',
      50,
    ),
  },
  'Settings for a Helm chart.',
);

export type HelmSpec = Static<typeof helm>;

const substitute = section(
  {
    vars: pairs('Variables by their names: letters, digits and underscores.'),
    from: listOf(
      section(valueRef, 'A ConfigMap or Secret whose keys are variables.'),
      'Variables from the cluster, each over the ones before; those in vars count before them. They are followed: a change is a release.',
      50,
    ),
  },
  'Variables in the manifests, written as a dollar sign and a name in braces, as Flux has them. One that nobody gives and that has no default is an error.',
);

const decryption = section(
  {
    provider: words(['sops'], 'What has encrypted them.', 'sops'),
    secretRef: Type.Object(
      { name: text('Name of a Secret in the namespace of the Delivery.', { minLength: 1, maxLength: 253 }) },
      { description: 'A Secret with keys: identities of age (*.agekey), private keys of OpenPGP (*.asc).' },
    ),
  },
  'How encrypted files are decrypted.',
);

export const render = section(
  {
    kustomize: Type.Optional(kustomize),
    helm: Type.Optional(helm),
    substitute: Type.Optional(substitute),
    decryption: Type.Optional(decryption),
  },
  'How the manifests are rendered. Without it that is detected.',
);

/** A ConfigMap or Secret as a spec names it. */
export interface ValueRefSpec {
  readonly kind: 'ConfigMap' | 'Secret';
  readonly name: string;
  readonly optional?: boolean;
}
