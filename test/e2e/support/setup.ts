import type { TestProject } from 'vitest/node';
import { startControlPlane } from '../../cluster/control-plane.ts';
import { installLockstep } from './furnish.ts';
import { connect } from './kube.ts';

declare module 'vitest' {
  interface ProvidedContext {
    kubeconfig: string;
    users: Readonly<Record<string, string>>;
    auditLog: string;
  }
}

/** One control plane for all end-to-end tests; each test file works in namespaces of its own. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const plane = await startControlPlane({ say: (line) => process.stderr.write(`${line}\n`) });
  const kube = await connect(plane.kubeconfig);
  await installLockstep(kube);
  await kube.close();
  project.provide('kubeconfig', plane.kubeconfig);
  project.provide('users', plane.users);
  project.provide('auditLog', plane.auditLog);
  return () => plane.stop();
}
