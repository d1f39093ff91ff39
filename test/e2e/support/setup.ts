import type { TestProject } from 'vitest/node';
import { bundle } from '../../../deploy/bundle.ts';
import { buildEngine } from '../../../deploy/engine.ts';
import { startControlPlane } from '../../cluster/control-plane.ts';
import { keptFacts } from '../../cluster/kept.ts';
import { buildReference } from '../../engine/build.ts';
import { buildSops } from '../../sops/build.ts';
import { installLockstep } from './furnish.ts';
import { connect } from './kube.ts';

declare module 'vitest' {
  interface ProvidedContext {
    kubeconfig: string;
    users: Readonly<Record<string, string>>;
    auditLog: string;
  }
}

/** What the tests run against: an own control plane, the kept one, or a cluster that was named on purpose. */
interface Target {
  readonly kubeconfig: string;
  readonly users: Readonly<Record<string, string>>;
  readonly auditLog: string;
  stop(): Promise<void>;
}

/** One cluster for all end-to-end tests; each test file works in namespaces of its own. KUBECONFIG is never looked at. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  await bundle();
  process.env['LOCKSTEP_ENGINE'] = await buildEngine(say);
  process.env['LOCKSTEP_REFERENCE'] = await buildReference(say);
  process.env['LOCKSTEP_SOPS'] = await buildSops(say);
  const target = await chooseTarget();
  const kube = await connect(target.kubeconfig);
  await installLockstep(kube);
  await kube.close();
  project.provide('kubeconfig', target.kubeconfig);
  project.provide('users', target.users);
  project.provide('auditLog', target.auditLog);
  return () => target.stop();
}

async function chooseTarget(): Promise<Target> {
  const named = process.env['LOCKSTEP_TEST_KUBECONFIG'];
  const stop = async (): Promise<void> => undefined;
  if (named !== undefined) return { kubeconfig: named, users: {}, auditLog: '', stop };
  if (process.env['LOCKSTEP_TEST_KEPT'] !== undefined) return { ...keptFacts(), stop };
  return startControlPlane({ say: (line) => process.stderr.write(`${line}\n`) });
}
