import type { Json } from '../../../diff/json.ts';
import { LockstepError, messageOf } from '../../errors.ts';
import type { TreeFile } from '../../render/plain.ts';
import { parseYaml } from '../../render/yaml.ts';
import { type IgnoreRules, isIgnoredBy, parseIgnoreRules } from '../ignore-rules.ts';
import { type Parameters, parametersOf, placeParameters, slugOf } from './parameters.ts';

/** Which places of a repository are meant: patterns from its top, as gitignore has them. */
export interface Wanted {
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

/** The most comparisons of letters for one repository. */
const mostSteps = 20_000_000;

/** The folders of a repository that are meant, in order; not those whose names begin with a dot. */
export function folderParameters(files: readonly TreeFile[], wanted: Wanted): Parameters[] {
  const folders = new Set<string>();
  for (const { path } of files)
    for (let end = path.indexOf('/'); end >= 0; end = path.indexOf('/', end + 1)) folders.add(path.slice(0, end));
  const isMeant = matcher(wanted, true);
  return [...folders]
    .sort()
    .filter((path) => !isHidden(path) && isMeant(path))
    .map((path) => new Map(placeParameters(path.split('/'))));
}

/** Folders such as `.github` are of tools, and no application. */
function isHidden(path: string): boolean {
  return path.split('/').some((name) => name.startsWith('.'));
}

/**
 * What the files of a repository that are meant hold, in the order of their paths.
 * @throws LockstepError InvalidManifests
 */
export function fileParameters(files: readonly TreeFile[], wanted: Wanted): Parameters[] {
  const isMeant = matcher(wanted, false);
  return files
    .filter(({ path, type }) => type === 'file' && isMeant(path))
    .sort((a, b) => (a.path < b.path ? -1 : 1))
    .map((file) => {
      try {
        return new Map([...parametersOf(parsed(file)), ...filePlace(file.path)]);
      } catch (error) {
        throw new LockstepError('InvalidManifests', `${file.path} holds no parameters: ${messageOf(error)}`);
      }
    });
}

/** The folder that a file stands in, as parameters, and the file's own name. */
function filePlace(path: string): [string, string][] {
  const names = path.split('/');
  const name = names.pop() ?? '';
  return [...placeParameters(names), ['path.file', name], ['path.fileSlug', slugOf(name)]];
}

/** Longer files hold no parameters, in bytes. */
const longest = 1024 * 1024;

function parsed(file: TreeFile): Json {
  const bytes = file.read();
  if (bytes.length > longest) throw new Error(`it is longer than ${longest} bytes`);
  return parseYaml(Buffer.from(bytes).toString('utf8'))[0] ?? null;
}

function matcher({ include, exclude }: Wanted, isFolder: boolean): (path: string) => boolean {
  const [included, excluded] = [rulesOf(include), rulesOf(exclude)];
  let steps = 0;
  const step = (): void => {
    steps += 1;
    if (steps > mostSteps) throw new LockstepError('SourceTooLarge', 'the patterns of the set take too long');
  };
  return (path) => {
    const names = path.split('/');
    const isIn = isIgnoredBy(included, names, isFolder, step) === true;
    return isIn && isIgnoredBy(excluded, names, isFolder, step) !== true;
  };
}

function rulesOf(patterns: readonly string[]): IgnoreRules {
  return parseIgnoreRules(patterns.map((pattern) => (pattern.startsWith('/') ? pattern : `/${pattern}`)).join('\n'));
}
