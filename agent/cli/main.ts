import { messageOf } from '../../sync/errors.ts';
import { maskText } from '../mask.ts';
import { printable } from '../printable.ts';
import { commands, usage, usageOf } from './commands.ts';

/** Runs one command and answers the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const [name = '', ...rest] = args;
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) {
    const asked = name === '' || name === 'help' || name === '--help' || name === '-h';
    (asked ? process.stdout : process.stderr).write(
      asked ? usage() : `lockstep: unknown command ${JSON.stringify(name)}\n\n${usage()}`,
    );
    return asked && name !== '' ? 0 : 1;
  }
  const isAsking = rest.includes('--help') || rest.includes('-h');
  // The agent's settings are its help.
  if (isAsking && name !== 'agent') {
    process.stdout.write(usageOf(name, command));
    return 0;
  }
  try {
    return await (await command.load())(rest);
  } catch (error) {
    process.stderr.write(maskText(`lockstep ${name}: ${printable(messageOf(error))}\n`));
    return 1;
  }
}
