import { runAgent } from '../main.ts';
import { settingsTable } from '../settings.ts';

/** `lockstep agent`. */
export async function agentCommand(args: readonly string[]): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    const lines = settingsTable.map(
      ({ name, fallback, about }) => `  --${name.padEnd(18)} ${about}${fallback === '' ? '' : ` Default: ${fallback}`}`,
    );
    process.stdout.write(`usage: lockstep agent [flags]\n\n${lines.join('\n')}\n`);
    return 0;
  }
  return runAgent(args, process.env);
}
