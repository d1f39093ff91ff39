import { hashText } from '../../../diff/hash.ts';
import { isObject, type Json, toJson } from '../../../diff/json.ts';
import { LockstepError, messageOf } from '../../errors.ts';
import type { GeneratorAsked, SetRequest, Snapshot, SourceRequest, Sources, SourceTip } from '../../ports.ts';
import { treeOf, viewOfTree } from '../artifact/file-tree.ts';
import type { Web } from '../artifact/web.ts';
import { listFiles } from '../listing.ts';
import { filled, type Parameters, parametersOf } from './parameters.ts';
import { fileParameters, folderParameters } from './places.ts';
import { pullRequestParameters } from './pull-requests.ts';

/** Where repositories of generators are read. */
type Repositories = Pick<Sources, 'tip' | 'read' | 'leave'>;

/** What a set came to last, by who asks. */
interface Made {
  readonly revision: string;
  readonly files: ReadonlyMap<string, string>;
}

/** What a repository gave last: as long as nothing is pushed, nothing is read again. */
interface Given {
  readonly key: string;
  readonly parameters: readonly Parameters[];
}

/**
 * Sets as a source of their own: what they hold is a manifest for each Delivery, and their revision is a digest of all that.
 * @param repositories those of Git, and artifacts
 */
export function openSets(repositories: Repositories, web: Web): Omit<Sources, 'close'> {
  const made = new Map<string, Made>();
  const given = new Map<string, Given>();

  async function placesOf(
    asked: Extract<GeneratorAsked, { by: 'directories' | 'files' }>,
  ): Promise<readonly Parameters[]> {
    const { by, request, include, exclude } = asked;
    const tip = await repositories.tip(request);
    const key = hashText(toJson([by, tip.revision, [...include], [...exclude]]));
    const before = given.get(request.user);
    if (before?.key === key) return before.parameters;
    const { files } = await repositories.read(request, tip);
    const parameters = (by === 'files' ? fileParameters : folderParameters)(files, { include, exclude });
    given.set(request.user, { key, parameters });
    return parameters;
  }

  async function parametersBy(asked: GeneratorAsked): Promise<readonly Parameters[]> {
    if (asked.by === 'list') return asked.elements.map((element) => parametersOf(element));
    return asked.by === 'pullRequests' ? pullRequestParameters(web, asked) : placesOf(asked);
  }

  async function make({ generators, template }: SetRequest): Promise<Made> {
    const all: Parameters[] = [];
    // One that can't be asked must not look like one that gives nothing.
    for (const asked of generators) all.push(...(await parametersBy(asked)));
    const files = new Map<string, string>();
    for (const parameters of all) {
      const [name, text] = manifestOf(template, parameters);
      if (files.has(name))
        throw new LockstepError(
          'InvalidManifests',
          `the set makes two Deliveries with the name ${name}: its template must tell them apart`,
        );
      files.set(name, text);
    }
    const sorted = [...files].sort(([a], [b]) => (a < b ? -1 : 1));
    return { revision: `sha256:${hashText(toJson(sorted.map((pair) => [...pair])))}`, files: new Map(sorted) };
  }

  return {
    tip: async ({ set, user }): Promise<SourceTip> => {
      const found = await make(requireSet(set));
      made.set(user, found);
      return { revision: found.revision, ref: undefined, object: found.revision };
    },
    read: async ({ set, user }: SourceRequest, { revision }): Promise<Snapshot> => {
      const before = made.get(user);
      const found = before?.revision === revision ? before : await make(requireSet(set));
      if (found.revision !== revision)
        throw new LockstepError('SourceUnreachable', 'the set changed while it was read; it is tried again');
      const tree = treeOf(
        [...found.files].map(([name, text]) => ({
          names: [`${name.replace('/', '.')}.json`],
          type: 'file',
          data: Buffer.from(text),
        })),
        (data) => hashText(Buffer.from(data).toString('utf8')),
      );
      const count = found.files.size === 1 ? '1 Delivery' : `${found.files.size} Deliveries`;
      const commit = { revision, author: 'the set', subject: count, time: new Date(0).toISOString() };
      const files = listFiles(tree, [], { layers: [], own: undefined });
      return { commit, ref: undefined, signer: undefined, tree: tree.oid, files, view: viewOfTree(tree) };
    },
    follows: async () => true,
    leave: (user) => {
      made.delete(user);
      for (const one of [...given.keys()]) {
        if (!one.startsWith(`${user} `)) continue;
        given.delete(one);
        repositories.leave(one);
      }
    },
  };
}

function requireSet(set: SetRequest | undefined): SetRequest {
  if (set === undefined) throw new Error('a set is asked for that is none');
  return set;
}

/** @returns its namespace and name, and the manifest as JSON */
function manifestOf(template: Json, parameters: Parameters): [string, string] {
  const manifest = tryFilled(template, parameters);
  const metadata = isObject(manifest) ? manifest['metadata'] : undefined;
  const name = isObject(metadata) ? String(metadata['name']) : '';
  const namespace = isObject(metadata) ? String(metadata['namespace'] ?? '') : '';
  const isName = (text: string): boolean => text.length <= 63 && /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(text);
  if (!isName(name) || (namespace !== '' && !isName(namespace)))
    throw new LockstepError(
      'InvalidManifests',
      `the set would make a Delivery with the name ${JSON.stringify(`${namespace}/${name}`.slice(0, 200))}: a name has at most 63 lower-case letters, digits and lines`,
    );
  return [`${namespace}/${name}`, toJson(manifest)];
}

function tryFilled(template: Json, parameters: Parameters): Json {
  try {
    return filled(template, parameters);
  } catch (error) {
    throw new LockstepError('InvalidManifests', `the template of the set can not be filled: ${messageOf(error)}`);
  }
}
