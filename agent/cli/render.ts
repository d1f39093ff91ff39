import { toJson } from '../../diff/json.ts';
import { maskObject } from '../../diff/mask.ts';
import { check } from '../../sync/render/check.ts';
import { otherRenderer, renderPlain } from '../../sync/render/plain.ts';
import { printYaml } from '../../sync/render/yaml.ts';
import { describeProblem } from '../../sync/types.ts';
import { oneOf, parse } from './arguments.ts';
import { filesUnder } from './files.ts';
import { printable } from './table.ts';

/** `lockstep render PATH`: what the agent would send for this folder, with every Secret masked. */
export async function renderCommand(args: readonly string[]): Promise<number> {
  const options = {
    namespace: { type: 'string', short: 'n', default: 'default' },
    output: { type: 'string', short: 'o', default: 'yaml' },
  } as const;
  const { words, flags } = parse(args, options, ['PATH']);
  const [path = ''] = words;
  const isJson = oneOf(flags['output'], ['yaml', 'json']) === 'json';
  const files = filesUnder(path);
  const other = otherRenderer(files);
  if (other !== undefined) throw new Error(`${other.file} asks for ${other.name}, which this version does not render`);
  const { desired, problems } = check(renderPlain(files), flags['namespace'] ?? 'default', () => undefined);
  for (const problem of problems) process.stderr.write(`${printable(describeProblem(problem))}\n`);
  for (const { manifest } of desired) {
    const shown = maskObject(manifest);
    process.stdout.write(isJson ? `${toJson(shown)}\n` : `---\n${printYaml(shown)}`);
  }
  return problems.length > 0 ? 1 : 0;
}
