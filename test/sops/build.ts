import { buildGo } from '../../deploy/go-build.ts';

/**
 * The real `sops`, which encrypts what tests decrypt.
 * @param say told about progress
 */
export function buildSops(say: (line: string) => void): Promise<string> {
  return buildGo(
    {
      name: 'sops',
      about: 'the real sops, to encrypt for tests: about 2 minutes the first time',
      folder: import.meta.dirname,
      linkerFlags: '-s -w',
      package: 'github.com/getsops/sops/v3/cmd/sops',
    },
    say,
  );
}
