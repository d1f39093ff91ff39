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
  history: {
    about: 'list releases: history NAME; tell all of one: history show NAME [RELEASE] [--agent-namespace NS]',
    load: async () => (await import('./history.ts')).historyCommand,
  },
  logs: {
    about: 'print the last lines of containers that are not well: logs NAME [--tail N] [--agent-namespace NS]',
    load: async () => (await import('./logs.ts')).logsCommand,
  },
  sync: request('sync', 'look at the repository and at all objects now'),
  retry: request('retry', 'release the held revision once more'),
  accept: request('accept', 'release the held revision, and let the check pass that it failed'),
  rollback: request('rollback', 'go back to the good release before, or to one: rollback NAME [REVISION|RELEASE]'),
  suspend: request('suspend', 'stop at the next object; nothing is healed either'),
  resume: request('resume', 'go on'),
  render: {
    about: 'print what a folder renders to, Secrets masked: render PATH [-n NAMESPACE] [-o json]',
    load: async () => (await import('./render.ts')).renderCommand,
  },
  health: {
    about: 'print the health of objects: health -f FILE|-',
    load: async () => (await import('./health.ts')).healthCommand,
  },
};

function request(verb: string, about: string): { about: string; load: () => Promise<Command> } {
  return { about, load: async () => (await import('./request.ts')).requestCommand(verb) };
}

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
