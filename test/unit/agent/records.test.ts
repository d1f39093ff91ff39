import { createHmac, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Seals } from '../../../agent/record-key.ts';
import type { RecordSecrets, StoredSecret } from '../../../agent/record-secrets.ts';
import { createRecords, type Leader } from '../../../agent/records.ts';
import { ApiError, LockstepError } from '../../../sync/errors.ts';
import type { Records } from '../../../sync/ports.ts';
import { emptyRecord, type ReleaseRecord } from '../../../sync/release/record.ts';
import { mutant } from '../sync/release/mutant.ts';
import { object } from '../sync/support/objects.ts';
import { entryOf, recordOf } from '../sync/support/records.ts';

const seals: Seals = {
  make: async (parts) => sealOf(parts),
  fingerprint: async (text) => text,
  fits: async (seal, parts) => seal === sealOf(parts),
};

function sealOf(parts: readonly (string | Buffer)[]): string {
  const hmac = createHmac('sha256', 'a key');
  for (const part of parts) hmac.update(part).update('|');
  return hmac.digest('base64');
}

/** Secrets in memory that refuse what the API server would refuse. */
function makeSecrets(): RecordSecrets & { stored: Map<string, StoredSecret>; writes: number } {
  const stored = new Map<string, StoredSecret>();
  const conflict = () => new ApiError('somebody was quicker', { status: 409, reason: 'Conflict', class: 'conflict' });
  const secrets = {
    stored,
    writes: 0,
    get: async (name: string) => stored.get(name),
    put: async (_owner: string, name: string, data: Readonly<Record<string, string>>, version: string | undefined) => {
      if (stored.get(name)?.version !== version) throw conflict();
      secrets.writes += 1;
      const next = String(secrets.writes);
      stored.set(name, { version: next, data });
      return next;
    },
    remove: async (name: string) => void stored.delete(name),
    namesOf: async () => [...stored.keys()],
  };
  return secrets;
}

/** The leadership of an agent that nobody disputes. */
const led = (epoch: number): Leader => ({ epoch, prove: async () => undefined, resign: () => undefined });

const numbered = (sequence: number): ReleaseRecord => ({ ...emptyRecord(), sequence });

describe('records', () => {
  it('come back as they were stored, whatever their size, and go without leaving anything', async () => {
    const secrets = makeSecrets();
    const noise = Array.from({ length: 20 }, (_, index) => {
      const manifest = object('ConfigMap', `big-${index}`, { namespace: 'shop' });
      return entryOf({ ...manifest, data: { noise: randomBytes(60_000).toString('base64') } }, {});
    });
    const record = recordOf(noise, 'Synced');
    const writer = createRecords(secrets, seals, led(1));
    await writer.load('u');
    await writer.save('u', record);
    expect(secrets.stored.size).toBeGreaterThan(2);
    for (const { data } of secrets.stored.values()) expect(JSON.stringify(data).length).toBeLessThan(1_000_000);
    const reader = createRecords(secrets, seals, led(1));
    const { record: read, problem } = await reader.load('u');
    expect(problem).toBeUndefined();
    expect(read).toEqual(record);
    await reader.save('u', numbered(7));
    expect(secrets.stored.size).toBe(1);
    await reader.remove('u');
    expect(secrets.stored.size).toBe(0);
  });

  it.each([
    ['a changed byte', (data: Record<string, string>) => ({ ...data, delta: flip(data['delta'] ?? '') })],
    ['a changed epoch', (data: Record<string, string>) => ({ ...data, epoch: Buffer.from('0').toString('base64') })],
    ['no seal', ({ seal: _seal, ...data }: Record<string, string>) => data],
    ['nothing at all', () => ({})],
  ])('with %s count as none, which is told', async (_name, change) => {
    const secrets = makeSecrets();
    const writer = createRecords(secrets, seals, led(1));
    await writer.save('u', recordOf([entryOf(object('ConfigMap', 'a'), {})], 'Synced'));
    const [name, { version, data }] = [...secrets.stored][0] ?? ['', { version: '', data: {} }];
    secrets.stored.set(name, { version, data: change({ ...data }) });
    const reader = createRecords(secrets, seals, led(1));
    const { record, problem } = await reader.load('u');
    expect(record.entries.size).toBe(0);
    expect(problem).toMatch(/^the Secret lockstep-u can't be used: /);
    // What is begun anew takes its place.
    await reader.save('u', numbered(3));
    expect((await createRecords(secrets, seals, led(1)).load('u')).record.sequence).toBe(3);
  });

  it('that are written anew while they are read are read once more, and not taken for broken', async () => {
    const secrets = makeSecrets();
    const writer = createRecords(secrets, seals, led(1));
    const noise = (seed: number) => {
      const data = { noise: randomBytes(900_000).toString('base64'), seed: String(seed) };
      return recordOf([entryOf({ ...object('ConfigMap', 'big', { namespace: 'shop' }), data }, {})], 'Synced');
    };
    await writer.save('u', noise(1));
    const get = secrets.get;
    let isFirst = true;
    secrets.get = async (name) => {
      const found = await get(name);
      if (isFirst && name === 'lockstep-u') {
        isFirst = false;
        await writer.save('u', noise(2));
      }
      return found;
    };
    const { record, problem } = await createRecords(secrets, seals, led(2)).load('u');
    expect(problem).toBeUndefined();
    expect(JSON.stringify([...record.entries.values()][0]?.manifest['data'])).toContain('"seed":"2"');
  });

  it('of a later version are left as they are: nothing is begun anew over them', async () => {
    const secrets = makeSecrets();
    const later = { ...recordOf([], 'Synced'), version: 3 } as unknown as ReleaseRecord;
    await createRecords(secrets, seals, led(1)).save('u', later);
    const before = JSON.stringify(secrets.stored.get('lockstep-u'));
    await expect(createRecords(secrets, seals, led(2)).load('u')).rejects.toThrow('the record has version 3, not 2');
    expect(JSON.stringify(secrets.stored.get('lockstep-u'))).toBe(before);
  });

  it('of one Delivery are no records of another', async () => {
    const secrets = makeSecrets();
    const writer = createRecords(secrets, seals, led(1));
    await writer.save('one', numbered(1));
    const stored = secrets.stored.get('lockstep-one');
    if (stored !== undefined) secrets.stored.set('lockstep-two', stored);
    expect((await writer.load('two')).problem).toContain('its seal does not fit');
  });

  it('are written once more when only the answer to a write was lost', async () => {
    const secrets = makeSecrets();
    const records = createRecords(secrets, seals, led(1));
    await records.save('u', numbered(1));
    const put = secrets.put;
    secrets.put = async (...args) => {
      await put(...args);
      secrets.put = put;
      throw new ApiError('no answer', { status: 0, reason: '', class: 'transient' });
    };
    await expect(records.save('u', numbered(2))).rejects.toThrow('no answer');
    await records.save('u', numbered(3));
    expect((await createRecords(secrets, seals, led(1)).load('u')).record.sequence).toBe(3);
  });

  /** Two agents that load and save by turns: what the later leader has stored, the earlier one never writes over. */
  async function fenceHolds(create: typeof createRecords, choices: readonly number[]): Promise<boolean> {
    const secrets = makeSecrets();
    let leader = 1;
    const proving = (epoch: number) => async (): Promise<void> => {
      if (leader !== epoch) throw new LockstepError('Fenced', 'another agent leads');
    };
    const [old, now] = [1, 2].map((epoch) => create(secrets, seals, { ...led(epoch), prove: proving(epoch) }));
    if (old === undefined || now === undefined) throw new Error('no agents');
    await old.save('u', numbered(1));
    let sequence = 1;
    let hasTaken = false;
    const save = async (records: Records, next: number): Promise<boolean> =>
      records.save('u', numbered(next)).then(
        () => true,
        (error: unknown) => {
          if (error instanceof LockstepError && error.code === 'Fenced') return false;
          throw error;
        },
      );
    const actions = [
      async () => {
        leader = 2;
        await now.load('u');
        hasTaken = true;
        return true;
      },
      async () => !hasTaken || save(now, sequence),
      async () => !((await save(old, sequence)) && hasTaken),
      async () =>
        old.load('u').then(
          () => true,
          () => true,
        ),
    ];
    for (const choice of choices) {
      sequence += 1;
      if (!(await actions[choice]?.())) return false;
    }
    return true;
  }

  const property = (create: typeof createRecords) =>
    fc.asyncProperty(fc.array(fc.nat({ max: 3 }), { maxLength: 12 }), (choices) => fenceHolds(create, choices));

  it('have one writer: a later leader is never written over', async () => {
    expect((await fc.check(property(createRecords), { numRuns: 200, seed: 4 })).failed).toBe(false);
  });

  it.each([
    ['if (epochIn(there) <= epochOf(uid)) return;', 'return;'],
    ['if (above > epochOf(uid)) await leader.prove();', ''],
    ['const isOurs = epochIn(head) === epochOf(uid);', 'const isOurs = true;'],
  ])('are shown to be fenced by this line: %s', async (line, instead) => {
    const broken = await mutant<{ createRecords: typeof createRecords }>('agent/records.ts', line, instead);
    expect((await fc.check(property(broken.createRecords), { numRuns: 200, seed: 4 })).failed).toBe(true);
  });
});

function flip(base64: string): string {
  const bytes = Buffer.from(base64, 'base64');
  bytes[20] = (bytes[20] ?? 0) ^ 1;
  return bytes.toString('base64');
}
