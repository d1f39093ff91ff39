import type { EngineRequest, RepositoryNode, RepositoryView } from '../../../sync/render/engine-port.ts';
import { engineDefaults } from '../../../sync/render/engine-process.ts';
import { childrenOf, programOf } from './child-processes.ts';

type Chart = Extract<EngineRequest, { helm: unknown }>['helm'];

/** Asks for the chart in the folder app, for a release web in the namespace shop. */
export function chartRequest(more: Partial<Chart> = {}): { helm: Chart } {
  return {
    helm: {
      chart: 'app',
      name: 'web',
      namespace: 'shop',
      values: [],
      kubeVersion: 'v1.36.3',
      apiVersions: [],
      skipCRDs: false,
      skipSchema: false,
      ...more,
    },
  };
}

/** What stands where in a repository. */
export type Files = Readonly<Record<string, string | Buffer | { link: string }>>;

/** A repository in memory. */
export function repositoryOf(files: Files): RepositoryView {
  return (path): RepositoryNode => {
    const file = files[path];
    if (typeof file === 'string') return { kind: 'file', oid: path, read: () => Buffer.from(file) };
    if (file instanceof Buffer) return { kind: 'file', oid: path, read: () => file };
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
  return typeof found === 'string' || found instanceof Buffer ? 'file' : 'link';
}

/** Engines with little patience and memory, so that what harms them shows soon. */
export const strict = { ...engineDefaults, deadline: 8_000, memory: 512 * 1024 * 1024 };

/** A ConfigMap with one value, as it stands in a file or a template. */
export const mapOf = (value: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata: {x: ${value}}\n`;

/** A chart of one template in the folder app. */
export const chartOf = (template: string, more: Files = {}): Files => ({
  'app/Chart.yaml': 'apiVersion: v2\nname: app\nversion: 0.1.0\n',
  'app/templates/m.yaml': template,
  ...more,
});

/** The processes of engines that this one has started, by their ids. */
export function engineProcesses(): string[] {
  return childrenOf().filter((pid) => programOf(pid).startsWith(process.env['LOCKSTEP_ENGINE'] ?? ''));
}
