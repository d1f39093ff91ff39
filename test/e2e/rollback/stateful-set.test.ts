import { expect, it } from 'vitest';
import { objectsAt } from '../../../diff/json.ts';
import { describeOnOwnCluster, useLockstep } from '../support/lockstep.ts';
import { expectBack, held, holdMessage, picture } from '../support/rollback.ts';

const lockstep = useLockstep(['back-ordered']);

const stateful = (image: string): string => `apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  replicas: 3
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: main, image: "${image}"}]}
`;

describeOnOwnCluster('a StatefulSet with a bad image', () => {
  it('comes back, although its controller never replaces the pod that is stuck', async () => {
    const app = await lockstep.app('back-ordered', { 'db.yaml': stateful('db:1') });
    await app.ready();
    const good = app.revision;
    const refs = [app.ref('apps/v1', 'StatefulSet', 'db')];
    const before = await picture(lockstep, refs);
    const pods = [0, 1].map((number) => app.ref('v1', 'Pod', `db-${number}`));
    const others = await picture(lockstep, pods);
    const since = Date.now();
    app.push({ 'db.yaml': stateful('db:missing') });
    expect(holdMessage(await held(app))).toMatch(
      /^StatefulSet back-ordered\/db: pod db-2: container main: ErrImagePull/,
    );
    await expectBack(lockstep, app, before, refs, good);
    const deletes = app.writes(since).filter(({ verb }) => verb === 'delete');
    expect(deletes.map(({ resource, name }) => `${resource} ${name}`)).toEqual(['pods db-2']);
    // The other pods were never touched.
    expect(Object.fromEntries(await picture(lockstep, pods))).toEqual(Object.fromEntries(others));
    const last = await app.get('v1', 'Pod', 'db-2');
    expect(objectsAt(last, 'spec', 'containers')[0]?.['image']).toBe('db:1');
  });
});
