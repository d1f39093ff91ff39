import { afterAll, expect, inject, it } from 'vitest';
import { type AgentProcess, startAgentProcess } from '../e2e/support/agent.ts';
import { describeOnOwnCluster } from '../e2e/support/lockstep.ts';

const flags = ['--watch-namespaces', 'leader-of-nothing'];
const running: AgentProcess[] = [];
afterAll(async () => {
  for (const agent of running) await agent.stop('SIGKILL');
});

/** An agent of a machine of its own: nobody can see whether its process is there. */
async function start(machine: string): Promise<AgentProcess> {
  const agent = await startAgentProcess(inject('kubeconfig'), flags, { POD_NAME: machine });
  running.push(agent);
  return agent;
}

describeOnOwnCluster('an agent that waits', () => {
  it('leads within 2 seconds after the one before has ended politely', async () => {
    const first = await start('machine-1');
    const second = start('machine-2');
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    const ended = performance.now();
    await first.stop('SIGTERM');
    await second;
    expect(performance.now() - ended).toBeLessThan(2_000);
  });

  it('leads within 15 seconds after the one before was killed', async () => {
    const third = start('machine-3');
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    const killed = performance.now();
    await running.at(-1)?.stop('SIGKILL');
    await third;
    const took = performance.now() - killed;
    // Its lease is not taken from one that may still write.
    expect(took).toBeGreaterThan(5_000);
    expect(took).toBeLessThan(15_000);
  });
});
