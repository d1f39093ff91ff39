import { describe, expect, it } from 'vitest';
import { createBodyReader } from '../../../../agent/api/body.ts';
import { guardHost, guardWrite } from '../../../../agent/api/guard.ts';
import { paged } from '../../../../agent/api/route.ts';
import { parsePlace, parseSettings } from '../../../../agent/settings.ts';

describe('a host', () => {
  const names = ['lockstep.example'];
  it.each([
    'localhost',
    'localhost:8080',
    '127.0.0.1:1',
    '[::1]:8080',
    '10.1.2.3',
    'lockstep.example',
    'LOCKSTEP.example.:443',
  ])('%s is ours', (host) => {
    expect(() => guardHost({ host }, names)).not.toThrow();
  });
  it.each([
    undefined,
    '',
    'evil.example',
    'localhost.evil.example',
    'evil.example:8080',
    '127.0.0.1.nip.io',
    'a b',
    'user@localhost',
    'localhost/x',
    '127.0.0.1, evil.example',
  ])('%s is not', (host) => {
    expect(() => guardHost({ host }, names)).toThrow(/host|Host/);
  });
});

describe('a write', () => {
  const head = { method: 'POST', host: 'localhost:8080', origin: undefined, contentType: 'application/json' };
  it('says that it is JSON and comes from here', () => {
    expect(() => guardWrite(head)).not.toThrow();
    expect(() => guardWrite({ ...head, contentType: 'Application/JSON; charset=utf-8' })).not.toThrow();
    expect(() => guardWrite({ ...head, origin: 'http://localhost:8080' })).not.toThrow();
    for (const contentType of [
      undefined,
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data',
      'application/jsonx',
    ])
      expect(() => guardWrite({ ...head, contentType })).toThrow('content-type');
    for (const origin of ['null', '', 'http://localhost', 'http://localhost:8081', 'https://evil.example', 'file://'])
      expect(() => guardWrite({ ...head, origin })).toThrow('another site');
  });
});

describe('a body', () => {
  async function* chunks(...sizes: number[]): AsyncGenerator<Uint8Array> {
    for (const size of sizes) yield Buffer.alloc(size, 'a');
  }
  const limits = { each: 10, together: 25, ofOne: 12, small: 2, reserve: 3 };
  const held = (read: ReturnType<typeof createBodyReader>, size: number, address: string) => {
    const gate = Promise.withResolvers<void>();
    async function* slow(): AsyncGenerator<Uint8Array> {
      yield Buffer.alloc(size);
      await gate.promise;
    }
    const done = read(slow(), undefined, address);
    return { done, free: () => gate.resolve() };
  };

  it('is cut off where it becomes too long, or says that it will be', async () => {
    const read = createBodyReader(limits);
    expect((await read(chunks(4, 6), undefined, 'a')).length).toBe(10);
    await expect(read(chunks(4, 7), undefined, 'a')).rejects.toThrow('longer than 10 bytes');
    await expect(read(chunks(1), '17179869184', 'a')).rejects.toThrow('longer than 10 bytes');
  });

  it('shares a budget with others of its address and with all, and gives back what it took', async () => {
    const read = createBodyReader(limits);
    const first = held(read, 10, 'a');
    await expect(read(chunks(5), undefined, 'a')).rejects.toThrow('too many bodies');
    const others = [held(read, 10, 'b'), held(read, 5, 'c')];
    await expect(read(chunks(5), undefined, 'd')).rejects.toThrow('too many bodies');
    for (const one of [first, ...others]) {
      one.free();
      await one.done;
    }
    expect((await read(chunks(10), undefined, 'a')).length).toBe(10);
  });

  it('that is small is taken while large ones fill the budget', async () => {
    const read = createBodyReader(limits);
    const large = ['a', 'b'].map((address) => held(read, 10, address));
    const more = held(read, 5, 'c');
    expect((await read(chunks(2), undefined, 'a')).length).toBe(2);
    await expect(read(chunks(3), undefined, 'd')).rejects.toThrow('too many bodies');
    for (const one of [...large, more]) one.free();
  });
});

describe('pages', () => {
  const items = ['d', 'b', 'a', 'c'];
  const page = (query: object) => paged(items, (item) => item, query);
  it('are in order, and name where the next one begins', () => {
    expect(page({ limit: 2 })).toEqual({ items: ['a', 'b'], next: 'b' });
    expect(page({ limit: 2, continue: 'b' })).toEqual({ items: ['c', 'd'], next: undefined });
    expect(page({})).toEqual({ items: ['a', 'b', 'c', 'd'], next: undefined });
    // What was deleted meanwhile leaves no gap.
    expect(page({ limit: 2, continue: 'aa' })).toEqual({ items: ['b', 'c'], next: 'c' });
    expect(page({ continue: 'z' })).toEqual({ items: [], next: undefined });
  });
});

describe('where to listen', () => {
  it.each([
    ['127.0.0.1:8080', { host: '127.0.0.1', port: 8080 }],
    [':8080', { host: undefined, port: 8080 }],
    ['[::1]:1', { host: '::1', port: 1 }],
    ['localhost:0', { host: 'localhost', port: 0 }],
    ['', undefined],
  ])('%s', (text, place) => {
    expect(parsePlace('listen', text)).toEqual(place);
  });
  it.each(['8080', 'localhost', '::1:8080', 'localhost:65536', 'a:b', '[x]:1'])('not %s', (text) => {
    expect(() => parsePlace('listen', text)).toThrow('--listen must be an address and a port');
  });
  it('beyond this machine only with tokens', () => {
    for (const listen of [':8080', '0.0.0.0:8080', '10.0.0.1:80', 'example.com:80', '[::]:80'])
      expect(() => parseSettings(['--listen', listen], {})).toThrow('needs --auth=kubernetes');
    expect(parseSettings(['--listen', ':8080', '--auth', 'kubernetes'], {}).listen).toBe(':8080');
    expect(() => parseSettings(['--auth', 'basic'], {})).toThrow('--auth is none or kubernetes, not "basic"');
    expect(parseSettings(['--listen', 'localhost:1'], {}).listen).toBe('localhost:1');
  });
});
