import { messageOf } from '../../sync/errors.ts';
import { maskText } from '../mask.ts';

/** Exit codes: 0 fine, 1 error, 2 differences or not healthy. */
type Command = (args: readonly string[]) => Promise<number>;

/** Commands load what they need only when they run: `render` needs no cluster. */
const commands: Readonly<Record<string, { about: string; load: () => Promise<Command> }>> = {
  agent: {
    about: 'run the agent; --help lists its settings',
    load: async () => (await import('./agent.ts')).agentCommand,
  },
  status: {
    about: 'show the Deliveries: status [NAME] [-n NAMESPACE] [-A] [-o json] [--kubeconfig FILE]',
    load: async () => (await import('./status.ts')).statusCommand,
  },
  render: {
    about: 'print what a folder renders to, Secrets masked: render PATH [-n NAMESPACE] [-o json]',
    load: async () => (await import('./render.ts')).renderCommand,
  },
  health: {
    about: 'print the health of objects: health -f FILE|-',
    load: async () => (await import('./health.ts')).healthCommand,
  },
};

function usage(): string {
  const lines = Object.entries(commands).map(([name, { about }]) => `  ${name.padEnd(8)} ${about}`);
  return `usage: lockstep COMMAND [flags]\n\n${lines.join('\n')}\n\nExit codes: 0 fine, 1 error, 2 differences or not healthy.\n`;
}

/** Runs one command and answers the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const [name = '', ...rest] = args;
  const command = commands[name];
  if (command === undefined) {
    const asked = name === '' || name === 'help' || name === '--help' || name === '-h';
    (asked ? process.stdout : process.stderr).write(
      asked ? usage() : `lockstep: unknown command ${JSON.stringify(name)}\n\n${usage()}`,
    );
    return asked && name !== '' ? 0 : 1;
  }
  try {
    return await (await command.load())(rest);
  } catch (error) {
    process.stderr.write(maskText(`lockstep ${name}: ${messageOf(error)}\n`));
    return 1;
  }
}
