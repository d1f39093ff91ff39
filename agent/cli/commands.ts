/** What a command does with its arguments; the exit code: 0 fine, 1 error, 2 differences or not healthy. */
export type Run = (args: readonly string[]) => Promise<number>;

/** One command, as help tells it. */
export interface Command {
  readonly about: string;
  /** Its words and flags. */
  readonly usage: readonly string[];
  readonly examples?: readonly string[];
  /** Loads what it needs only when it runs: `render` needs no cluster. */
  load(): Promise<Run>;
}

const connection = '[-n NAMESPACE] [-o text|json] [--kubeconfig FILE]';
const records = '[--agent-namespace NAMESPACE]';

export const commands: Readonly<Record<string, Command>> = {
  agent: {
    about: 'run the agent; --help lists its settings',
    usage: ['[flags]'],
    load: async () => (await import('./agent.ts')).agentCommand,
  },
  status: {
    about: 'show the Deliveries',
    usage: [`[NAME] [-A] [--watch] ${connection}`],
    examples: ['-A', 'shop -n shop -o json', '-A --watch'],
    load: async () => (await import('./status.ts')).statusCommand,
  },
  tree: {
    about: 'show the objects of a Delivery by wave, their health, and what they have made, down to pods',
    usage: [`NAME ${connection}`],
    examples: ['shop -n shop'],
    load: async () => (await import('./tree.ts')).treeCommand,
  },
  wait: {
    about: 'wait until a revision, or whatever Git says, is live and healthy; exit code 2 once it failed',
    usage: [`NAME [--revision COMMIT] [--timeout 10m] ${connection}`],
    examples: ['shop -n shop --revision "$(git rev-parse HEAD)"', 'shop -n shop --timeout 90s'],
    load: async () => (await import('./wait.ts')).waitCommand,
  },
  plan: {
    about: 'tell what a release would do: of what Git says, or of a folder here; nothing is written',
    usage: [`NAME [--path FOLDER] [--hash] ${records} ${connection}`],
    examples: ['shop -n shop', 'shop -n shop --path ./deploy', 'shop -n shop --hash'],
    load: async () => (await import('./plan.ts')).planCommand,
  },
  diff: {
    about: 'tell where the tip of Git, the target and the live objects differ, Secrets masked',
    usage: [`NAME [--server URL] ${records} ${connection}`, '-f FILE|- --live FILE|- [-o text|json]'],
    examples: ['shop -n shop', 'shop -n shop --server http://127.0.0.1:8080', '-f web.yaml --live live.yaml'],
    load: async () => (await import('./diff.ts')).diffCommand,
  },
  history: {
    about: 'list releases, or tell all of one',
    usage: [`NAME ${connection}`, `show NAME [REVISION|RELEASE] ${records} ${connection}`],
    examples: ['shop -n shop', 'show shop 12 -n shop'],
    load: async () => (await import('./history.ts')).historyCommand,
  },
  logs: {
    about: 'print the last lines of containers that are not well, and of the one that failed the last release',
    usage: [`NAME [--tail LINES] ${records} ${connection}`],
    examples: ['shop -n shop --tail 100'],
    load: async () => (await import('./logs.ts')).logsCommand,
  },
  orphans: {
    about: 'list the objects of a namespace that are in no Delivery',
    usage: [connection],
    examples: ['-n shop'],
    load: async () => (await import('./orphans.ts')).orphansCommand,
  },
  import: {
    about: 'write Deliveries for what Argo CD and Flux have, and tell what differs; nothing is changed',
    usage: [`[-f FILE|FOLDER|-] [-A] [--active] ${connection}`],
    examples: ['-A', '-f ./argocd', '-n argocd -o json'],
    load: async () => (await import('./import.ts')).importCommand,
  },
  sync: request(
    'sync',
    'look at everything now; with spec.sync.mode manual, release the tip, or just one plan',
    '[--plan HASH] ',
    ['shop -n shop', 'shop -n shop --plan "$(lockstep plan shop -n shop --hash)"'],
  ),
  approve: request('approve', 'approve one plan, where spec.sync.approval asks for that', '--plan HASH ', [
    'shop -n shop --plan 3f9a1c07be52',
  ]),
  confirm: request(
    'confirm',
    'let one plan delete what is protected, or more than half; or a deleted Delivery what waits for a word',
    '--plan HASH|deletion ',
    ['shop -n shop --plan 3f9a1c07be52'],
  ),
  retry: request('retry', 'release the held revision once more'),
  accept: request('accept', 'release the held revision, and let the check pass that it failed'),
  rollback: request('rollback', 'go back to the good release before, or to a recorded one', '[REVISION|RELEASE] ', [
    'shop -n shop',
    'shop 12 -n shop',
  ]),
  suspend: request('suspend', 'stop at the next object; nothing is healed either'),
  resume: request('resume', 'go on'),
  render: {
    about: 'print what a folder renders to, Secrets masked',
    usage: ['PATH [-n NAMESPACE] [-o yaml|json]'],
    examples: ['./deploy -n shop'],
    load: async () => (await import('./render.ts')).renderCommand,
  },
  health: {
    about: 'tell how the objects of a Delivery are, down to pods, or those of a file, without any cluster',
    usage: [`NAME ${connection}`, '-f FILE|- [--rules FILE]'],
    examples: ['shop -n shop', '-f -', '-f widget.yaml --rules rules.yaml'],
    load: async () => (await import('./health.ts')).healthCommand,
  },
};

function request(verb: string, about: string, more = '', examples: readonly string[] = ['shop -n shop']): Command {
  return {
    about,
    usage: [`NAME ${more}${connection}`],
    examples,
    load: async () => (await import('./request.ts')).requestCommand(verb),
  };
}

const exitCodes = 'Exit codes: 0 fine, 1 error, 2 differences or not healthy.\n';

/** Help for all commands. */
export function usage(): string {
  const lines = Object.entries(commands).map(([name, { about }]) => `  ${name.padEnd(8)} ${about}`);
  const more = '`lockstep COMMAND --help` tells more of one.';
  return `usage: lockstep COMMAND [flags]\n\n${lines.join('\n')}\n\n${more}\n${exitCodes}`;
}

/** Help for one command. */
export function usageOf(name: string, { about, usage: forms, examples = [] }: Command): string {
  const shown = forms.map((form, index) => `${index === 0 ? 'usage:' : '      '} lockstep ${name} ${form}`);
  const lines = examples.map((example) => `  lockstep ${name} ${example}`);
  const tail = lines.length === 0 ? '' : `\nExamples:\n${lines.join('\n')}\n`;
  return `${shown.join('\n')}\n\n${about}\n${tail}\n${exitCodes}`;
}
