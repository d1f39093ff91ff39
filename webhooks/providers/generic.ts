import { hmacHex, isSameText } from '../signature.ts';
import { pushOf } from './body.ts';
import type { Provider } from './provider.ts';

/**
 * Any sender: `{"repository": "https://git.example.com/shop.git", "ref": "refs/heads/main"}`, signed in the header
 * `X-Signature` as `sha256=` or `sha512=` and the HMAC of the body in hex. Without a ref, every branch may have moved.
 */
export const generic: Provider = {
  name: 'generic',
  isGenuine: ({ header, body }, secret) => {
    const given = header('x-signature') ?? '';
    const algorithm = given.startsWith('sha512=') ? 'sha512' : 'sha256';
    return isSameText(given, `${algorithm}=${hmacHex(algorithm, secret, body)}`);
  },
  // Who sends the same body again means that it was pushed again.
  idOf: () => undefined,
  read: (_request, body) => pushOf(body, ['repository']),
};
