import { describe, expect, it } from 'vitest';
import { ApiError, type ApiErrorClass } from '../../../../sync/errors.ts';
import { comesInTime, isDeferred } from '../../../../sync/plan/deferred.ts';
import { entriesFor } from '../../../../sync/plan/plan.ts';
import { type Entry, emptyRecord } from '../../../../sync/release/record.ts';
import { type KubeObject, keyOf, refOf } from '../../../../sync/types.ts';
import { object } from '../support/objects.ts';

const error = (status: number, kind: ApiErrorClass, message = ''): ApiError =>
  new ApiError(message, { status, reason: '', class: kind });
const entriesOf = (...manifests: KubeObject[]): Map<string, Entry> =>
  entriesFor(
    manifests.map((manifest) => ({ key: keyOf(refOf(manifest)), manifest, hash: manifest.metadata.name })),
    emptyRecord(),
  );
/** Whether the first of some objects may still pass although it was refused. */
const comes = (refusal: unknown, ...manifests: KubeObject[]): boolean => {
  const entries = entriesOf(...manifests);
  const [first] = entries.values();
  return first !== undefined && comesInTime(first, entries, refusal);
};

const rbac = 'rbac.authorization.k8s.io';
const binding = {
  ...object('RoleBinding', 'b', { apiVersion: `${rbac}/v1`, namespace: 'n' }),
  roleRef: { apiGroup: rbac, kind: 'Role', name: 'r' },
};
const role = object('Role', 'r', { apiVersion: `${rbac}/v1`, namespace: 'n' });
const pod = object('Pod', 'p', { namespace: 'n', spec: { serviceAccountName: 'a' } });
const account = object('ServiceAccount', 'a', { namespace: 'n' });
const thing = object('Thing', 't', { apiVersion: 'x.io/v1', namespace: 'n' });
const definition = object('CustomResourceDefinition', 'things.x.io', {
  apiVersion: 'apiextensions.k8s.io/v1',
  spec: { group: 'x.io', names: { kind: 'Thing' } },
});
const service = object('Service', 'hook', { namespace: 'n' });
const webhook =
  'Internal error occurred: failed calling webhook "v.x.io": failed to call webhook: Post "https://hook.n.svc:443/v?timeout=10s": no endpoints';

describe('what can not be tried yet', () => {
  it.each<[string, boolean, unknown, KubeObject[]]>([
    ['a binding of a role that comes', true, error(404, 'absent'), [binding, role]],
    ['a binding of a role that does not', false, error(404, 'absent'), [binding]],
    ['a pod of an account that comes', true, error(403, 'forbidden'), [pod, account]],
    ['a pod of an account that does not', false, error(403, 'forbidden'), [pod]],
    ['an object whose kind changes too', true, error(500, 'permanent'), [thing, definition]],
    ['an object whose kind does not', false, error(500, 'permanent'), [thing]],
    ['what a webhook refuses whose service comes', true, error(500, 'environment', webhook), [thing, service]],
    [
      'what another webhook refuses',
      false,
      error(500, 'environment', webhook.replace('hook.n', 'other.n')),
      [thing, service],
    ],
    [
      'what a webhook can not be asked about',
      true,
      error(400, 'permanent', 'admission webhook "a" does not support dry run'),
      [thing],
    ],
    ['what is simply wrong', false, error(422, 'permanent', 'is invalid'), [pod, account]],
    ['what nobody answered', false, error(0, 'transient'), [binding, role]],
    ['what went wrong here', false, new Error('a bug'), [binding, role]],
  ])('%s: %s', (_name, expected, refusal, manifests) => {
    expect(comes(refusal, ...manifests)).toBe(expected);
  });

  it('is what is in a namespace of the same release, or of a kind of it', () => {
    const home = object('Namespace', 'n');
    const inside = entriesOf(pod, home);
    expect(isDeferred([...inside.values()][0] as Entry, inside, true)).toBe(true);
    const alone = entriesOf(pod);
    expect(isDeferred([...alone.values()][0] as Entry, alone, true)).toBe(false);
    const defined = entriesOf(thing, definition);
    expect(isDeferred([...defined.values()][0] as Entry, defined, false)).toBe(true);
    const unknown = entriesOf(thing);
    expect(isDeferred([...unknown.values()][0] as Entry, unknown, false)).toBe(false);
  });

  it('makes room where something leaves first', () => {
    const old = object('Service', 'old', { namespace: 'n', annotations: { 'lockstep.dev/prune': 'first' } });
    const entries = entriesOf(object('Service', 'new', { namespace: 'n' }), old);
    const leaving = entries.get('/Service/n/old') as Entry;
    entries.set(leaving.key, { ...leaving, removed: true });
    const taken = error(422, 'environment', 'provided port is already allocated');
    expect(comesInTime([...entries.values()][0] as Entry, entries, taken)).toBe(true);
  });
});
