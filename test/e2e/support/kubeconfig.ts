import { writeFileSync } from 'node:fs';
import type { Json } from '../../../diff/json.ts';
import { printYaml } from '../../../sync/render/yaml-print.ts';

/** Writes a kubeconfig with one context: a cluster and a user, in the words of that file. */
export function writeKubeconfig(file: string, cluster: Json, user: Json): void {
  writeFileSync(file, kubeconfigText(cluster, user));
}

/** A kubeconfig with one context. */
export function kubeconfigText(cluster: Json, user: Json): string {
  const name = 'test';
  return printYaml({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster }],
    users: [{ name, user }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  });
}
