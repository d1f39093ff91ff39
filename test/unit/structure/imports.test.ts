import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..', '..', '..');
const rooms = ['agent', 'sync', 'diff', 'health', 'webhooks'];
const files = rooms.flatMap((room) => globSync(`${room}/**/*.ts`, { cwd: root }));

/** What a file imports: paths from the root for our own files, names for packages. */
function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8');
  return [...text.matchAll(/(?<![.\w])(?:from|import)\s*\(?\s*'([^']+)'/g)].map(([, target = '']) =>
    target.startsWith('.') ? relative(root, join(root, dirname(file), target)) : target,
  );
}

const graph = new Map(files.map((file) => [file, importsOf(file)]));
const isOwn = (target: string): boolean => rooms.some((room) => target.startsWith(`${room}/`));

const pure = [
  /^sync\/(types|annotations|limits|options|orphans|scalers|bounded|errors|stamp|parallel|back-off|status|summary|session|world|ports|addresses|windows|dependencies|breaker|input|children)\.ts$/,
  /^sync\/plan\/(order|links|references|deferred|prune|plan|needs|rivals)\.ts$/,
  /^sync\/hooks\/(phases|wanted)\.ts$/,
  /^sync\/delivery\//,
  /^sync\/release\/(record|history|stored|standing|state|moves|inverse|taken-key|asked)\.ts$/,
  /^sync\/render\/(check|config-hash|ignored|plain|engine-port|reader-port|rendering|overlay|pointer|typed-value|variables|values|substitute|yaml-text|yaml-error|yaml-numbers|mounts|unsealed|sops\/(mark|port|cipher|sealed|open|trouble))\.ts$/,
  /^sync\/source\/(url|follow|commit|packet|pack-format|stored-index|known-hosts|sharing|glob|ignore-rules|submodules|login)\.ts$/,
  /^sync\/source\/(tree|listing|artifact\/file-tree|set\/(parameters|places))\.ts$/,
  /^sync\/source\/verify\/(allowed-signers|signed-object|ssh-keys|ssh-signature|wire)\.ts$/,
  /^sync\/apply\/(filters\/|taken\.ts$)/,
  /^diff\//,
  /^health\/(scale|rules|first-rules|own-rules|cel|cel-syntax|evaluate|signals|rollout|progress|heard|rolling-pod|since|owner-tree|analysis)\.ts$/,
  /^health\/(kinds|custom)\//,
  /^webhooks\/(match|notice|signature|providers)/,
  /^agent\/api\/views/,
];
const middle = [
  /^sync\/(reconcile|fair-pool|find|revision|engine-made|given-values|source-request|succession|heal|drift|far|teardown)\.ts$/,
  /^sync\/charts\//,
  /^sync\/render\/news\.ts$/,
  /^sync\/plan\/(try|draft)\.ts$/,
  /^sync\/apply\//,
  /^sync\/hooks\/run\.ts$/,
  /^sync\/release\/(activities|analyse|apply|drive|gates|give-back|log-tail|plan|progress|prune|requests|restore|rollback|save|tell|verify|write)\.ts$/,
  /^health\/(watcher|shared-watches|followed|tracked|ruling|rollouts)\.ts$/,
  /^webhooks\/receive/,
];
const isPure = (file: string): boolean => pure.some((pattern) => pattern.test(file));
const isMiddle = (file: string): boolean => !isPure(file) && middle.some((pattern) => pattern.test(file));
const isEdge = (file: string): boolean => !isPure(file) && !isMiddle(file);

/** Packages and modules of Node that do nothing but compute. */
const harmless = new Set([
  'node:crypto',
  '@sinclair/typebox',
  '@sinclair/typebox/value',
  'croner',
  'semver',
  'fast-json-patch',
  '@bufbuild/cel',
  '@bufbuild/cel/ext',
]);

const owners: Readonly<Record<string, string>> = {
  '@kubernetes/client-node': 'agent/kube/client.ts',
  'isomorphic-git': 'sync/source/',
  bullmq: 'agent/queue',
  ioredis: 'agent/queue',
  croner: 'sync/windows.ts',
  semver: 'sync/source/follow.ts',
  ssh2: 'sync/source/',

  'fast-json-patch': 'diff/patch.ts',
  '@bufbuild/cel': 'health/cel.ts',
  pino: 'agent/log.ts',
  'js-yaml': 'sync/render/yaml',
  fastify: 'agent/api/server.ts',
};

describe('the structure', () => {
  it.each(files.filter(isPure))('%s is pure: it imports nothing that touches the world', (file) => {
    const foreign = (graph.get(file) ?? []).filter((target) => {
      const readsYaml = /^sync\/(render\/(plain|substitute|sops\/(cipher|sealed|open))|source\/set\/places)\.ts$/.test(
        file,
      );
      if (/^sync\/render\/yaml(-ordered|-print)?\.ts$/.test(target) && readsYaml) return false;
      // Of the network it takes what tells addresses apart, and of compression what computes.
      if (`${file} ${target}` === 'sync/addresses.ts node:net') return false;
      if (`${file} ${target}` === 'sync/source/pack-format.ts node:zlib') return false;
      return isOwn(target) ? !isPure(target) && !isTypeOnly(file, target) : !harmless.has(target);
    });
    expect(foreign).toEqual([]);
  });

  it.each(files.filter(isPure))('%s asks no clock, no chance and no process', (file) => {
    const text = readFileSync(join(root, file), 'utf8');
    expect(text).not.toMatch(/Date\.now|new Date\(\)|Math\.random|setTimeout|setInterval|process\.|performance\./);
  });

  it.each(files.filter(isMiddle))('%s imports the core and ports, never an adapter', (file) => {
    const foreign = (graph.get(file) ?? []).filter((target) =>
      isOwn(target) ? isEdge(target) && target !== 'sync/render/yaml.ts' : !harmless.has(target),
    );
    expect(foreign).toEqual([]);
  });

  it.each(Object.entries(owners))('%s is imported in one place only', (name, owner) => {
    const importers = files.filter((file) => (graph.get(file) ?? []).includes(name) && !file.startsWith(owner));
    expect(importers).toEqual([]);
  });

  // G1 of the vectors: no git, no shell; the agent runs itself, to index packs, and the engine.
  it('other programs are started in two places', () => {
    const starting = files.filter((file) => (graph.get(file) ?? []).includes('node:child_process'));
    expect(starting.sort()).toEqual(['sync/render/engine-process.ts', 'sync/source/index-apart.ts']);
  });

  it('rooms of the edge meet in agent/wire.ts and in the commands only', () => {
    const meeting = files
      .filter((file) => isEdge(file) && !/^agent\/(wire|cli\/)/.test(file))
      .flatMap((file) =>
        (graph.get(file) ?? [])
          .filter((target) => isOwn(target) && isEdge(target) && roomOf(target) !== roomOf(file))
          .map((target) => `${file} → ${target}`),
      );
    expect(meeting).toEqual([]);
  });

  it('has no cycles', () => {
    expect(findCycle()).toBeUndefined();
  });

  it('has no folder for what has no name', () => {
    expect(files.filter((file) => /\/(utils?|helpers?|common|misc)(\/|\.ts$)/.test(file))).toEqual([]);
  });

  it('has no file that is too long to read', () => {
    const long = files.filter((file) => readFileSync(join(root, file), 'utf8').split('\n').length > 300);
    expect(long).toEqual([]);
  });
});

function roomOf(file: string): string {
  return ['agent', 'sync/source'].find((room) => file.startsWith(`${room}/`)) ?? dirname(file);
}

/** Types vanish when the code runs, but only a whole `import type` line is sure to. */
function isTypeOnly(file: string, target: string): boolean {
  const text = readFileSync(join(root, file), 'utf8');
  const name = target.split('/').at(-1) ?? '';
  return [...text.matchAll(/^import (type )?[^;]*?from '([^']+)';/gm)]
    .filter(([, , path = '']) => path.endsWith(`/${name}`))
    .every(([, type]) => type !== undefined);
}

function findCycle(): string[] | undefined {
  const done = new Set<string>();
  const visit = (file: string, path: string[]): string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const target of graph.get(file) ?? []) {
      const found = graph.has(target) ? visit(target, [...path, file]) : undefined;
      if (found !== undefined) return found;
    }
    done.add(file);
    return undefined;
  };
  for (const file of files) {
    const found = visit(file, []);
    if (found !== undefined) return found;
  }
  return undefined;
}
