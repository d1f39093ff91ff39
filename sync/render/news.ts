import { breathe, inParallel, inSlices } from '../parallel.ts';
import type { SourcedObject } from '../types.ts';
import { isManifest, type ParseCache, type Rendered, readManifests, type TreeFile, textOf } from './plain.ts';
import { longText, type ManifestReader } from './reader-port.ts';

/** What is read before others have their turn. */
const slice = { objects: 50, letters: 32 * 1024 };
/** Letters of long texts that are kept until their turn comes; others are asked for again. */
const mostWaiting = 16 * 1024 * 1024;

interface Long {
  readonly file: TreeFile;
  /** Undefined where there is no room to keep it. */
  text: string | undefined;
}

/**
 * Reads the manifests that are not known yet, some at a time: long ones apart.
 * @param known what was read before; the new ones are added
 * @param owner whose work it is
 * @param onSome told what was read, some at a time, before the rest is
 * @throws LockstepError RenderFailed
 */
export async function readNews(
  files: readonly TreeFile[],
  known: ParseCache,
  reader: ManifestReader,
  owner: string,
  onSome: (news: Rendered) => void,
): Promise<void> {
  const long: Long[] = [];
  let waiting = 0;
  let some: SourcedObject[] = [];
  let letters = 0;
  const tell = (): void => {
    onSome({ objects: some, problems: [] });
    [some, letters] = [[], 0];
  };
  for (const file of files.filter((one) => isManifest(one) && known.get(one.path)?.oid !== one.oid)) {
    const text = textOf(file);
    if (typeof text === 'string' && text.length > longText) {
      waiting += text.length;
      long.push({ file, text: waiting > mostWaiting ? undefined : text });
      continue;
    }
    const { objects, problems } = typeof text === 'string' ? readManifests(file.path, text) : text;
    known.set(file.path, { oid: file.oid, rendered: { objects, problems } });
    some.push(...objects);
    letters += typeof text === 'string' ? text.length : 0;
    if (some.length < slice.objects && letters < slice.letters) continue;
    tell();
    await breathe();
  }
  tell();
  await inParallel(long, 2, async (one) => {
    const { file, text = textOf(file) } = one;
    one.text = undefined;
    const rendered = typeof text === 'string' ? await reader.read(owner, file.path, text) : text;
    known.set(file.path, { oid: file.oid, rendered });
    await inSlices(rendered.objects, slice.objects, (objects) => onSome({ objects, problems: [] }));
  });
}
