import { expect, it } from 'vitest';
import { textAt } from '../../diff/json.ts';
import { deliveryOf } from './support/furnish.ts';
import { gone, until } from './support/kube.ts';
import { configMap, customKind, customKindRef, describeOnOwnCluster, useLockstep } from './support/lockstep.ts';

const lockstep = useLockstep(['watches-pooled', 'watches-kinds']);

/** How many watches of a resource in namespaces the API server serves right now. */
async function openWatches(resource: string): Promise<number> {
  const text = await lockstep.kube.http.text({ method: 'GET', path: '/metrics' });
  const lines = text.split('\n').filter((line) => line.startsWith('apiserver_longrunning_requests{'));
  return lines
    .filter(
      (line) =>
        line.includes(`resource="${resource}"`) && line.includes('verb="WATCH"') && line.includes('scope="namespace"'),
    )
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}

describeOnOwnCluster('watches', () => {
  it('are shared by all Deliveries of one account, kind and namespace', async () => {
    const before = await openWatches('limitranges');
    const namespace = 'watches-pooled';
    const limits = (name: string): string =>
      `apiVersion: v1\nkind: LimitRange\nmetadata: {name: ${name}}\nspec: {limits: [{type: Container, max: {cpu: "64"}}]}\n`;
    const app = await lockstep.app(namespace, { 'a/a.yaml': limits('a') }, { source: { path: 'a' } });
    const names = Array.from({ length: 24 }, (_, index) => `more-${index}`);
    app.push(Object.fromEntries(names.map((name) => [`${name}/a.yaml`, limits(name)])));
    for (const name of names)
      await lockstep.kube.apply(deliveryOf(namespace, name, app.repository.url, { source: { path: name } }));
    const get = (name: string) => lockstep.kube.get(app.ref('v1', 'LimitRange', name));
    for (const name of ['a', ...names]) await until(`${name} is there`, () => get(name), 60_000);
    await app.ready(30_000);
    await until('one watch is left', async () => (await openWatches('limitranges')) === before + 1);
    const healed = async (name: string): Promise<void> => {
      await lockstep.kube.delete(app.ref('v1', 'LimitRange', name));
      await until(`${name} is made again`, () => get(name));
    };
    for (const name of ['a', 'more-0', 'more-23']) await healed(name);
    // Who leaves takes nothing from the others.
    await app.remove();
    await healed('more-11');
    expect(await openWatches('limitranges')).toBe(before + 1);
  }, 180_000);

  it('end with their kind, are named while it is gone, and see again when it comes back', async () => {
    const definition = customKind('watches.example.com', 'Widget', [
      { schema: '{type: object, properties: {color: {type: string}}}' },
    ]);
    const widget = (color: string): string =>
      `apiVersion: watches.example.com/v1\nkind: Widget\nmetadata: {name: w}\ncolor: ${color}\n`;
    const app = await lockstep.app('watches-kinds', {
      'crd.yaml': definition,
      'w.yaml': widget('blue'),
      'a.yaml': configMap('a', { a: '1' }),
    });
    await app.ready(40_000);
    const crd = customKindRef('watches.example.com', 'Widget');
    const before = await lockstep.kube.get(crd);
    await lockstep.kube.delete(crd);
    await until('the definition is another one', async () => {
      const now = await lockstep.kube.get(crd);
      return now !== undefined && now.metadata.uid !== before?.metadata.uid;
    });
    const get = () => app.get('watches.example.com/v1', 'Widget', 'w');
    await until('its object is there again', get, 60_000);
    await app.ready(60_000);
    await lockstep.kube.edit(app.ref('watches.example.com/v1', 'Widget', 'w'), { color: 'red' });
    await until('drift is seen again', async () => textAt(await get(), 'color') === 'blue', 60_000);
    await app.remove(60_000);
    await lockstep.kube.delete(crd);
    await gone(lockstep.kube, crd);
  }, 240_000);
});
