import type { LookupAddress } from 'node:dns';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { addressRule, lookUpAllowed } from '../../../../sync/source/connections.ts';

const names = vi.hoisted(() => new Map<string, string[][]>());
vi.mock('node:dns', () => ({
  lookup: (name: string, _options: object, answer: (error: Error | null, found: LookupAddress[]) => void) => {
    const answers = names.get(name) ?? [];
    // A name may say something else each time it is asked for.
    const addresses = (answers.length > 1 ? answers.shift() : answers[0]) ?? [];
    answer(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
  },
}));
afterEach(() => names.clear());

/** The address that would be connected to. */
const lookUp = (rule: ReturnType<typeof addressRule>, name: string): Promise<unknown> =>
  new Promise((resolve, reject) => {
    lookUpAllowed(rule)(name, { all: true }, (error, found) => (error === null ? resolve(found) : reject(error)));
  });
const refused = expect.objectContaining({ message: expect.stringContaining('--source-addresses') });

// G2 of the vectors: what counts is the address that a name has when it is connected to.
describe('a name', () => {
  const companies = addressRule(['public', 'private'], '10.96.0.1');

  it.each([
    ['kubernetes.default.svc', '10.96.0.1'],
    ['kubernetes.default.svc', '::ffff:10.96.0.1'],
    ['169.254.169.254.nip.io', '169.254.169.254'],
    ['127.0.0.1.nip.io', '127.0.0.1'],
    ['mapped.example.com', '::ffff:169.254.169.254'],
  ])('%s at %s is not connected to, where private ones are allowed too', async (name, address) => {
    names.set(name, [[address]]);
    await expect(lookUp(companies, name)).rejects.toEqual(refused);
  });

  it('of a server in the cluster is, where private ones are allowed, and is not where they are not', async () => {
    names.set('git.shop.svc', [['10.96.7.7']]);
    expect(await lookUp(companies, 'git.shop.svc')).toEqual([{ address: '10.96.7.7', family: 4 }]);
    await expect(lookUp(addressRule(['public']), 'git.shop.svc')).rejects.toEqual(refused);
  });

  it('that is public first and private then is let through once', async () => {
    names.set('rebind.example.com', [['140.82.121.3'], ['10.0.0.1']]);
    const rule = addressRule(['public']);
    expect(await lookUp(rule, 'rebind.example.com')).toEqual([{ address: '140.82.121.3', family: 4 }]);
    await expect(lookUp(rule, 'rebind.example.com')).rejects.toEqual(refused);
  });

  it('that is public and private at once is not connected to at all', async () => {
    names.set('both.example.com', [['140.82.121.3', '10.0.0.1']]);
    await expect(lookUp(addressRule(['public']), 'both.example.com')).rejects.toEqual(refused);
  });
});
