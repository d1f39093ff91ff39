import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createEngines } from '../../../sync/render/engines.ts';
import { readManifests } from '../../../sync/render/plain.ts';
import { mostMemoryOf } from '../support/child-processes.ts';
import { engineProcesses, type Files, mapOf, repositoryOf, strict } from '../support/engine.ts';
import { lfsPointer } from '../support/manifests.ts';

/** L5 to L8 and L11 of the vectors: nothing but the repository is read, nothing is run, and what has no end is ended. */

const engines = createEngines(process.env['LOCKSTEP_ENGINE'] ?? '', strict);
afterAll(() => engines.close());

const build = (files: Files, owner = 'a') =>
  engines.render(owner, { kustomize: { path: 'app', overlay: '' } }, repositoryOf(files));

const folder = mkdtempSync(join(tmpdir(), 'lockstep-kustomizations-'));
afterAll(() => rmSync(folder, { recursive: true }));
const mark = join(folder, 'mark');
/** A program that leaves a mark when it is run. */
const marking = join(folder, 'program');
writeFileSync(marking, `#!/bin/sh\ntouch ${mark}\n`, { mode: 0o755 });

/** What the engine looks for where the repository is not. */
const nowhere = /not in the repository|no such file|file does not exist|cannot be absolute/;

describe('L6, L7, L8, L11: a kustomization that means harm', () => {
  it.each<[string, string, Files, RegExp]>([
    ['a folder above the repository', 'resources: [../../etc]', {}, nowhere],
    ['an absolute path', 'resources: [/etc/passwd]', {}, nowhere],
    [
      'a file of the machine in a generator',
      'configMapGenerator: [{name: a, files: [/proc/self/environ]}]',
      {},
      nowhere,
    ],
    ['a patch of the machine', 'patches: [{path: /etc/passwd}]', {}, nowhere],
    ['a schema of the machine', 'openapi: {path: /etc/passwd}', {}, nowhere],
    ['a component of the machine', 'components: [/etc]', {}, nowhere],
    ['definitions of the machine', 'crds: [/etc/passwd]', {}, nowhere],
    ['a repository without a scheme', 'resources: ["github.com/x/y//z"]', {}, /remote bases and files are off/],
    ['a link', 'resources: [link.yaml]', { 'app/link.yaml': { link: '/etc/passwd' } }, /link\.yaml.*symbolic link/s],
    ['a folder behind a link', 'resources: [link]', { 'app/link': { link: '/etc' } }, /symbolic link/],
    [
      'a file behind a link',
      'resources: [link/passwd]',
      { 'app/link': { link: '/etc' } },
      /symbolic link|no such file|not in the repository/,
    ],
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
        'app/g.yaml': `apiVersion: x/v1\nkind: Y\nmetadata: {name: a, annotations: {config.kubernetes.io/function: "exec: {path: ${marking}}"}}\n`,
      },
      /plug-ins that run programs are off/,
    ],
    [
      'a plug-in in a container',
      'transformers: [g.yaml]',
      {
        'app/g.yaml':
          'apiVersion: x/v1\nkind: Y\nmetadata: {name: a, annotations: {config.kubernetes.io/function: "container: {image: x}"}}\n',
      },
      /plug-ins that run programs are off/,
    ],
    ['a chart that is fetched', 'helmCharts: [{name: x, repo: "https://127.0.0.1:9"}]', {}, /helm/i],
    ['a field that is not known', 'resourcez: []', {}, /unknown field/],
    ['nothing', '', {}, /kustomization\.yaml is empty/],
  ])('by %s is refused', async (_what, text, files, problem) => {
    const refused = build({ 'app/kustomization.yaml': text, ...files });
    await expect(refused).rejects.toMatchObject({ code: 'InvalidManifests', message: expect.stringMatching(problem) });
    await expect(refused).rejects.not.toThrow('root:');
    expect(existsSync(mark)).toBe(false);
  });

  it('a program that it names would leave a mark, if anybody ran it', () => {
    execFileSync(marking);
    expect(existsSync(mark)).toBe(true);
    rmSync(mark);
  });

  it('may lead up inside of the repository', async () => {
    const files = {
      'app/kustomization.yaml': 'resources: [../base]',
      'base/kustomization.yaml': 'resources: [m.yaml]',
      'base/m.yaml': mapOf('"1"'),
    };
    expect(await build(files)).toHaveLength(1);
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
        'app/m.yaml': mapOf('"a-b"'),
      }),
    ],
  ])('%s ends in time and memory, made or refused', async (_what, files) => {
    const began = performance.now();
    const outcome = await build(files()).then(
      () => 'made',
      (error: { code: string }) => error.code,
    );
    expect(outcome).toMatch(/^(made|InvalidManifests|RenderFailed)$/);
    expect(performance.now() - began).toBeLessThan(12_000);
    // One that was ended shows nothing any more.
    for (const memory of engineProcesses().map(mostMemoryOf)) expect(memory ?? 0).toBeLessThan(strict.memory * 1.2);
    expect(await build({ 'app/kustomization.yaml': 'resources: [m.yaml]', 'app/m.yaml': mapOf('"1"') })).toHaveLength(
      1,
    );
  });

  it('never quotes what a secret is made of', async () => {
    const refused = build({
      'app/kustomization.yaml': 'secretGenerator:\n  - {name: a, literals: [C4NARY-7f3a]}\n',
    });
    await expect(refused).rejects.toMatchObject({ message: expect.not.stringContaining('C4NARY') });
  });

  it('by its size ends, and nobody else notices', async () => {
    const many = Array.from({ length: 400_000 }, (_, i) => `    - k${i}=v`).join('\n');
    const hostile = [1, 2, 3].map(() =>
      build({ 'app/kustomization.yaml': `configMapGenerator:\n- name: a\n  literals:\n${many}\n` }, 'eve').catch(
        (error: { code: string }) => error.code,
      ),
    );
    const began = performance.now();
    for (let i = 0; i < 20; i += 1)
      await build({ 'app/kustomization.yaml': 'resources: [m.yaml]', 'app/m.yaml': mapOf('"1"') }, 'ada');
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
    // Renders one after the other are made by one process.
    const own = createEngines(process.env['LOCKSTEP_ENGINE'] ?? '', strict);
    const made = (openapi: string) =>
      own.render('a', { kustomize: { path: 'app', overlay: '' } }, repositoryOf(files(openapi)));
    try {
      const before = await made('');
      // Without the keys of lists the patch takes the place of both containers.
      expect(await made('openapi: {path: s.json}\n')).not.toEqual(before);
      expect(await made('')).toEqual(before);
    } finally {
      await own.close();
    }
  });

  // G10: what Git LFS keeps elsewhere is not what stands in its place.
  it.each(['configMapGenerator', 'secretGenerator'])(
    'by the pointer of a file for a %s makes nothing',
    async (field) => {
      const [made] = await build({
        'app/kustomization.yaml': `${field}: [{name: a, files: [a.bin]}]`,
        'app/a.bin': lfsPointer,
      });
      const { objects, problems } = readManifests('app', made?.text ?? '');
      expect(objects).toEqual([]);
      expect(problems.map(({ message, object }) => `${object} ${message}`)).toEqual([
        expect.stringMatching(/^(ConfigMap|Secret) a-\w+ holds a Git LFS pointer in place of a file; commit the file/),
      ]);
    },
  );

  const two = `${mapOf('C4NARY-7f3a')}---\n${mapOf('C4NARY-7f3a')}`.replaceAll('\n', '\\n');
  it.each([
    // A patch in JSON without a target, and two patches in one.
    `patches: [{patch: '[{"op": "add", "path": "/data/p", "value": "C4NARY-7f3a"}]'}]`,
    `patches: [{target: {kind: ConfigMap}, patch: "${two}"}]`,
    // What is no object is taken for the name of a file.
    'patchesStrategicMerge: ["stringData: {token: C4NARY-7f3a}"]',
    'patchesStrategicMerge: [\'{"stringData":{"token":"C4NARY-7f3a"}}\']',
    // A backtick of its own, where errors are quoted between backticks.
    'patches: [{patch: "stringData: {cmd: `id, token: C4NARY-7f3a}\\n - x"}]',
    'patches: [{patch: "stringData: {cmd: `id`: , token: C4NARY-7f3a}\\n - x", target: {kind: ConfigMap}}]',
  ])('L5: by a patch that is broken never quotes it: %s', async (text) => {
    const files = { 'app/kustomization.yaml': `resources: [s.yaml]\n${text}\n`, 'app/s.yaml': mapOf('"1"') };
    const refused = build(files);
    await expect(refused).rejects.toMatchObject({ code: 'InvalidManifests' });
    await expect(refused).rejects.toThrow(/patch/i);
    await expect(refused).rejects.not.toThrow('C4NARY');
  });

  it.each<[string, Files]>([
    ['resources: [s.yaml]', { 'app/s.yaml': 'kind: Secret\nstringData:\n  password: C4NARY-7f3a\n bad: [x\n' }],
    ['resources: [s.yaml]', { 'app/s.yaml': 'password: C4NARY-7f3a\n' }],
    ['resources: [s.json]', { 'app/s.json': '{"kind": "Secret", "stringData": {"password": "C4NARY-7f3a"' }],
    [
      'resources: [s.yaml]\npatches: [{path: p.json, target: {kind: ConfigMap}}]',
      { 'app/s.yaml': mapOf('"1"'), 'app/p.json': '[{"op": "add", "path": "/data/p", "value": "C4NARY-7f3a"' },
    ],
    [
      'resources: [s.yaml]\npatchesJson6902: [{path: p.json, target: {kind: ConfigMap, name: m}}]',
      { 'app/s.yaml': mapOf('"1"'), 'app/p.json': '[{"op": "add", "path": "/data/p", "value": "C4NARY-7f3a"' },
    ],
    [
      'resources: [s.yaml]\npatches: [{path: p.yaml}]',
      { 'app/s.yaml': mapOf('"1"'), 'app/p.yaml': 'password: C4NARY-7f3a\n - x' },
    ],
    [
      'resources: [s.yaml]\npatches: [{path: my p.json, target: {kind: ConfigMap}}]',
      { 'app/s.yaml': mapOf('"1"'), 'app/my p.json': '[{"op": "add", "path": "/data/p", "value": "C4NARY-7f3a"' },
    ],
  ])('L5: by a file that is broken names it, and never quotes it: %s %j', async (text, files) => {
    const refused = build({ 'app/kustomization.yaml': text, ...files });
    await expect(refused).rejects.toThrow(/[sp]\.(yaml|json)/);
    await expect(refused).rejects.not.toThrow('C4NARY');
  });
});
