import { buildGo } from '../../deploy/go-build.ts';

/**
 * The control plane's binary, built when its sources changed (4 to 8 minutes on 2 cores the first time, seconds when
 * only our own files changed).
 * @param say told about progress; called at least every 10 s while something is going on
 */
export function buildControlPlane(say: (line: string) => void): Promise<string> {
  const about =
    'the test control plane (kube-apiserver, etcd, controllers, scheduler, kwok): 4 to 8 minutes the first time';
  // The version is set as a release build sets it: clients choke on an empty one.
  const linkerFlags = '-s -w -X k8s.io/component-base/version.gitVersion=v1.36.3';
  return buildGo({ name: 'control-plane', about, folder: import.meta.dirname, linkerFlags }, say);
}
