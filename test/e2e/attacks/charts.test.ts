import { afterAll, describe, expect, it } from 'vitest';
import { createEngines } from '../../../sync/render/engines.ts';
import { readManifests } from '../../../sync/render/plain.ts';
import { describeProblem } from '../../../sync/types.ts';
import { chartOf, chartRequest, type Files, mapOf, repositoryOf, strict } from '../support/engine.ts';
import { lfsPointer } from '../support/manifests.ts';
import { archiveOf } from '../support/registry.ts';

/** L5, L9 and L10 of the vectors: a chart sees nothing but its own folder, and what has no end is ended. L12 is engine/process. */

const engines = createEngines(process.env['LOCKSTEP_ENGINE'] ?? '', strict);
afterAll(() => engines.close());

const helm = chartRequest();
const render = (request: typeof helm, files: Files) => engines.render('a', request, repositoryOf(files));
describe('L5, L9, L10: a chart that means harm', () => {
  it('sees no environment, no network, no cluster and no other file', async () => {
    process.env['C4NARY'] = 'C4NARY-7f3a';
    const files = chartOf(
      mapOf(
        '{{ printf "%v|%v|%v|%v" (lookup "v1" "Secret" "a" "b") (getHostByName "localhost") (.Files.Get "../secret") (.Files.Get "/etc/passwd") | quote }}',
      ),
      { secret: 'C4NARY-7f3a' },
    );
    const [made] = await render(helm, files);
    expect(made?.text).toContain('"map[]|||"');
    await expect(render(helm, chartOf(mapOf('{{ env "C4NARY" | quote }}')))).rejects.toThrow(
      'function "env" not defined',
    );
    await expect(render(helm, chartOf(mapOf('{{ expandenv "$C4NARY" }}')))).rejects.toThrow('"expandenv" not defined');
  });

  it('sees the files of its own folder, and no more of them than of the rest', async () => {
    const files = chartOf(mapOf('{{ range $path, $_ := .Files.Glob "**" }}{{ $path }} {{ end }}'), {
      'app/own.txt': 'a',
      secret: 'C4NARY',
    });
    const [made] = await render(helm, files);
    expect(made?.text).toContain('own.txt');
    expect(made?.text).not.toContain('secret');
  });

  // Made once for each commit that concerns the chart: e2e/engine/delivered.
  it('may make up something new, or look at the clock', async () => {
    const [made] = await render(helm, chartOf(mapOf('{{ randAlphaNum 8 | quote }}')));
    expect(made?.text).toMatch(/x: "[A-Za-z0-9]{8}"/);
    expect((await render(helm, chartOf(mapOf('{{ now | date "2006" | quote }}'))))[0]?.text).toMatch(/x: "\d{4}"/);
  });

  it.each<[string, Files, RegExp]>([
    ['a link', chartOf(mapOf('1'), { 'app/values.yaml': { link: '/etc/passwd' } }), /values\.yaml is a symbolic link/],
    ['a lock file that is one', chartOf(mapOf('1'), { 'app/Chart.lock': { link: '/tmp/x' } }), /symbolic link/],
    ['no name', { 'app/Chart.yaml': 'apiVersion: v2\nversion: 1.0.0\n' }, /name/],
    ['no chart', { 'app/values.yaml': 'x: 1' }, /Chart\.yaml file is missing/],
    [
      'a chart that charts/ does not hold',
      chartOf(mapOf('1'), {
        'app/Chart.yaml':
          'apiVersion: v2\nname: app\nversion: 0.1.0\ndependencies: [{name: db, version: 1.0.0, repository: "file://../x"}]\n',
      }),
      /needs db, and charts\/ does not hold it/,
    ],
    [
      'a library alone',
      chartOf(mapOf('1'), { 'app/Chart.yaml': 'apiVersion: v2\nname: app\nversion: 0.1.0\ntype: library\n' }),
      /of type library/,
    ],
    [
      'another Kubernetes',
      chartOf(mapOf('1'), { 'app/Chart.yaml': 'apiVersion: v2\nname: app\nversion: 0.1.0\nkubeVersion: "<1.20"\n' }),
      /for Kubernetes <1\.20, and the cluster is v1\.36\.3/,
    ],
    ['its own word', chartOf('{{ fail "give me a port" }}'), /give me a port/],
    ['a template that is broken', chartOf('{{ if }}'), /templates\/m\.yaml/],
    [
      'itself',
      chartOf('{{ include "x" . }}', { 'app/templates/_x.tpl': '{{ define "x" }}{{ include "x" . }}{{ end }}' }),
      /./,
    ],
    ['tpl of itself', chartOf('{{ tpl .Values.a . }}', { 'app/values.yaml': 'a: "{{ tpl .Values.a . }}"' }), /./],
  ])('by %s is refused', async (_what, files, problem) => {
    await expect(render(helm, files)).rejects.toMatchObject({ message: expect.stringMatching(problem) });
  });

  it('says what is wrong with values, and what the schema says, in words', async () => {
    const schema = '{"type":"object","required":["port"],"properties":{"port":{"type":"integer"}}}';
    const files = chartOf(mapOf('1'), { 'app/values.schema.json': schema, 'app/values.yaml': 'port: C4NARY-7f3a\n' });
    await expect(render(helm, files)).rejects.toThrow(/\/port.*got string, want integer/s);
    const broken = chartOf(mapOf('1'), { 'app/v.yaml': 'password: "C4NARY-7f3a\n - x' });
    const request = chartRequest({ values: [{ name: 'app/v.yaml' }] });
    const refused = engines.render('a', request, repositoryOf(broken));
    await expect(refused).rejects.toThrow('the values app/v.yaml are no map in YAML');
    await expect(refused).rejects.not.toThrow('C4NARY');
  });

  it.each([
    'http://127.0.0.1:9/x.json',
    'https://json-schema.org/x',
    'file:///etc/passwd',
    'other.json',
    '../secret.json',
  ])('by a schema that refers to %s is refused', async (ref) => {
    const text = (schema: object): Files => chartOf(mapOf('1'), { 'app/values.schema.json': JSON.stringify(schema) });
    const problem = 'schemas may refer to themselves only';
    await expect(render(helm, text({ properties: { a: { $ref: ref } } }))).rejects.toThrow(problem);
    await expect(render(helm, text({ $schema: ref }))).rejects.toThrow(problem);
    const own = {
      $schema: 'http://json-schema.org/draft-07/schema#',
      $ref: '#/$defs/x',
      $defs: { x: { type: 'object' } },
    };
    expect(await render(helm, text(own))).toHaveLength(1);
  });

  it.each<[string, (depth: number) => string]>([
    ['in itself', (depth) => `${'{"allOf":['.repeat(depth)}{}${']}'.repeat(depth)}`],
    [
      'in a chain',
      (depth) => {
        const names = Array.from({ length: depth }, (_, i) => [`n${i}`, i + 1 < depth ? `#/$defs/n${i + 1}` : '#']);
        const $defs = Object.fromEntries(names.map(([name, $ref]) => [name, { $ref }]));
        return JSON.stringify({ $ref: '#/$defs/n0', $defs });
      },
    ],
    ['in a circle', () => '{"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}'],
  ])('by a schema that is deep %s is made or refused in little time', async (_what, schemaOf) => {
    const began = performance.now();
    const files = chartOf(mapOf('1'), { 'app/values.schema.json': schemaOf(5_000) });
    const outcome = await render(helm, files).then(
      () => 'made',
      ({ code }: { code: string }) => code,
    );
    expect(outcome).toMatch(/^(made|InvalidManifests|RenderFailed)$/);
    expect(performance.now() - began).toBeLessThan(9_000);
    expect(await render(helm, chartOf(mapOf('1')))).toHaveLength(1);
  });

  it('by an archive of a chart that leads elsewhere, links, or has no end shows nothing of it', async () => {
    const made = async (more: Parameters<typeof archiveOf>[0]): Promise<string> => {
      const db = {
        'db/Chart.yaml': 'apiVersion: v2\nname: db\nversion: 1.0.0\n',
        'db/templates/m.yaml': mapOf('{{ .Files.Get "evil.yaml" | quote }}{{ .Files.Get "etc/evil.yaml" | quote }}'),
      };
      const files = chartOf(mapOf('1'), { 'app/charts/db-1.0.0.tgz': await archiveOf({ ...db, ...more }) });
      return render(helm, files).then(
        (documents) => documents.map(({ text }) => text).join(),
        ({ code }: { code: string }) => code,
      );
    };
    expect(await made({ 'db/evil.yaml': 'own' })).toContain('own');
    for (const up of ['../../../etc/evil.yaml', 'db/../../evil.yaml'])
      expect(await made({ [up]: 'C4NARY' }), up).toBe('InvalidManifests');
    expect(await made({ 'db/evil.yaml': 'a'.repeat(120 * 1024 * 1024) })).toMatch(/^(InvalidManifests|RenderFailed)$/);
    // Nothing is ever written out, so what begins at the root is a file of the chart, and a link is none.
    expect(await made({ '/etc/evil.yaml': 'own' })).toContain('own');
    expect(await made({ 'db/evil.yaml': { link: '/etc/passwd' } })).not.toMatch(/root:|RenderFailed/);
  });

  it('by values that reach for what all objects are made from changes nothing else', async () => {
    const text = '{"__proto__": {"polluted": true}, "constructor": {"prototype": {"polluted": true}}, "a": 1}';
    const files = chartOf(mapOf('{{ .Values.a | quote }}'), { 'app/v.yaml': text });
    for (const values of [[{ name: 'app/v.yaml' }], [{ name: 'inline', text }]]) {
      expect(await render(chartRequest({ values }), files)).toHaveLength(1);
      expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    }
  });

  it.each<[string, Files]>([
    ['values.yaml', { 'app/values.yaml': 'password: "C4NARY-7f3a\n - x' }],
    ['Chart.yaml', { 'app/Chart.yaml': 'name: "C4NARY-7f3a\n - x' }],
    ['crds/x.yaml', { 'app/crds/x.yaml': 'password: "C4NARY-7f3a\n - x' }],
  ])('L5: by a broken %s says so, and never quotes it', async (_name, more) => {
    const made = render(helm, chartOf(mapOf('1'), more)).then((documents) =>
      documents.flatMap(({ file, text }) => readManifests(file, text).problems.map(describeProblem)).join(),
    );
    const told = await made.catch((error: Error) => error.message);
    expect(told).toMatch(/values\.yaml|Chart\.yaml|crds\/x\.yaml/);
    expect(told).not.toContain('C4NARY');
  });

  it('G10: by a pointer of a file makes no object of it', async () => {
    const files = chartOf(mapOf('{{ .Files.Get "a.bin" | quote }}'), { 'app/a.bin': lfsPointer });
    const [made] = await render(helm, files);
    expect(readManifests('app', made?.text ?? '').problems).toHaveLength(1);
    expect(
      (await render(helm, chartOf(lfsPointer))).flatMap(({ file, text }) => readManifests(file, text).objects),
    ).toEqual([]);
  });

  it.each([
    ['for ever', '{{ range until 100000000 }}{{ range until 100000 }}{{ end }}{{ end }}'],
    ['into memory', '{{ $x := repeat 1000000 "a" }}{{ range until 100000 }}{{ $x }}{{ end }}'],
  ])('by running %s is ended', async (_what, template) => {
    await expect(render(helm, chartOf(template))).rejects.toMatchObject({ code: 'RenderFailed' });
    expect(await render(helm, chartOf(mapOf('1')))).toHaveLength(1);
  });
});

it('definitions of kinds come along, and values are held to their schema, unless they are not wanted', async () => {
  const crd = 'apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: x.example.com}\n';
  const files = chartOf(mapOf('{{ .Values.port | quote }}'), {
    'app/crds/x.yaml': crd,
    'app/values.yaml': 'port: text\n',
    'app/values.schema.json': '{"properties": {"port": {"type": "integer"}}}',
  });
  await expect(render(helm, files)).rejects.toThrow('want integer');
  const kinds = async (more: Parameters<typeof chartRequest>[0]) =>
    (await render(chartRequest(more), files)).map(({ text }) => /^kind: (.*)$/m.exec(text)?.[1]);
  expect(await kinds({ skipSchema: true })).toEqual(['CustomResourceDefinition', 'ConfigMap']);
  expect(await kinds({ skipSchema: true, skipCRDs: true })).toEqual(['ConfigMap']);
});
