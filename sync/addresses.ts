import { BlockList, isIP } from 'node:net';

/** What an IP address leads to: anybody, the networks of the company and the cluster, the machine itself, or its cable and cloud. */
export const addressClasses = ['public', 'private', 'loopback', 'link-local'] as const;
export type AddressClass = (typeof addressClasses)[number];

type Net = readonly [net: string, prefix: number];

/** The machine itself, where the agent's own API listens. */
const loopback: readonly Net[] = [
  ['0.0.0.0', 8],
  ['127.0.0.0', 8],
  ['::', 127],
];
/** One cable, and the places at which clouds hand out what a machine may do. */
const linkLocal: readonly Net[] = [
  ['169.254.0.0', 16],
  ['100.100.100.200', 32],
  ['168.63.129.16', 32],
  ['224.0.0.0', 4],
  ['255.255.255.255', 32],
  ['fe80::', 10],
  ['ff00::', 8],
  ['fd00:ec2::', 32],
];
const privateNets: readonly Net[] = [
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['fc00::', 7],
  ['fec0::', 10],
  // Translations of addresses that only a network of one's own has.
  ['64:ff9b:1::', 48],
  ['::', 96],
];

const classes = [
  ['loopback', listOf(loopback)],
  ['link-local', listOf(linkLocal)],
  ['private', listOf(privateNets)],
] as const;

function listOf(nets: readonly Net[]): BlockList {
  const list = new BlockList();
  for (const [net, prefix] of nets) {
    const isV6 = isIP(net) === 6;
    list.addSubnet(net, prefix, isV6 ? 'ipv6' : 'ipv4');
    // The same behind a translation of addresses.
    if (!isV6) list.addSubnet(`64:ff9b::${net}`, 96 + prefix, 'ipv6');
  }
  return list;
}

/** The class of an IP address, also of an IPv4 one that is written as IPv6. */
export function addressClass(address: string): AddressClass {
  return classes.find(([, list]) => list.check(address, familyOf(address)))?.[0] ?? 'public';
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}

/** Whether another address is this one, however it is written: in full, or as IPv6 where it is an IPv4 one. A name is no address. */
export function sameAddress(one: string): (other: string) => boolean {
  if (isIP(one) === 0) return () => false;
  const list = listOf([[one, isIP(one) === 6 ? 128 : 32]]);
  return (other) => list.check(other, familyOf(other));
}
