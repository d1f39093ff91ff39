import { type Step, steps } from '../sync/world.ts';

/**
 * Ends the agent at a step, as a power failure would, so that tests can show that another one reaches the same end. Set
 * by LOCKSTEP_FAIL_AT: the name of a step, and after a colon which time it counts (1 without it).
 * @throws Error when the name is none
 */
export function createFailPoint(setting: string | undefined): (step: Step) => void {
  if (setting === undefined || setting === '') return () => undefined;
  const [name = '', count = '1'] = setting.split(':');
  if (!steps.some((step) => step === name)) throw new Error(`LOCKSTEP_FAIL_AT must be one of ${steps.join(', ')}`);
  let left = Number(count);
  return (step) => {
    if (step !== name) return;
    left -= 1;
    if (left === 0) process.kill(process.pid, 'SIGKILL');
  };
}
