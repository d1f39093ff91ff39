import { readSshKey, type SshKey } from './ssh-keys.ts';

/** Somebody whose signatures by SSH count. */
export interface AllowedSigner {
  /** As the line calls them. */
  readonly name: string;
  readonly key: SshKey;
  /** Wall time in milliseconds. */
  readonly validAfter: number | undefined;
  readonly validBefore: number | undefined;
}

/**
 * Reads public keys, one a line: as ssh-keygen writes them, or as a file of allowed signers has them (ssh-keygen(1), "ALLOWED
 * SIGNERS").
 * @throws Error that names the line
 */
export function readAllowedSigners(text: string): AllowedSigner[] {
  return text.split(/\r?\n/).flatMap((line, index) => {
    const trimmed = line.trim();
    if (trimmed === '' || trimmed.startsWith('#')) return [];
    try {
      return [...readLine(trimmed)];
    } catch (error) {
      throw new Error(`line ${index + 1}: ${error instanceof Error ? error.message : 'can not be read'}`);
    }
  });
}

const keyPattern = /(?:^|\s)((?:sk-)?(?:ssh|ecdsa)-[a-z0-9@.-]+)\s+([A-Za-z0-9+/]+=*)(?:\s+(.*))?$/;

function readLine(line: string): AllowedSigner[] {
  const found = keyPattern.exec(line);
  if (found === null) throw new Error('it holds no public key of SSH');
  const [, type = '', key = '', comment = ''] = found;
  const before = line.slice(0, found.index).trim();
  const [name = '', ...options] = before.split(/\s+/);
  const words = options.join(' ');
  if (/(^|,)cert-authority(,|$)/i.test(words)) throw new Error('certificate authorities are not supported');
  const namespaces = /(?:^|,)namespaces="([^"]*)"/i.exec(words)?.[1];
  if (namespaces !== undefined && !namespaces.split(',').includes('git')) return [];
  const parsed = readSshKey(Buffer.from(key, 'base64'));
  if (parsed.type !== type) throw new Error('its key is of another kind than it says');
  return [
    {
      name: name === '' ? comment : name,
      key: parsed,
      validAfter: timeIn(words, 'valid-after'),
      validBefore: timeIn(words, 'valid-before'),
    },
  ];
}

/** `YYYYMMDD[HHMM[SS]][Z]`; without a Z it is local to nobody here, and taken for UTC. */
function timeIn(options: string, name: string): number | undefined {
  const [, text] = new RegExp(`(?:^|,)${name}="?([0-9]+Z?)"?`, 'i').exec(options) ?? [];
  if (text === undefined) return undefined;
  const [, year, month, day, hour = '00', minute = '00', second = '00'] =
    /^(\d{4})(\d{2})(\d{2})(?:(\d{2})(\d{2})(\d{2})?)?Z?$/.exec(text) ?? [];
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (Number.isNaN(time)) throw new Error(`${name} is no time`);
  return time;
}
