import { breathe } from '../parallel.ts';
import type { EngineView, RepositoryView } from './engine-port.ts';
import { isManifest, type ParseCache, type TreeFile } from './plain.ts';
import { mayBeSealed } from './sops/mark.ts';
import type { Unsealer } from './sops/port.ts';

/** A repository whose encrypted files are read decrypted. What they are known by stays. */
export function unsealedView(view: RepositoryView, unsealer: Unsealer): EngineView {
  return (path) => {
    const node = view(path);
    if (node.kind !== 'file') return node;
    const bytes = node.read();
    if (!mayBeSealed(bytes)) return { ...node, read: () => bytes };
    return unsealer.open(path, bytes).then((opened) => {
      const plain = opened === undefined ? bytes : opened.bytes;
      return { ...node, read: () => plain };
    });
  };
}

/**
 * Manifests, decrypted where they are encrypted: those have another id then.
 * @param parsed what is known of files already is not read again
 * @throws LockstepError DecryptionFailed
 */
export async function unsealedFiles(
  files: readonly TreeFile[],
  unsealer: Unsealer,
  parsed: ParseCache,
): Promise<readonly TreeFile[]> {
  const all: TreeFile[] = [];
  for (const [index, file] of files.entries()) {
    if (index % 50 === 49) await breathe();
    all.push(file.type === 'file' && isManifest(file) ? await unsealedFile(file, unsealer, parsed) : file);
  }
  return all;
}

async function unsealedFile(file: TreeFile, unsealer: Unsealer, parsed: ParseCache): Promise<TreeFile> {
  const oid = `${file.oid} decrypted`;
  const known = parsed.get(file.path);
  if (known?.oid === oid || (known?.oid === file.oid && known.rendered.problems.length === 0))
    return { ...file, oid: known.oid };
  const bytes = file.read();
  if (!mayBeSealed(bytes)) return file;
  const opened = await unsealer.open(file.path, bytes);
  return opened === undefined ? file : { ...file, oid, read: () => opened.bytes };
}
