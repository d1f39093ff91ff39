import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

/** The kubeconfig that kubectl would use too; undefined inside a pod, where the service account is used. */
export function usualKubeconfig(environment: Readonly<Record<string, string | undefined>>): string | undefined {
  const named = environment['KUBECONFIG']?.split(delimiter).find((path) => path !== '' && existsSync(path));
  const standard = join(homedir(), '.kube', 'config');
  return named ?? (existsSync(standard) ? standard : undefined);
}
