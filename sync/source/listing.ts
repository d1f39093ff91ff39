import { LockstepError, messageOf } from '../errors.ts';
import type { TreeFile } from '../render/plain.ts';
import { type IgnoreRules, isIgnoredBy, parseIgnoreRules } from './ignore-rules.ts';
import { ruleFiles, type Tree } from './tree.ts';

/** Rules, and how many names lead from the top of the repository to the folder that they are for. */
export interface Layer {
  readonly depth: number;
  readonly rules: IgnoreRules;
  /** Tells them from others. */
  readonly key: string;
}

/** What is left out of a listing. */
export interface LeftOut {
  /** From the files above the folder that is listed, the deepest last. */
  readonly layers: readonly Layer[];
  /** Those of the Delivery: they have the last word, and stand in for what is left out otherwise. */
  readonly own: Layer | undefined;
}

/** Folders and files that no manifests stand in, though some look like it: those of CI and of other tools, as Flux has it. */
const usual = {
  folders: new Set(['.git', '.github', '.circleci', '.gitlab']),
  files: new Set([
    ...['.gitignore', '.gitmodules', '.gitattributes', '.sops.yaml', '.flux.yaml', '.goreleaser.yml'],
    ...['.goreleaser.brew.yml', '.travis.yml', '.gitlab-ci.yml', 'appveyor.yml', '.drone.yml', 'cloudbuild.yaml'],
    ...['codeship-services.yml', 'codeship-steps.yml'],
  ]),
};

/** @throws LockstepError InvalidManifests, that names the file */
export function layerOf(files: readonly TreeFile[], depth: number, where: string): Layer | undefined {
  const found = files.filter(({ path, type }) => ruleFiles.includes(path) && type === 'file');
  if (found.length === 0) return undefined;
  const texts = found
    .sort((a, b) => ruleFiles.indexOf(a.path) - ruleFiles.indexOf(b.path))
    .map((file) => {
      return Buffer.from(file.read()).toString('utf8');
    });
  return readLayer(texts.join('\n'), depth, found.map(({ oid }) => oid).join(), where);
}

/** @throws LockstepError InvalidManifests, that names where they stand */
export function readLayer(text: string, depth: number, key: string, where: string): Layer {
  try {
    return { depth, rules: parseIgnoreRules(text), key };
  } catch (error) {
    throw new LockstepError('InvalidManifests', `the ignore rules in ${where} can not be read: ${messageOf(error)}`);
  }
}

interface Listed {
  readonly key: string;
  readonly files: readonly TreeFile[];
}

/** What was listed before: a folder that did not change is not listed again. */
const listed = new WeakMap<Tree, Listed>();

/** More comparisons of letters are no ignore rules, and more files no manifests: folders may hold each other by their ids. */
const most = { steps: 50_000_000, entries: 500_000 };

/**
 * All files of a tree that are not left out, with their paths from its top.
 * @param names those that lead from the top of the repository to the tree
 * @throws LockstepError SourceTooLarge, InvalidManifests
 */
export function listFiles(tree: Tree, names: readonly string[], leftOut: LeftOut): readonly TreeFile[] {
  let [steps, entries] = [0, 0];
  const step = (): void => {
    steps += 1;
    if (steps > most.steps)
      throw new LockstepError('SourceTooLarge', 'the ignore rules of the repository take too long');
  };
  const count = (found: number): void => {
    entries += found;
    if (entries > most.entries)
      throw new LockstepError('SourceTooLarge', `the repository holds more than ${most.entries} files and folders`);
  };
  return list(tree, '', names, leftOut, { step, count });
}

function list(
  tree: Tree,
  prefix: string,
  names: readonly string[],
  { layers: above, own }: LeftOut,
  budget: { step: () => void; count: (found: number) => void },
): readonly TreeFile[] {
  const layer = tree.hasRules ? layerOf(tree.files, names.length, `${[...names, ''].join('/')}`) : undefined;
  const layers = layer === undefined ? above : [...above, layer];
  const key = `${prefix} ${names.join('/')} ${layers.map((one) => `${one.depth} ${one.key}`).join(' ')} ${own?.key}`;
  const before = listed.get(tree);
  budget.count(tree.files.length + tree.folders.size);
  if (before?.key === key) return before.files;
  const isLeftOut = (name: string, isFolder: boolean): boolean =>
    isExcluded([...names, name], isFolder, { layers, own }, budget.step);
  const files = tree.files
    .filter(({ path }) => !isLeftOut(path, false))
    .map((file) => (prefix === '' ? file : { ...file, path: `${prefix}${file.path}` }));
  const folders = [...tree.folders].filter(([name]) => !isLeftOut(name, true));
  const below = folders.map(([name, folder]) =>
    list(folder, `${prefix}${name}/`, [...names, name], { layers, own }, budget),
  );
  const all = files.concat(...below);
  listed.set(tree, { key, files: all });
  return all;
}

/** The rules of the Delivery count before those of the repository, and of those the deepest. */
function isExcluded(names: readonly string[], isFolder: boolean, { layers, own }: LeftOut, step: () => void): boolean {
  const byOwn = own === undefined ? undefined : isIgnoredBy(own.rules, names, isFolder, step);
  if (byOwn !== undefined) return byOwn;
  for (let i = layers.length - 1; i >= 0; i -= 1) {
    const layer = layers[i];
    const said = layer === undefined ? undefined : isIgnoredBy(layer.rules, names.slice(layer.depth), isFolder, step);
    if (said !== undefined) return said;
  }
  if (own !== undefined) return false;
  const name = names.at(-1) ?? '';
  return isFolder ? usual.folders.has(name) : usual.files.has(name);
}
