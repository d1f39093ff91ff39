import { describe, expect, it } from 'vitest';
import { addressClass, sameAddress } from '../../../sync/addresses.ts';

describe('an address', () => {
  it.each([
    ['140.82.121.3', 'public'],
    ['2606:50c0:8000::153', 'public'],
    ['10.96.0.1', 'private'],
    ['172.31.255.255', 'private'],
    ['172.32.0.1', 'public'],
    ['192.168.1.1', 'private'],
    ['100.64.0.1', 'private'],
    ['fd12:3456::1', 'private'],
    ['::ffff:10.0.0.1', 'private'],
    ['127.0.0.1', 'loopback'],
    ['127.255.255.254', 'loopback'],
    ['0.0.0.0', 'loopback'],
    ['::1', 'loopback'],
    ['::', 'loopback'],
    ['::ffff:127.0.0.1', 'loopback'],
    ['64:ff9b::7f00:1', 'loopback'],
    ['169.254.169.254', 'link-local'],
    ['::ffff:169.254.169.254', 'link-local'],
    ['::ffff:a9fe:a9fe', 'link-local'],
    ['64:ff9b::a9fe:a9fe', 'link-local'],
    ['fd00:ec2::254', 'link-local'],
    ['100.100.100.200', 'link-local'],
    ['fe80::1', 'link-local'],
    ['224.0.0.1', 'link-local'],
  ])('%s is %s', (address, expected) => {
    expect(addressClass(address)).toBe(expected);
  });

  it('is the same however it is written', () => {
    for (const other of ['10.96.0.1', '::ffff:10.96.0.1', '::ffff:a60:1', '64:ff9b::a60:1'])
      expect(sameAddress('10.96.0.1')(other), other).toBe(true);
    expect(sameAddress('10.96.0.1')('10.96.0.2')).toBe(false);
    expect(sameAddress('fd00::1')('fd00:0:0:0:0:0:0:1')).toBe(true);
    expect(sameAddress('fd00::1')('fd00::2')).toBe(false);
    // The API server may be known by a name only.
    for (const none of ['api.example.com', '', '[::1]']) expect(sameAddress(none)('10.96.0.1')).toBe(false);
  });
});
