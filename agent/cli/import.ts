import { lstatSync } from 'node:fs';
import { objectsAt, toJson } from '../../diff/json.ts';
import { ApiError } from '../../sync/errors.ts';
import { isManifest, renderPlain } from '../../sync/render/plain.ts';
import { printYaml } from '../../sync/render/yaml-print.ts';
import { describeProblem, isKubeObject, type KubeObject } from '../../sync/types.ts';
import type { KubeHttp } from '../kube/http.ts';
import { printable } from '../printable.ts';
import { type Connected, parseConnected } from './arguments.ts';
import { connected } from './connection.ts';
import { filesUnder, objectsIn } from './files.ts';
import { importAll } from './import/all.ts';
import type { Note } from './import/note.ts';

/** What other tools keep in a cluster, and where their sources are. */
const kinds = [
  {
    path: 'argoproj.io/v1alpha1',
    plurals: { applications: 'Application', applicationsets: 'ApplicationSet', appprojects: 'AppProject' },
  },
  {
    path: 'source.toolkit.fluxcd.io/v1',
    plurals: {
      gitrepositories: 'GitRepository',
      helmrepositories: 'HelmRepository',
      ocirepositories: 'OCIRepository',
      buckets: 'Bucket',
    },
  },
  { path: 'kustomize.toolkit.fluxcd.io/v1', plurals: { kustomizations: 'Kustomization' } },
  { path: 'helm.toolkit.fluxcd.io/v2', plurals: { helmreleases: 'HelmRelease' } },
];

/**
 * `lockstep import [-f FILE|FOLDER|-] [-A] [--active]`: writes Deliveries and sets for what Argo CD and Flux have, from files or from
 * a cluster, and tells on the side what is taken over as it is, what is another thing here and what has no counterpart. Nothing is written to the cluster. Exit
 * code 2 when something was refused.
 */
export async function importCommand(args: readonly string[]): Promise<number> {
  const given = parseConnected(args, [], {
    file: { type: 'string', short: 'f' },
    all: { type: 'boolean', short: 'A' },
    active: { type: 'boolean' },
  });
  const { file } = given.flags;
  const objects = file === undefined ? await fromCluster(given) : fromFiles(file);
  const { manifests, notes, read } = importAll(objects, { isActive: given.has('active') });
  if (read === 0)
    throw new Error('there is no Application or ApplicationSet of Argo CD and no Kustomization or HelmRelease of Flux');
  if (given.isJson)
    process.stdout.write(
      printable(`${toJson({ manifests: [...manifests], notes: notes.map((note) => ({ ...note })) })}\n`),
    );
  else {
    for (const manifest of manifests) process.stdout.write(printable(`---\n${printYaml(manifest)}`));
    process.stderr.write(printable(reportOf(notes)));
  }
  return notes.some(({ kind }) => kind === 'refused') ? 2 : 0;
}

const titles = { maps: 'taken over', differs: 'differs', refused: 'not taken over' } as const;

function reportOf(notes: readonly Note[]): string {
  const blocks = [...Map.groupBy(notes, ({ about }) => about)].map(([about, own]) => {
    const lines = own.map(({ kind, field, message }) => `  ${titles[kind]}: ${field}: ${message}\n`);
    return `${about}\n${[...new Set(lines)].join('')}`;
  });
  return blocks.join('');
}

/** What is no manifest in a folder is none of ours. */
function fromFiles(file: string): KubeObject[] {
  if (file === '-' || !lstatSync(file).isDirectory()) return objectsIn(file);
  const { objects, problems } = renderPlain(filesUnder(file).filter(isManifest));
  for (const problem of problems)
    process.stderr.write(printable(`lockstep import: left out: ${describeProblem(problem)}\n`));
  return objects.map(({ object }) => object);
}

function fromCluster(given: Connected): Promise<KubeObject[]> {
  return connected(given.flags['kubeconfig'], async (http) => {
    const all: KubeObject[] = [];
    for (const { path, plurals } of kinds)
      for (const [plural, kind] of Object.entries(plurals)) {
        // Sources and projects may stand in another namespace than what uses them.
        const isShared = path.startsWith('source.') || kind === 'AppProject';
        const within = given.has('all') || isShared ? '' : `/namespaces/${encodeURIComponent(given.namespace)}`;
        all.push(...(await listed(http, `/apis/${path}${within}/${plural}`, `${path}`, kind)));
      }
    return all;
  });
}

/** A kind that is not installed has no objects. */
async function listed(http: KubeHttp, path: string, apiVersion: string, kind: string): Promise<KubeObject[]> {
  const answer = await http.request({ method: 'GET', path }).catch((error: unknown) => {
    if (error instanceof ApiError && error.status === 404) return undefined;
    throw error;
  });
  return objectsAt(answer?.body ?? null, 'items')
    .map((item) => ({ ...item, apiVersion, kind }))
    .filter(isKubeObject);
}
