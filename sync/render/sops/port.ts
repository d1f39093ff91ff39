/** What an encrypted file holds. */
export interface OpenedFile {
  readonly bytes: Buffer;
  /** The texts that were encrypted. */
  readonly secrets: readonly string[];
}

/** Opens files that SOPS has encrypted. */
export interface Unsealer {
  /**
   * @returns undefined for a file that is not encrypted
   * @throws LockstepError DecryptionFailed, that names the file and quotes nothing of it
   */
  open(path: string, bytes: Uint8Array): Promise<OpenedFile | undefined>;
}

/** Whose keys open encrypted files: identities of age, and private keys of OpenPGP in their armour. */
export interface SopsKeys {
  readonly age: readonly string[];
  readonly pgp: readonly string[];
}

/** Keys of files that were opened before, by their names. */
export type KnownKeys = Map<string, Buffer>;

/**
 * @param keys undefined where a Delivery names none: then what is encrypted is refused
 * @param known kept for all
 * @param hide told every text that was encrypted, before anybody else sees it
 */
export type MakeUnsealer = (
  keys: SopsKeys | undefined,
  known: KnownKeys,
  hide: (path: string, secrets: readonly string[]) => void,
) => Unsealer;
