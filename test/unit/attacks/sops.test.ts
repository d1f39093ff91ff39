import { expect, it } from 'vitest';
import { readSealed } from '../../../sync/render/sops/sealed.ts';
import { createUnsealer } from '../../../sync/render/sops/unsealer.ts';

const mark = '#ENC[AES256_GCM,\n';

async function refusal(path: string, text: string): Promise<string> {
  const { open } = createUnsealer(undefined, new Map(), () => undefined);
  return open(path, Buffer.from(text)).then(
    () => 'opened',
    (error: Error) => error.message,
  );
}

it('a file that only says that it is encrypted unfolds into nothing, with or without keys', async () => {
  const levels = ['a0: &a0 [x, x, x, x, x, x, x, x, x]'];
  for (let level = 1; level < 9; level += 1)
    levels.push(
      `a${level}: &a${level} [${Array(9)
        .fill(`*a${level - 1}`)
        .join(', ')}]`,
    );
  for (const notes of ['sops: {mac: x, b: *a8}', 'sops: {mac: x}']) {
    const began = performance.now();
    expect(await refusal('a.yaml', `${mark}${levels.join('\n')}\n${notes}\n`)).toMatch(/more than 500000 values/);
    expect(performance.now() - began).toBeLessThan(2_000);
  }
});

it('a file of 40,000 keys is read in time that grows with them', () => {
  const keys = Array.from({ length: 40_000 }, (_, i) => `k${i}: x`).join('\n');
  const began = performance.now();
  expect(readSealed('a.yaml', Buffer.from(`${mark}${keys}\nsops: {mac: x}\n`))?.documents[0]?.pairs).toHaveLength(
    40_000,
  );
  expect(performance.now() - began).toBeLessThan(1_500);
});

it.each([
  ['a.yaml', 'k: ENC[AES256_GCM,data:Tr7o,iv:AAAA,tag:AAAA,type:str]\n'],
  ['values.txt', 'k=ENC[AES256_GCM,data:Tr7o,iv:AAAA,tag:AAAA,type:str]\n'],
  ['a.env', 'k=ENC[AES256_GCM,data:Tr7o,iv:AAAA,tag:AAAA,type:str]\n'],
  ['a.json', '{"k": "ENC[AES256_GCM,data:Tr7o,iv:AAAA,tag:AAAA,type:str]"}'],
])('encrypted values without their notes are never passed on: %s', async (path, text) => {
  expect(await refusal(path, text)).toBe(
    `${path} can not be decrypted: it holds values that SOPS has encrypted, and not the notes by which they are decrypted`,
  );
});

it('what only speaks of it is passed on', async () => {
  expect(await refusal('a.yaml', 'k: values begin with ENC[AES256_GCM, in SOPS\n')).toBe('opened');
  expect(await refusal('README.md', 'sops: `ENC[AES256_GCM,data:Tr7o,iv:AAAA,tag:AAAA,type:str]`\n')).toBe('opened');
});
