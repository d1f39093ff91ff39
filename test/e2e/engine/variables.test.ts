import { describe, expect, it } from 'vitest';
import { useLockstep } from '../support/lockstep.ts';

const lockstep = useLockstep(['variables']);
const map = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata:\n  color: ${color}\n  size: "${size:-s}"\n';
const web =
  'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: ${replicas}\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec: {containers: [{name: c, image: nginx, env: [{name: N, value: "${replicas}"}]}]}\n';

describe('variables of a Delivery', () => {
  it('are replaced; another value is another release, and one that nobody gives holds it', async () => {
    const vars = { color: 'blue', replicas: '1' };
    const spec = { render: { substitute: { vars } } };
    const app = await lockstep.app('variables', { 'm.yaml': map, 'web.yaml': web }, spec);
    await app.ready();
    const data = async (): Promise<unknown> => (await app.get('v1', 'ConfigMap', 'm'))?.['data'];
    expect(await data()).toEqual({ color: 'blue', size: 's' });
    expect((await app.get('apps/v1', 'Deployment', 'web'))?.['spec']).toMatchObject({ replicas: 1 });
    await lockstep.kube.edit(app.delivery, { spec: { render: { substitute: { vars: { color: 'red' } } } } });
    await expect.poll(data, { timeout: 20_000 }).toEqual({ color: 'red', size: 's' });
    const since = Date.now();
    app.push({ 'm.yaml': map.replace('${color}', '${colour}') });
    expect(await app.refused('InvalidManifests')).toContain(
      'm.yaml (document 1): ConfigMap m: the variable colour is not given, and has no default',
    );
    expect(app.writes(since)).toEqual([]);
    await app.remove();
  });
});
