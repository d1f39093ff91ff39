/** A commit or tag as it was signed, and the signature. */
export interface SignedObject {
  /** The bytes that were signed. */
  readonly payload: Buffer;
  /** The signature in its armour; undefined for what is not signed. */
  readonly signature: string | undefined;
}

const newline = 0x0a;
const space = 0x20;

/**
 * Takes a commit apart: the signature stands in a header whose lines are folded (gitformat-signature), and everything else
 * is what was signed, byte by byte.
 */
export function signedCommit(data: Buffer): SignedObject {
  const kept: Buffer[] = [];
  let signature: string | undefined;
  const found = new Set<string>();
  let at = 0;
  while (at < data.length && data[at] !== newline) {
    const end = endOfHeader(data, at);
    const header = data.subarray(at, end);
    const name = header.toString('latin1', 0, Math.max(0, header.indexOf(space)));
    if (isSignature(name)) requireBehind(kept, found, name);
    if (name === 'gpgsig') signature = header.subarray('gpgsig '.length).toString('utf8').replaceAll('\n ', '\n');
    else if (name !== 'gpgsig-sha256') kept.push(header);
    at = end;
  }
  return { payload: Buffer.concat([...kept, data.subarray(at)]), signature };
}

function isSignature(name: string): boolean {
  return name === 'gpgsig' || name === 'gpgsig-sha256';
}

/**
 * What is left out of the bytes that are signed must not be read as anything else: git writes signatures behind the committer,
 * each once.
 * @throws Error
 */
function requireBehind(kept: readonly Buffer[], found: Set<string>, name: string): void {
  const isBehind = kept.some((header) => header.toString('latin1', 0, 10) === 'committer ');
  if (!isBehind || found.has(name)) throw new Error('the signature of the commit stands where git writes none');
  found.add(name);
}

/** A header goes on over all lines that begin with a space. */
function endOfHeader(data: Buffer, from: number): number {
  let end = data.indexOf(newline, from);
  while (end >= 0 && data[end + 1] === space) end = data.indexOf(newline, end + 1);
  return end < 0 ? data.length : end + 1;
}

const armours = ['-----BEGIN PGP SIGNATURE-----', '-----BEGIN SSH SIGNATURE-----', '-----BEGIN PGP MESSAGE-----'];

/** Takes a tag apart: the signature is the end of its message. */
export function signedTag(data: Buffer): SignedObject {
  const starts = armours.flatMap((armour) => {
    const at = data.lastIndexOf(`\n${armour}\n`);
    return at < 0 ? [] : [at + 1];
  });
  const from = Math.max(...starts);
  if (starts.length === 0) return { payload: data, signature: undefined };
  return { payload: data.subarray(0, from), signature: data.subarray(from).toString('utf8') };
}

/** What stands before everything else in a tag, in this order and no other. */
const tagHead = /^object ([0-9a-f]{40})\ntype ([a-z]+)\ntag ([^\n]+)\n/;

/** The name that a tag gives itself. */
export function nameOfTag(data: Buffer): string | undefined {
  return tagHead.exec(data.toString('utf8', 0, 4_096))?.[3];
}

/** The commit that a tag names; undefined when it names something else. */
export function commitOfTag(data: Buffer): string | undefined {
  const [, object, type] = tagHead.exec(data.toString('utf8', 0, 4_096)) ?? [];
  return type === 'commit' ? object : undefined;
}
