import { describe, expect, it } from 'vitest';
import { textAt } from '../../../diff/json.ts';
import { until } from '../support/kube.ts';
import { useLockstep } from '../support/lockstep.ts';

const lockstep = useLockstep(['variables', 'values', 'values-chart']);
const map = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata:\n  color: ${color}\n  size: "${size:-s}"\n';
const web =
  'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: ${replicas}\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec: {containers: [{name: c, image: nginx, env: [{name: COUNT, value: "${replicas}"}]}]}\n';

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

describe('values of the cluster', () => {
  const account = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'values' } };
  const put = (kind: 'ConfigMap' | 'Secret', name: string, data: Record<string, string>) =>
    lockstep.kube.apply({
      apiVersion: 'v1',
      kind,
      metadata: { name, namespace: 'values' },
      [kind === 'Secret' ? 'stringData' : 'data']: data,
    });

  it('are variables and values of charts; a change of them is a release at once, and a missing one changes nothing', async () => {
    await lockstep.kube.apply(account);
    await put('ConfigMap', 'settings', { color: 'blue', size: 'l', 'not.a.name': 'x' });
    await put('Secret', 'keys', { size: 'C4NARY-7f3a' });
    const from = [
      { kind: 'Secret', name: 'keys' },
      { kind: 'ConfigMap', name: 'settings' },
      { kind: 'ConfigMap', name: 'none', optional: true },
    ];
    const spec = { source: { interval: '60s' }, render: { substitute: { from, vars: { unused: 'x' } } } };
    const app = await lockstep.app('values', { 'm.yaml': map }, spec);
    await app.ready();
    const data = async (): Promise<unknown> => (await app.get('v1', 'ConfigMap', 'm'))?.['data'];
    expect(await data()).toEqual({ color: 'blue', size: 'l' });
    const began = performance.now();
    await put('ConfigMap', 'settings', { color: 'red', size: 'xl' });
    await expect.poll(data, { timeout: 10_000, interval: 20 }).toEqual({ color: 'red', size: 'xl' });
    expect(performance.now() - began).toBeLessThan(5_000);
    // Also while the last release is still on probation, where its pods may yet crash.
    app.push({ 'web.yaml': web.replaceAll('${replicas}', '${color}').replace('replicas: ${color}', 'replicas: 1') });
    await app.request('sync@1');
    await app.ready();
    await lockstep.kube.edit(app.delivery, { spec: { rollback: { probation: '1h' } } });
    await put('ConfigMap', 'settings', { color: 'pink', size: 'xl' });
    await expect.poll(data, { timeout: 10_000, interval: 20 }).toEqual({ color: 'pink', size: 'xl' });
    await until('it is on probation', async () => textAt(await app.status(), 'status', 'state') === 'Probation');
    await put('ConfigMap', 'settings', { color: 'red', size: 'xl' });
    await expect.poll(data, { timeout: 10_000, interval: 20 }).toEqual({ color: 'red', size: 'xl' });
    await lockstep.kube.edit(app.delivery, { spec: { rollback: { probation: '1s' } } });
    const since = Date.now();
    await lockstep.kube.delete({ apiVersion: 'v1', kind: 'ConfigMap', namespace: 'values', name: 'settings' });
    expect(await app.refused('ValuesNotFound')).toBe('the ConfigMap values/settings does not exist');
    expect(app.writes(since)).toEqual([]);
    expect(await data()).toEqual({ color: 'red', size: 'xl' });
    await put('ConfigMap', 'settings', { color: 'green' });
    // Now the Secret is the only one that says the size.
    await expect.poll(data, { timeout: 10_000 }).toEqual({ color: 'green', size: 'C4NARY-7f3a' });
    await put('Secret', 'keys', { size: 'C4NARY-8e4b' });
    await expect.poll(data, { timeout: 10_000, interval: 20 }).toEqual({ color: 'green', size: 'C4NARY-8e4b' });
    // What the Delivery says itself counts before all of them.
    await lockstep.kube.edit(app.delivery, { spec: { render: { substitute: { vars: { size: 'own' } } } } });
    await expect.poll(data, { timeout: 10_000 }).toEqual({ color: 'green', size: 'own' });
    expect(lockstep.agent.output()).not.toContain('C4NARY');
    await app.remove();
  });

  it('are values of charts, whole or one by one', async () => {
    await lockstep.kube.apply({ ...account, metadata: { name: 'values-chart' } });
    const inChart = (kind: string, name: string, data: Record<string, string>) =>
      lockstep.kube.apply({ apiVersion: 'v1', kind, metadata: { name, namespace: 'values-chart' }, data });
    await inChart('ConfigMap', 'all', { 'values.yaml': 'color: blue\nimage: {tag: "1", name: web}\n' });
    await inChart('ConfigMap', 'one', { count: '3', text: '"4"' });
    const tag = (text: string) => inChart('Secret', 'keys', { tag: Buffer.from(text).toString('base64') });
    await tag('2.0');
    const valuesFrom = [
      { kind: 'ConfigMap', name: 'all' },
      { kind: 'Secret', name: 'keys', valuesKey: 'tag', targetPath: 'image.tag' },
      { kind: 'ConfigMap', name: 'one', valuesKey: 'count', targetPath: 'kinds.count' },
      { kind: 'ConfigMap', name: 'one', valuesKey: 'text', targetPath: 'kinds.text' },
    ];
    const files = {
      'Chart.yaml': 'apiVersion: v2\nname: app\nversion: 1.0.0\n',
      'templates/m.yaml':
        'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata:\n  color: {{ .Values.color }}\n  image: {{ .Values.image.name }}:{{ .Values.image.tag }}\n  kinds: {{ kindOf .Values.kinds.count }} {{ kindOf .Values.kinds.text }}\n',
    };
    const app = await lockstep.app('values-chart', files, {
      render: { helm: { valuesFrom, values: { color: 'red' } } },
    });
    await app.ready();
    expect((await app.get('v1', 'ConfigMap', 'm'))?.['data']).toEqual({
      color: 'red',
      image: 'web:2.0',
      kinds: 'float64 string',
    });
    const image = async () => textAt(await app.get('v1', 'ConfigMap', 'm'), 'data', 'image');
    await tag('3.0-C4NARY');
    await expect.poll(image, { timeout: 10_000, interval: 20 }).toBe('web:3.0-C4NARY');
    await inChart('ConfigMap', 'all', { 'values.yaml': 'color: blue\nimage: {tag: "1", name: site}\n' });
    await expect.poll(image, { timeout: 10_000, interval: 20 }).toBe('site:3.0-C4NARY');
    expect(lockstep.agent.output()).not.toContain('C4NARY');
    await app.remove();
  });
});
