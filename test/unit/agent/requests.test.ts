import { describe, expect, it } from 'vitest';
import type { KubeHttp, KubeRequest } from '../../../agent/kube/http.ts';
import { writeRequest } from '../../../agent/kube/requests.ts';
import { ApiError } from '../../../sync/errors.ts';

const name = 'lockstep.dev/request';
const conflict = new ApiError('the object has been modified', { status: 409, reason: 'Conflict', class: 'conflict' });

/** An API server with one Delivery. @param refuse told of each write; what it answers is thrown after the write */
function serverWith(asked: string | undefined, taken: string | undefined, refuse: () => unknown = () => undefined) {
  const server = { asked, writes: 0, http: {} as KubeHttp };
  const request: KubeHttp['request'] = async ({ method, body }: KubeRequest) => {
    if (method === 'PATCH') {
      server.writes += 1;
      server.asked = JSON.parse(body ?? '{}').metadata.annotations[name];
      const error = refuse();
      if (error !== undefined) throw error;
    }
    const annotations = server.asked === undefined ? {} : { [name]: server.asked };
    const metadata = { name: 'web', namespace: 'shop', resourceVersion: '1', annotations };
    const status = taken === undefined ? {} : { lastRequest: taken };
    return { status: 200, body: { apiVersion: 'lockstep.dev/v1alpha1', kind: 'Delivery', metadata, status } };
  };
  server.http = { request } as KubeHttp;
  return server;
}

const write = ({ http }: { http: KubeHttp }): Promise<string | undefined> =>
  writeRequest(http, 'shop', 'web', 'suspend@2 by=ada');

describe('a request', () => {
  it.each([
    ['there was none before', undefined, undefined],
    ['the one before was taken note of', 'rollback@1 by=bob', 'rollback@1 by=bob'],
    ['a status masks what the one before says', 'rollback@1 by=bob', 'rollback@1 by=***'],
    ['a sync was not served yet, which may last', 'sync@1 by=bob', undefined],
  ])('is written when %s', async (_what, asked, taken) => {
    const server = serverWith(asked, taken);
    expect(await write(server)).toBeUndefined();
    expect(server.asked).toBe('suspend@2 by=ada');
  });

  it('is not written over another one that the agent has not taken note of', async () => {
    const server = serverWith('rollback@1 by=bob', 'sync@0');
    expect(await write(server)).toBe('rollback@1');
    expect(server.writes).toBe(0);
  });

  it('is not in its own way when the answer to its write was lost', async () => {
    const server = serverWith(undefined, undefined, () => conflict);
    expect(await write(server)).toBeUndefined();
    expect(server.writes).toBe(1);
  });
});
