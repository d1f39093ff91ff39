/** Every encrypted file holds this. */
const mark = Buffer.from('ENC[AES256_GCM,');
const whole = /ENC\[AES256_GCM,data:[A-Za-z0-9+/=]*,iv:[A-Za-z0-9+/=]+,tag:[A-Za-z0-9+/=]+,type:[a-z]+\]/;

/** Whether a file must be looked at: one that holds nothing encrypted does not. */
export function mayBeSealed(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes(mark);
}

/** Whether a text holds a value that SOPS has encrypted, whole. */
export function holdsSealed(text: string): boolean {
  return text.includes('ENC[AES256_GCM,') && whole.test(text);
}
