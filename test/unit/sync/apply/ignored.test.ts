import { describe, expect, it } from 'vitest';
import { withLiveValues, withoutIgnored, withoutOurs } from '../../../../sync/apply/filters/ignored.ts';
import type { KubeObject } from '../../../../sync/types.ts';

const own = 'lockstep-0123456789ab';
const entry = (manager: string, fieldsV1: object, more: object = {}) => ({
  manager,
  operation: manager === own ? 'Apply' : 'Update',
  apiVersion: 'v1',
  fieldsV1,
  ...more,
});
const make = (spec: object, ...managedFields: object[]): KubeObject =>
  ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a', managedFields }, spec }) as unknown as KubeObject;
const ignoring = (...pointers: string[]) => ({ pointers, managers: [] });

describe('a manifest on a live object', () => {
  it('goes without what is left alone', () => {
    const live = make({ replicas: 7, paused: true }, entry(own, { 'f:spec': { 'f:replicas': {} } }));
    const manifest = make({ replicas: 3, paused: false });
    expect(withoutIgnored(manifest, live, ignoring('/spec/replicas'))['spec']).toEqual({ paused: false });
    expect(withLiveValues(manifest, live, own, ignoring('/spec/replicas'))['spec']).toEqual({
      replicas: 7,
      paused: false,
    });
  });

  it('keeps the live value inside a map that can only be owned as one, whoever owns it', () => {
    const atomic = { 'f:spec': { 'f:nodeSelector': {} } };
    const manifest = make({ nodeSelector: { disk: 'ssd', zone: 'a' } });
    for (const manager of [own, 'kubectl-edit']) {
      const live = make({ nodeSelector: { disk: 'ssd', zone: 'b' } }, entry(manager, atomic));
      expect(withoutIgnored(manifest, live, ignoring('/spec/nodeSelector/zone'))['spec'], manager).toEqual({
        nodeSelector: { disk: 'ssd', zone: 'b' },
      });
    }
    const whole = make({ nodeSelector: { zone: 'b' } }, entry('kubectl-edit', atomic));
    expect(withoutIgnored(manifest, whole, ignoring('/spec/nodeSelector'))['spec']).toBeUndefined();
  });

  it('keeps it inside such a map of an item too', () => {
    const fields = {
      'f:spec': { 'f:containers': { 'k:{"name":"web"}': { '.': {}, 'f:name': {}, 'f:securityContext': {} } } },
    };
    const of = (user: number) => make({ containers: [{ name: 'web', securityContext: { user, root: false } }] });
    const live = { ...of(7), metadata: make({}, entry('tool', fields)).metadata };
    expect(withoutIgnored(of(1), live, ignoring('/spec/containers/0/securityContext/user'))['spec']).toEqual({
      containers: [{ name: 'web', securityContext: { user: 7, root: false } }],
    });
  });

  it('is tried with what we alone own and Git names no more, as it will be handed over', () => {
    const live = make({ replicas: 7 }, entry(own, { 'f:spec': { 'f:replicas': {} } }));
    expect(withLiveValues(make({}), live, own, ignoring('/spec/replicas'))['spec']).toEqual({ replicas: 7 });
  });

  it('goes without what another manager owns, also by the scale of the object', () => {
    const scale = entry('hpa', { 'f:spec': { 'f:replicas': {} } }, { subresource: 'scale' });
    const manifest = make({ replicas: 3, paused: false });
    const ignored = { pointers: [], managers: ['hpa'] };
    expect(withoutIgnored(manifest, make({ replicas: 7 }, scale), ignored)['spec']).toEqual({ paused: false });
    expect(withoutIgnored(manifest, make({ replicas: 3 }), ignored)['spec']).toEqual({ replicas: 3, paused: false });
  });
});

describe('letting go', () => {
  it('takes what is left alone out of our entry, and nothing out of others', () => {
    const ours = entry(own, { 'f:spec': { 'f:replicas': {}, 'f:paused': {} } });
    const theirs = entry('hpa', { 'f:spec': { 'f:replicas': {} } }, { subresource: 'scale' });
    expect(withoutOurs(make({}, ours, theirs), make({}), own, ignoring('/spec/replicas'))).toEqual([
      { ...ours, fieldsV1: { 'f:spec': { 'f:paused': {} } } },
      theirs,
    ]);
    expect(withoutOurs(make({}, theirs), make({}), own, ignoring('/spec/replicas'))).toBeUndefined();
    expect(withoutOurs(make({}, ours), make({}), own, ignoring('/spec/other'))).toBeUndefined();
  });
});
