import { expect, it } from 'vitest';
import { textAt } from '../../../diff/json.ts';
import { addSubmodule, moveSubmodule } from '../support/git-server.ts';
import { until } from '../support/kube.ts';
import { configMap, useLockstep } from '../support/lockstep.ts';

const namespace = 'with-submodules';
const lockstep = useLockstep([namespace]);

it('a Delivery has what is in submodules where it asks for them, at the commit that its repository names', async () => {
  const child = lockstep.git.repository('with-submodules-child.git');
  child.commit({ 'b.yaml': configMap('b', { color: 'blue' }) });
  const app = await lockstep.app(namespace, { 'a.yaml': configMap('a', { color: 'blue' }) });
  await app.ready();
  addSubmodule(lockstep.git, app.repository, 'with-submodules-child.git', 'lib');
  app.push({});
  await app.ready();
  expect(await app.get('v1', 'ConfigMap', 'b')).toBeUndefined();
  await lockstep.kube.edit(app.delivery, { spec: { source: { submodules: true } } });
  const colorOf = async (name: string) => textAt(await app.get('v1', 'ConfigMap', name), 'data', 'color');
  await until('what is in it is live', async () => (await colorOf('b')) === 'blue');
  child.commit({ 'b.yaml': configMap('b', { color: 'red' }) });
  await app.request('sync@1');
  app.push({ 'a.yaml': configMap('a', { color: 'green' }) });
  await app.ready();
  expect([await colorOf('a'), await colorOf('b')]).toEqual(['green', 'blue']);
  moveSubmodule(app.repository, 'lib');
  app.push({});
  await app.ready();
  expect(await colorOf('b')).toBe('red');
  await app.remove();
});
