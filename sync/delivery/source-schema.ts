import { Type } from '@sinclair/typebox';
import { duration, flag, section, text, words } from './fields.ts';

export const secretRef = Type.Object({
  name: text('Name of a Secret in the namespace of the Delivery.', { minLength: 1, maxLength: 253 }),
});

/** Users only stand in URLs of SSH, and passwords in none. The parts are looked at again when it is read. */
export const sourceUrl =
  '^(https?://[^@\\s]+|oci://[^@\\s]+|ssh://([A-Za-z0-9_.~][A-Za-z0-9_.~-]*@)?[A-Za-z0-9_\\[][^@\\s]*|[A-Za-z0-9_.~][A-Za-z0-9_.~-]*@[A-Za-z0-9\\[][^@\\s]*:[^\\s]+)$';

export const sourceRef = section(
  {
    branch: Type.Optional(text('A branch. Without any reference it is main.', { maxLength: 1000 })),
    tag: Type.Optional(text('A tag.', { maxLength: 1000 })),
    semver: Type.Optional(
      text('A range of versions, such as ">=1.2.0 <2.0.0" or "1.x": the highest tag in it counts.', {
        maxLength: 200,
      }),
    ),
    name: Type.Optional(text('The full name of a reference, such as refs/heads/main or HEAD.', { maxLength: 1000 })),
    commit: Type.Optional(text('A commit by its full id.', { pattern: '^[0-9a-f]{40}$' })),
    digest: Type.Optional(text('An artifact of a registry by its digest.', { pattern: '^sha256:[0-9a-f]{64}$' })),
  },
  'What to follow in the repository. The later of branch, tag, semver, name and commit counts; in a registry, of tag, semver and digest.',
);

export const source = section(
  {
    url: text(
      'URL of the Git repository: https://, ssh:// or http://, or git@host:path; or oci:// of an artifact in a registry. Without a password.',
      {
        minLength: 1,
        pattern: sourceUrl,
      },
    ),
    ref: Type.Optional(sourceRef),
    path: Type.Optional(
      text('The folder that holds the manifests. Without it, the whole repository.', { default: '' }),
    ),
    secretRef: Type.Optional(secretRef),
    proxySecretRef: Type.Optional(
      Type.Object(secretRef.properties, {
        description: 'A Secret with the address, username and password of a proxy on the way to the server.',
      }),
    ),
    insecure: flag('Whether a registry is asked without TLS.', false),
    interval: duration('How often the repository is asked for news when no webhook comes.', '60s'),
    verify: Type.Optional(
      section(
        {
          mode: words(
            ['HEAD', 'Tag', 'TagAndHEAD'],
            'What must be signed: the commit, the tag that is followed, or both.',
            'HEAD',
          ),
          secretRef: Type.Optional(
            Type.Object(secretRef.properties, { description: 'A Secret whose values are public keys.' }),
          ),
          configMapRef: Type.Optional(
            Type.Object(
              { name: text('Name of a ConfigMap in the namespace of the Delivery.', { minLength: 1, maxLength: 253 }) },
              { description: 'A ConfigMap whose values are public keys.' },
            ),
          ),
        },
        'Whose signatures count: public keys of OpenPGP in their armour, or of SSH, one a line, also as a file of allowed signers.',
      ),
    ),
    ignore: Type.Optional(
      text(
        'What is left out of the repository, in the form of gitignore. It has the last word, after .sourceignore and .lockstepignore; without it, files of CI are left out too.',
        { maxLength: 20_000 },
      ),
    ),
    submodules: flag('Whether submodules are read, from the servers that sources may be on.', false),
    requireFastForward: flag(
      'Whether a revision that does not follow the one before, and a tag that was moved, must be confirmed.',
      false,
    ),
  },
  'Where the manifests come from. A chart of a repository of charts needs none.',
);
