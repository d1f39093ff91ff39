import { describe, expect, it } from 'vitest';
import type { Caller } from '../../../agent/api/callers.ts';
import { mayUseLogin } from '../../../agent/api/world.ts';
import type { KubeHttp } from '../../../agent/kube/http.ts';
import { createRegistry } from '../../../agent/registry.ts';
import { createSites } from '../../../agent/sites.ts';
import { partsOf, targetOf } from '../../../sync/delivery/target.ts';
import type { KubeObject } from '../../../sync/types.ts';
import { silent } from '../support/silent.ts';

const here = targetOf({ namespace: 'shop', serviceAccount: 'lockstep', kubeconfig: undefined });
const there = targetOf({ namespace: 'shop', serviceAccount: 'lockstep', kubeconfig: 'far' });

describe('a target', () => {
  it('is an account, and the Secret that leads elsewhere', () => {
    expect(partsOf(here)).toEqual({ identity: 'system:serviceaccount:shop:lockstep', secret: undefined });
    expect(partsOf(there)).toEqual({
      identity: 'system:serviceaccount:shop:lockstep',
      secret: { namespace: 'shop', name: 'far' },
    });
  });

  it('of a Delivery is known also while all else that it asks for is nonsense', () => {
    const served = createRegistry().take({
      apiVersion: 'lockstep.dev/v1alpha1',
      kind: 'Delivery',
      metadata: { name: 'a', namespace: 'shop', uid: 'u', resourceVersion: '1' },
      spec: { source: 7, target: { kubeconfigSecretRef: { name: 'far' } } },
    } as unknown as KubeObject);
    expect(served.target()).toBe(there);
  });
});

describe('clusters', () => {
  it('far away are let go when no target means them any more, and the own one never is', async () => {
    const closed: string[] = [];
    const http = (name: string): KubeHttp =>
      ({ request: async () => ({ status: 200, body: {} }), close: async () => void closed.push(name) }) as never;
    const sites = createSites({
      http: http('own'),
      kinds: {} as never,
      clock: { now: () => 0, steady: () => 0, sleep: async () => undefined },
      log: silent,
      requireAccount: async () => undefined,
      login: async () => ({ fingerprint: 'a', connect: () => http('far'), check: () => undefined }),
    });
    const [own, far] = [sites.at(here), sites.at(there)];
    expect(sites.at(there)).toBe(far);
    expect(own.impersonate).toBe('system:serviceaccount:shop:lockstep');
    expect(far.impersonate).toBeUndefined();
    await far.http.request({ method: 'GET', path: '/' });
    sites.keepOnly([there]);
    expect(closed).toEqual([]);
    sites.keepOnly([]);
    await Promise.resolve();
    expect(closed).toEqual(['far']);
    expect(sites.at(there)).not.toBe(far);
    expect(sites.at(here)).toBe(own);
  });
});

describe('objects in another cluster', () => {
  it('are for who may get the login to it; the own cluster has rules of its own', async () => {
    const asked: object[] = [];
    const caller = {
      may: async (action: object) => {
        asked.push(action);
        return false;
      },
    } as unknown as Caller;
    expect(mayUseLogin(caller, { target: () => here } as never)).toBeUndefined();
    expect(await mayUseLogin(caller, { target: () => there } as never)).toBe(false);
    expect(asked).toEqual([{ verb: 'get', resource: 'secrets', namespace: 'shop', name: 'far' }]);
  });
});
