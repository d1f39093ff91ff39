import { parseArgs } from 'node:util';
import { bundle } from '../../../deploy/bundle.ts';
import { startControlPlane } from '../../cluster/control-plane.ts';
import { type AgentProcess, startAgentProcess } from '../support/agent.ts';
import { installLockstep, makeNamespace } from '../support/furnish.ts';
import { type Repository, startGitServer } from '../support/git-server.ts';
import { connect } from '../support/kube.ts';
import { delivery, namespace, step } from './stage.ts';
import { tellStory } from './story.ts';

/** `npm run demo`: the main job on real parts, told as a story. Answers 0 only when every check held. */
export async function demo(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: { keep: { type: 'boolean', default: false } } });
  const closers: (() => Promise<unknown>)[] = [];
  process.stdout.write('Lockstep: a commit goes live\n\n');
  try {
    await story(closers, values.keep);
    process.stdout.write('\nEvery check held.\n');
    return 0;
  } catch (error) {
    process.stdout.write(`\n${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

async function story(closers: (() => Promise<unknown>)[], keep: boolean): Promise<void> {
  const plane = await step(
    'a real control plane starts (API server, etcd, controllers, scheduler, simulated nodes)',
    () => startControlPlane({ say: (line) => process.stdout.write(`\n    ${line}`) }),
  );
  closers.push(() => plane.stop());
  const kube = await connect(plane.kubeconfig);
  closers.push(() => kube.close());
  const server = await startGitServer();
  closers.push(() => server.close());
  const repository = server.repository('hello-world.git');
  await installLockstep(kube);
  await makeNamespace(kube, namespace);
  await step('the agent is bundled, as the image has it', () => bundle(() => undefined));
  const agent = await step(
    'the agent starts',
    () => startAgentProcess(plane.kubeconfig),
    (process) => `${Math.round(process.rss())} MiB`,
  );
  closers.push(() => agent.stop());
  try {
    await tellStory({ kube, auditLog: plane.auditLog, repository, api: agent.api, headers: {} });
  } catch (error) {
    process.stdout.write(
      `\nThe status: ${JSON.stringify((await kube.get(delivery))?.['status'], null, 1)}\nThe agent said last:\n${agent.output().split('\n').slice(-15).join('\n')}\n`,
    );
    throw error;
  }
  process.stdout.write(`\n  the agent uses ${Math.round(agent.rss())} MiB\n`);
  if (keep) await stay(plane.kubeconfig, repository, agent);
}

async function stay(kubeconfig: string, { url, workTree }: Repository, { api, probes }: AgentProcess): Promise<void> {
  const facts = [
    ['kubeconfig', kubeconfig],
    ['repository', url],
    ['work tree', `${workTree} (commit and git push origin HEAD:main)`],
    ['status', `npx lockstep status -n ${namespace} --kubeconfig ${kubeconfig}`],
    ['REST', `${api}/api/v1/deliveries`],
    ['metrics', `${probes}/metrics`],
  ];
  const lines = facts.map(([name = '', value]) => `  ${name.padEnd(10)}  ${value}\n`);
  process.stdout.write(`\nIt keeps running until Ctrl-C.\n${lines.join('')}`);
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve());
  });
}
