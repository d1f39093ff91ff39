import { messageOf } from '../sync/errors.ts';
import { createLog } from './log.ts';
import { parseSettings } from './settings.ts';
import { startAgent } from './wire.ts';

/**
 * Runs the agent until it is told to stop.
 * @returns the exit code
 */
export async function runAgent(args: readonly string[], environment: NodeJS.ProcessEnv): Promise<number> {
  const settings = parseSettings(args, environment);
  const log = createLog(settings['log-level'], (line) => process.stdout.write(line));
  process.on('unhandledRejection', (error) => log.error({ problem: messageOf(error) }, 'an error was not handled'));
  const started = performance.now();
  const stop = new AbortController();
  const signal = new Promise<string>((resolve) => {
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, resolve);
  });
  void signal.then(() => stop.abort());
  const agent = await startAgent(settings, log, stop.signal).catch((error: unknown) => {
    if (stop.signal.aborted) return undefined;
    throw error;
  });
  if (agent === undefined) return 0;
  log.info({ namespace: settings.namespace, milliseconds: Math.round(performance.now() - started) }, 'the agent runs');
  const lost = agent.lost.then((why) => {
    log.error({ why }, 'the agent does not lead any more');
    return undefined;
  });
  const reason = await Promise.race([signal, lost]);
  log.info({ signal: reason }, 'the agent stops');
  await agent.stop();
  return reason === undefined ? 1 : 0;
}
