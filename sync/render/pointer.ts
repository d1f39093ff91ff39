import { isObject, type Json } from '../../diff/json.ts';

/** What Git LFS commits in place of a file. https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md */
const start = 'version https://git-lfs.github.com/spec/';
/** The same as a value of a Secret: three bytes are four letters. */
const encoded = Buffer.from(start.slice(0, 39)).toString('base64');
/** No pointer is as long as this, also in base64. */
const longest = 2_048;

/** Whether a text is nothing but what stands for a file. */
export function isPointer(text: string): boolean {
  return text.startsWith(start);
}

/** Whether a text of manifests may hold a pointer somewhere: one that does not need not be looked through. */
export function mayHoldPointer(text: string): boolean {
  return text.includes(start) || text.includes(encoded);
}

/** Whether a value of it is a pointer, as generators and templates put the content of files into objects. */
export function holdsPointer(value: Json): boolean {
  if (typeof value === 'string')
    return value.length < longest && (value.startsWith(start) || value.startsWith(encoded));
  if (Array.isArray(value)) return value.some(holdsPointer);
  return isObject(value) && Object.values(value).some(holdsPointer);
}
