import { readFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { toJson } from '../../diff/json.ts';
import { maskObject } from '../../diff/mask.ts';
import { check } from '../../sync/render/check.ts';
import type { Unsealer } from '../../sync/render/sops/port.ts';
import { createUnsealer } from '../../sync/render/sops/unsealer.ts';
import { printYaml } from '../../sync/render/yaml-print.ts';
import { describeProblem } from '../../sync/types.ts';
import { identitiesIn } from '../decryption.ts';
import { isSecretText, maskValue, registerSecretsOf } from '../mask.ts';
import { printable } from '../printable.ts';
import { oneOf, parse } from './arguments.ts';
import { renderFolder, repositoryAround, viewOfFolder } from './engine.ts';
import { filesUnder } from './files.ts';
import { withSources } from './sources.ts';

/** A folder alone: nothing is laid over it, and no cluster is asked what it is. */
const whole = { kustomize: undefined, helm: undefined, chart: undefined, isChartAlone: false };
const given = { variables: undefined, chart: [], key: '' };
const nobody = async () => ({ version: '', apis: [] });

const hide = (path: string, secrets: readonly string[]): void =>
  registerSecretsOf(`sops ${path}`, secrets.filter(isSecretText));

/** Whoever calls may decrypt by the keys that SOPS itself would take: those of age in SOPS_AGE_KEY and SOPS_AGE_KEY_FILE. */
function ownUnsealer(): Unsealer {
  const { SOPS_AGE_KEY: own = '', SOPS_AGE_KEY_FILE: file } = process.env;
  const age = identitiesIn(`${own}\n${file === undefined ? '' : readFileSync(file, 'utf8')}`);
  return createUnsealer(age.length === 0 ? undefined : { age, pgp: [] }, new Map(), hide);
}

/** `lockstep render PATH`: what the agent would send for this folder, with every Secret masked. */
export async function renderCommand(args: readonly string[]): Promise<number> {
  const options = {
    namespace: { type: 'string', short: 'n', default: 'default' },
    output: { type: 'string', short: 'o', default: 'yaml' },
  } as const;
  const { words, flags } = parse(args, options, ['PATH']);
  const [path = ''] = words;
  const isJson = oneOf(flags['output'], ['yaml', 'json']) === 'json';
  const namespace = flags['namespace'] ?? 'default';
  const { root, path: within } = repositoryAround(path);
  const settings = { ...whole, name: basename(resolve(path)), path: within, targetNamespace: namespace };
  const here = { files: filesUnder(path), view: viewOfFolder(root) };
  const { rendered } = await withSources(({ engine, charts }) => {
    // Charts that it needs are read by nobody's login.
    const reach = { charts, owner: 'here', allows: () => true, credentials: async () => undefined };
    return renderFolder(settings, here, nobody, { engine, reach, given, unsealer: ownUnsealer() });
  });
  const { desired, problems } = check(rendered, namespace, () => undefined);
  for (const problem of problems) process.stderr.write(`${printable(describeProblem(problem))}\n`);
  for (const { manifest } of desired) {
    const shown = maskValue(maskObject(manifest));
    process.stdout.write(isJson ? `${toJson(shown)}\n` : `---\n${printYaml(shown)}`);
  }
  return problems.length > 0 ? 1 : 0;
}
