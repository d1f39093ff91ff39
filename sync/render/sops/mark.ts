/** Every encrypted file holds this. */
const mark = Buffer.from('ENC[AES256_GCM,');

/** Whether a file must be looked at: one that holds nothing encrypted does not. */
export function mayBeSealed(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes(mark);
}
