import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import type { EngineRequest, RepositoryNode, RepositoryView } from '../../../sync/render/engine-port.ts';
import { engineDefaults } from '../../../sync/render/engine-process.ts';
import { createEngines } from '../../../sync/render/engines.ts';
import { chartRequest } from '../support/engine.ts';

const binary = process.env['LOCKSTEP_ENGINE'] ?? '';
const limits = { ...engineDefaults, deadline: 8_000, memory: 512 * 1024 * 1024 };
const engines = createEngines(binary, limits);
afterAll(() => engines.close());

type Files = Readonly<Record<string, string | { link: string }>>;

/** A repository in memory. */
function repository(files: Files): RepositoryView {
  return (path): RepositoryNode => {
    const file = files[path];
    if (typeof file === 'string') return { kind: 'file', oid: path, read: () => Buffer.from(file) };
    if (file !== undefined) return { kind: 'link', oid: path };
    const prefix = path === '' ? '' : `${path}/`;
    const below = Object.keys(files).filter((name) => name.startsWith(prefix));
    if (below.length === 0) return { kind: 'nothing' };
    const names = [...new Set(below.map((name) => name.slice(prefix.length).split('/')[0] ?? ''))];
    return {
      kind: 'folder',
      oid: path,
      names: names.map((name) => ({ name, kind: kindOf(files, `${prefix}${name}`) })),
    };
  };
}

function kindOf(files: Files, path: string): 'file' | 'folder' | 'link' {
  const found = files[path];
  if (found === undefined) return 'folder';
  return typeof found === 'string' ? 'file' : 'link';
}

const kustomize = (path = 'app'): EngineRequest => ({ kustomize: { path, overlay: '' } });
const helm = chartRequest();
const render = (request: EngineRequest, files: Files, owner = 'a') => engines.render(owner, request, repository(files));
const map = (text: string): string => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata: {x: ${text}}\n`;
const chart = (template: string, more: Files = {}): Files => ({
  'app/Chart.yaml': 'apiVersion: v2\nname: app\nversion: 0.1.0\n',
  'app/templates/m.yaml': template,
  ...more,
});

/** L5 to L12 of the vectors: nothing but the repository is read, nothing is run, and what has no end is ended. */

describe('L6, L7, L8, L11: a kustomization that means harm', () => {
  it.each<[string, string, Files, RegExp]>([
    [
      'a folder above the repository',
      'resources: [../../etc]',
      {},
      /etc.*(not in the repository|no such file|file does not exist)/s,
    ],
    ['an absolute path', 'resources: [/etc/passwd]', {}, /passwd/],
    [
      'a file of the machine in a generator',
      'configMapGenerator: [{name: a, files: [/proc/self/environ]}]',
      {},
      /proc\/self\/environ/,
    ],
    ['a patch of the machine', 'patches: [{path: /etc/passwd}]', {}, /passwd/],
    ['a schema of the machine', 'openapi: {path: /etc/passwd}', {}, /passwd/],
    ['a component of the machine', 'components: [/etc]', {}, /etc/],
    ['definitions of the machine', 'crds: [/etc/passwd]', {}, /passwd/],
    ['a repository without a scheme', 'resources: ["github.com/x/y//z"]', {}, /remote bases and files are off/],
    ['a link', 'resources: [link.yaml]', { 'app/link.yaml': { link: '/etc/passwd' } }, /link\.yaml.*symbolic link/s],
    ['a folder behind a link', 'resources: [link]', { 'app/link': { link: '/etc' } }, /symbolic link/],
    ['a base on GitHub', 'resources: ["github.com/x/y?ref=main"]', {}, /remote bases and files are off/],
    ['a file on the web', 'resources: ["https://127.0.0.1:9/k.yaml"]', {}, /remote bases and files are off/],
    ['a base by git', 'resources: ["git::https://127.0.0.1:9/x//y"]', {}, /remote bases and files are off/],
    ['a base by ssh', 'resources: ["git@127.0.0.1:x/y"]', {}, /remote bases and files are off/],
    ['itself', 'resources: [../app]', {}, /cycle/],
    ['a circle', 'resources: [../b]', { 'b/kustomization.yaml': 'resources: [../app]' }, /cycle/],
    [
      'a plug-in that is run',
      'generators: [g.yaml]',
      {
        'app/g.yaml':
          'apiVersion: x/v1\nkind: Y\nmetadata: {name: a, annotations: {config.kubernetes.io/function: "exec: {path: /bin/sh}"}}\n',
      },
      /./,
    ],
    [
      'a plug-in in a container',
      'transformers: [g.yaml]',
      {
        'app/g.yaml':
          'apiVersion: x/v1\nkind: Y\nmetadata: {name: a, annotations: {config.kubernetes.io/function: "container: {image: x}"}}\n',
      },
      /./,
    ],
    ['a chart that is fetched', 'helmCharts: [{name: x, repo: "https://127.0.0.1:9"}]', {}, /helm/i],
    ['a field that is not known', 'resourcez: []', {}, /unknown field/],
    ['nothing', '', {}, /kustomization\.yaml is empty/],
  ])('by %s is refused', async (_what, text, files, problem) => {
    const refused = render(kustomize(), { 'app/kustomization.yaml': text, ...files });
    await expect(refused).rejects.toMatchObject({ code: 'InvalidManifests', message: expect.stringMatching(problem) });
  });

  it('may lead up inside of the repository', async () => {
    const files = {
      'app/kustomization.yaml': 'resources: [../base]',
      'base/kustomization.yaml': 'resources: [m.yaml]',
      'base/m.yaml': map('"1"'),
    };
    expect(await render(kustomize(), files)).toHaveLength(1);
  });

  it.each<[string, () => Files]>([
    [
      'of a thousand overlays',
      () =>
        Object.fromEntries(
          Array.from({ length: 1_000 }, (_, i) => [
            `${i === 0 ? 'app' : `o${i}`}/kustomization.yaml`,
            i === 999 ? 'configMapGenerator: [{name: a, literals: [k=v]}]' : `resources: [../o${i + 1}]\nnamePrefix: x`,
          ]),
        ),
    ],
    [
      'of ten thousand generated ones',
      () => ({
        'app/kustomization.yaml': `configMapGenerator:\n${Array.from({ length: 10_000 }, (_, i) => `- {name: a${i}, literals: [k=v]}`).join('\n')}\n`,
      }),
    ],
    [
      'of replacements that grow',
      () => ({
        'app/kustomization.yaml': `resources: [m.yaml]\nreplacements:\n${'- {source: {kind: ConfigMap, fieldPath: data.x}, targets: [{select: {kind: ConfigMap}, fieldPaths: [data.x], options: {delimiter: "-", index: -1}}]}\n'.repeat(60)}`,
        'app/m.yaml': map('"a-b"'),
      }),
    ],
  ])('%s ends in time and memory, made or refused', async (_what, files) => {
    const began = performance.now();
    const outcome = await render(kustomize(), files()).then(
      () => 'made',
      (error: { code: string }) => error.code,
    );
    expect(outcome).toMatch(/^(made|InvalidManifests|RenderFailed)$/);
    expect(performance.now() - began).toBeLessThan(12_000);
    expect(
      await render(kustomize(), { 'app/kustomization.yaml': 'resources: [m.yaml]', 'app/m.yaml': map('"1"') }),
    ).toHaveLength(1);
  });

  it('never quotes what a secret is made of', async () => {
    const refused = render(kustomize(), {
      'app/kustomization.yaml': 'secretGenerator:\n  - {name: a, literals: [C4NARY-7f3a]}\n',
    });
    await expect(refused).rejects.toMatchObject({ message: expect.not.stringContaining('C4NARY') });
  });

  it('by its size ends, and nobody else notices', async () => {
    const many = Array.from({ length: 400_000 }, (_, i) => `    - k${i}=v`).join('\n');
    const hostile = [1, 2, 3].map(() =>
      render(
        kustomize(),
        { 'app/kustomization.yaml': `configMapGenerator:\n- name: a\n  literals:\n${many}\n` },
        'eve',
      ).catch((error: { code: string }) => error.code),
    );
    const began = performance.now();
    for (let i = 0; i < 20; i += 1)
      await render(kustomize(), { 'app/kustomization.yaml': 'resources: [m.yaml]', 'app/m.yaml': map('"1"') }, 'ada');
    expect((performance.now() - began) / 20).toBeLessThan(500);
    for (const one of await Promise.all(hostile))
      expect(typeof one === 'string' ? one : 'made').toMatch(/RenderFailed|made/);
  });

  it('leaves no schema to the next one', async () => {
    const schema = JSON.stringify({
      definitions: {
        'v1.Deployment': {
          type: 'object',
          properties: { spec: { type: 'object', properties: {} } },
          'x-kubernetes-group-version-kind': [{ group: 'apps', kind: 'Deployment', version: 'v1' }],
        },
      },
    });
    const deployment =
      'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: w}\nspec: {template: {spec: {containers: [{name: a, image: i}, {name: b, image: j}]}}}\n';
    const patch =
      'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: w}\nspec: {template: {spec: {containers: [{name: b, image: k}]}}}\n';
    const files = (openapi: string): Files => ({
      'app/kustomization.yaml': `resources: [d.yaml]\npatches: [{path: p.yaml}]\n${openapi}`,
      'app/d.yaml': deployment,
      'app/p.yaml': patch,
      'app/s.json': schema,
    });
    const before = await render(kustomize(), files(''));
    await render(kustomize(), files('openapi: {path: s.json}\n'));
    expect(await render(kustomize(), files(''))).toEqual(before);
  });
});

describe('L5, L9, L10: a chart that means harm', () => {
  it('sees no environment, no network, no cluster and no other file', async () => {
    process.env['C4NARY'] = 'C4NARY-7f3a';
    const files = chart(
      map(
        '{{ printf "%v|%v|%v|%v" (lookup "v1" "Secret" "a" "b") (getHostByName "localhost") (.Files.Get "../secret") (.Files.Get "/etc/passwd") | quote }}',
      ),
      { secret: 'C4NARY-7f3a' },
    );
    const [made] = await render(helm, files);
    expect(made?.text).toContain('"map[]|||"');
    await expect(render(helm, chart(map('{{ env "C4NARY" | quote }}')))).rejects.toThrow('function "env" not defined');
    await expect(render(helm, chart(map('{{ expandenv "$C4NARY" }}')))).rejects.toThrow('"expandenv" not defined');
  });

  it('sees the files of its own folder, and no more of them than of the rest', async () => {
    const files = chart(map('{{ range $path, $_ := .Files.Glob "**" }}{{ $path }} {{ end }}'), {
      'app/own.txt': 'a',
      secret: 'C4NARY',
    });
    const [made] = await render(helm, files);
    expect(made?.text).toContain('own.txt');
    expect(made?.text).not.toContain('secret');
  });

  it('that makes up something new each time is the same for as long as it is the same', async () => {
    const [made] = await render(helm, chart(map('{{ randAlphaNum 8 | quote }}')));
    expect(made?.text).toMatch(/x: "[A-Za-z0-9]{8}"/);
    expect((await render(helm, chart(map('{{ now | date "2006" | quote }}'))))[0]?.text).toMatch(/x: "\d{4}"/);
  });

  it.each<[string, Files, RegExp]>([
    ['a link', chart(map('1'), { 'app/values.yaml': { link: '/etc/passwd' } }), /values\.yaml is a symbolic link/],
    ['a lock file that is one', chart(map('1'), { 'app/Chart.lock': { link: '/tmp/x' } }), /symbolic link/],
    ['no name', { 'app/Chart.yaml': 'apiVersion: v2\nversion: 1.0.0\n' }, /name/],
    ['no chart', { 'app/values.yaml': 'x: 1' }, /Chart\.yaml file is missing/],
    [
      'a chart that charts/ does not hold',
      chart(map('1'), {
        'app/Chart.yaml':
          'apiVersion: v2\nname: app\nversion: 0.1.0\ndependencies: [{name: db, version: 1.0.0, repository: "file://../x"}]\n',
      }),
      /needs db, and charts\/ does not hold it/,
    ],
    [
      'a library alone',
      chart(map('1'), { 'app/Chart.yaml': 'apiVersion: v2\nname: app\nversion: 0.1.0\ntype: library\n' }),
      /of type library/,
    ],
    [
      'another Kubernetes',
      chart(map('1'), { 'app/Chart.yaml': 'apiVersion: v2\nname: app\nversion: 0.1.0\nkubeVersion: "<1.20"\n' }),
      /for Kubernetes <1\.20, and the cluster is v1\.36\.3/,
    ],
    ['its own word', chart('{{ fail "give me a port" }}'), /give me a port/],
    ['a template that is broken', chart('{{ if }}'), /templates\/m\.yaml/],
    [
      'itself',
      chart('{{ include "x" . }}', { 'app/templates/_x.tpl': '{{ define "x" }}{{ include "x" . }}{{ end }}' }),
      /./,
    ],
    ['tpl of itself', chart('{{ tpl .Values.a . }}', { 'app/values.yaml': 'a: "{{ tpl .Values.a . }}"' }), /./],
  ])('by %s is refused', async (_what, files, problem) => {
    await expect(render(helm, files)).rejects.toMatchObject({ message: expect.stringMatching(problem) });
  });

  it('says what is wrong with values, and what the schema says, in words', async () => {
    const schema = '{"type":"object","required":["port"],"properties":{"port":{"type":"integer"}}}';
    const files = chart(map('1'), { 'app/values.schema.json': schema, 'app/values.yaml': 'port: C4NARY-7f3a\n' });
    await expect(render(helm, files)).rejects.toThrow(/\/port.*got string, want integer/s);
    const broken = chart(map('1'), { 'app/v.yaml': 'password: "C4NARY-7f3a\n - x' });
    const request = chartRequest({ values: [{ name: 'app/v.yaml' }] });
    const refused = engines.render('a', request, repository(broken));
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
    const text = (schema: object): Files => chart(map('1'), { 'app/values.schema.json': JSON.stringify(schema) });
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

  it.each([
    ['for ever', '{{ range until 100000000 }}{{ range until 100000 }}{{ end }}{{ end }}'],
    ['into memory', '{{ $x := repeat 1000000 "a" }}{{ range until 100000 }}{{ $x }}{{ end }}'],
  ])('by running %s is ended', async (_what, template) => {
    await expect(render(helm, chart(template))).rejects.toMatchObject({ code: 'RenderFailed' });
    expect(await render(helm, chart(map('1')))).toHaveLength(1);
  });
});

describe('L12: the engine', () => {
  it('is run without arguments, and knows nothing of the one who runs it', async () => {
    process.env['C4NARY'] = 'C4NARY-7f3a';
    await render(helm, chart(map('1'), { 'app/--post-renderer': 'x', 'app/templates/-x.yaml': map('2') }));
    const own = readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && isEngineOf(pid));
    expect(own.length).toBeGreaterThan(0);
    for (const pid of own) {
      expect(
        readFileSync(`/proc/${pid}/cmdline`, 'utf8')
          .split('\0')
          .filter((part) => part !== ''),
      ).toEqual([binary]);
      expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).not.toMatch(/C4NARY|HOME=|PATH=|KUBE/);
    }
  });
});

/** Whether a process is an engine that this one has started. */
function isEngineOf(pid: string): boolean {
  try {
    const parent = /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return parent === String(process.pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith(binary);
  } catch {
    return false;
  }
}

describe('an engine that is not there', () => {
  it('says how it is built', async () => {
    const none = createEngines('/nowhere/engine');
    await expect(none.render('a', helm, repository({}))).rejects.toMatchObject({ code: 'EngineMissing' });
  });
});
