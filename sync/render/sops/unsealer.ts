import { hashText } from '../../../diff/hash.ts';
import { forgetOldest } from '../../bounded.ts';
import { LockstepError } from '../../errors.ts';
import { dataKeyOf } from './data-key.ts';
import { openSealed } from './open.ts';
import type { MakeUnsealer, SopsKeys } from './port.ts';
import { readSealed, type Sealed } from './sealed.ts';
import { SopsError } from './trouble.ts';

/** More keys are not kept. */
const mostKept = 5_000;

/** Opens files by keys of age and OpenPGP. */
export const createUnsealer: MakeUnsealer = (keys, known, hide) => {
  const mine = keys === undefined ? '' : hashText([...keys.age, ...keys.pgp].join('\n'));

  async function keyOf(sealed: Sealed, from: SopsKeys): Promise<Buffer> {
    const name = hashText([mine, ...sealed.age, ...sealed.pgp].join('\n'));
    const found = known.get(name) ?? (await dataKeyOf(sealed, from));
    known.delete(name);
    known.set(name, found);
    forgetOldest(known, mostKept);
    return found;
  }

  return {
    open: async (path, bytes) => {
      try {
        const sealed = readSealed(path, bytes);
        if (sealed === undefined) return undefined;
        if (keys === undefined)
          throw new SopsError('it is encrypted by SOPS, and spec.render.decryption names no keys');
        const opened = openSealed(sealed, await keyOf(sealed, keys));
        hide(path, opened.secrets);
        return opened;
      } catch (error) {
        const why = error instanceof SopsError ? error.message : 'it is broken';
        throw new LockstepError('DecryptionFailed', `${path} can not be decrypted: ${why}`);
      }
    },
  };
};
