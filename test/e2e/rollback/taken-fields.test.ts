import { expect, it } from 'vitest';
import { managedEntries, pathsOf } from '../../../diff/field-sets.ts';
import { at, objectsAt } from '../../../diff/json.ts';
import { pathText } from '../../../diff/places.ts';
import type { KubeObject, ObjectRef } from '../../../sync/types.ts';
import { until } from '../support/kube.ts';
import { type App, deployment, describeOnOwnCluster, useLockstep } from '../support/lockstep.ts';
import { held } from '../support/rollback.ts';

const lockstep = useLockstep([
  'taken-hand',
  'taken-same',
  'taken-applier',
  'taken-pods',
  'taken-behind',
  'taken-newer',
]);

/** A Deployment whose rollouts are as many as Git says, and that has what else it says. */
const web = (image: string, limit?: number, more = ''): string =>
  `${deployment('web', { image }).replace(
    '  replicas: 1\n',
    `  replicas: 1\n${limit === undefined ? '' : `  revisionHistoryLimit: ${limit}\n`}`,
  )}${more}`;

const webOf = (app: App): ObjectRef => app.ref('apps/v1', 'Deployment', 'web');
const liveOf = async (ref: ObjectRef): Promise<KubeObject> => {
  const live = await lockstep.kube.get(ref);
  if (live === undefined) throw new Error(`${ref.name} is not there`);
  return live;
};

/** Who owns a field, and how. */
function ownersOf(live: KubeObject, path: string): string[] {
  return managedEntries(live)
    .filter(({ fields }) => pathsOf(fields).some((one) => pathText(one) === path))
    .map(({ manager, operation }) => `${manager.replace(/^lockstep-.*/, 'lockstep')} ${operation}`);
}

const limitOf = (live: KubeObject) => at(live, 'spec', 'revisionHistoryLimit');
const field = 'spec.revisionHistoryLimit';

describeOnOwnCluster('a rollback gives back what the bad commit took', () => {
  it('from a person, value and ownership, so that they go on as before', async () => {
    const app = await lockstep.app('taken-hand', { 'web.yaml': web('app:1') });
    await app.ready();
    await lockstep.kube.edit(webOf(app), { spec: { revisionHistoryLimit: 4 } }, 'kubectl-edit');
    app.push({ 'web.yaml': web('app:missing', 2) });
    await until('it is taken', async () => limitOf(await liveOf(webOf(app))) === 2);
    expect(ownersOf(await liveOf(webOf(app)), field)).toEqual(['lockstep Apply']);
    const status = await held(app);
    const live = await liveOf(webOf(app));
    expect([limitOf(live), ownersOf(live, field)]).toEqual([4, ['kubectl-edit Update']]);
    expect(at(status, 'status', 'leftBehind')).toBeUndefined();
    // It is theirs: nobody undoes what they do with it.
    await lockstep.kube.edit(webOf(app), { spec: { revisionHistoryLimit: 7 } }, 'kubectl-edit');
    app.push({ 'web.yaml': web('app:2') });
    await app.ready();
    expect(limitOf(await liveOf(webOf(app)))).toBe(7);
  });

  it('although it had the very value that they had', async () => {
    const app = await lockstep.app('taken-same', { 'web.yaml': web('app:1') });
    await app.ready();
    await lockstep.kube.edit(webOf(app), { spec: { revisionHistoryLimit: 4 } }, 'kubectl-edit');
    app.push({ 'web.yaml': web('app:missing', 4) });
    await held(app);
    const live = await liveOf(webOf(app));
    expect([limitOf(live), ownersOf(live, field)]).toEqual([4, ['kubectl-edit Update']]);
  });

  it('from another controller that applies', async () => {
    const app = await lockstep.app('taken-applier', { 'web.yaml': web('app:1') }, { sync: { adopt: true } });
    await app.ready();
    const theirs = (team: string): KubeObject => ({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web', namespace: app.namespace, annotations: { team } },
    });
    await lockstep.kube.apply(theirs('red'), 'teams-controller');
    const ours = web('app:missing').replace('  name: web\n', '  name: web\n  annotations: {team: blue}\n');
    app.push({ 'web.yaml': ours });
    const team = async () => at(await liveOf(webOf(app)), 'metadata', 'annotations', 'team');
    await until('it is taken', async () => (await team()) === 'blue');
    await held(app);
    expect(await team()).toBe('red');
    expect(ownersOf(await liveOf(webOf(app)), 'metadata.annotations.team')).toEqual(['teams-controller Apply']);
    // It may change it without force.
    await lockstep.kube.apply(theirs('green'), 'teams-controller');
    expect(await team()).toBe('green');
  });

  it('in pods, without rolling out anything in between', async () => {
    const app = await lockstep.app('taken-pods', { 'web.yaml': web('app:1') });
    await app.ready();
    const annotated = (zone: string) => ({ spec: { template: { metadata: { annotations: { zone } } } } });
    await lockstep.kube.edit(webOf(app), annotated('here'), 'kubectl-edit');
    const sets = async (): Promise<number> => {
      const path = `/apis/apps/v1/namespaces/${app.namespace}/replicasets`;
      return objectsAt((await lockstep.kube.http.request({ method: 'GET', path })).body, 'items').length;
    };
    await until('it is rolled out', async () => (await sets()) === 2);
    app.push({
      'web.yaml': deployment('web', { image: 'app:missing' }).replace('annotations: {}', 'annotations: {zone: there}'),
    });
    await until('the bad one is, too', async () => (await sets()) === 3);
    await held(app);
    expect(at(await liveOf(webOf(app)), 'spec', 'template', 'metadata', 'annotations', 'zone')).toBe('here');
    expect(await sets()).toBe(3);
  });

  it('also behind a release that was good with it', async () => {
    const app = await lockstep.app('taken-behind', { 'web.yaml': web('app:1') });
    await app.ready();
    await lockstep.kube.edit(webOf(app), { spec: { revisionHistoryLimit: 4 } }, 'kubectl-edit');
    app.push({ 'web.yaml': web('app:2', 2) });
    await app.ready();
    app.push({ 'web.yaml': web('app:3', 2) });
    await app.ready();
    await app.request('rollback@1 to=1 by=ada');
    await held(app);
    const live = await liveOf(webOf(app));
    expect([limitOf(live), ownersOf(live, field)]).toEqual([4, ['kubectl-edit Update']]);
  });

  it('also when a newer commit took the place of the one that took it', async () => {
    const app = await lockstep.app('taken-newer', { 'web.yaml': web('app:1') });
    await app.ready();
    await lockstep.kube.edit(webOf(app), { spec: { revisionHistoryLimit: 4 } }, 'kubectl-edit');
    const slow = deployment('web', { image: 'app:2', pod: { pod: 'never-ready' } }).replace(
      '  replicas: 1\n',
      '  replicas: 1\n  revisionHistoryLimit: 2\n',
    );
    app.push({ 'web.yaml': slow });
    await until('it is taken', async () => limitOf(await liveOf(webOf(app))) === 2);
    app.push({ 'web.yaml': web('app:missing', 3) });
    await held(app);
    const live = await liveOf(webOf(app));
    expect([limitOf(live), ownersOf(live, field)]).toEqual([4, ['kubectl-edit Update']]);
  });
});
