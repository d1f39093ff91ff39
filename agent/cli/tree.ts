import { textAt } from '../../diff/json.ts';
import { condition } from '../../health/kinds/conditions.ts';
import type { Owned } from '../../health/owner-tree.ts';
import { passesGate } from '../../health/scale.ts';
import { waveTitle } from '../../sync/hooks/phases.ts';
import { type KubeObject, refOf, titleOf } from '../../sync/types.ts';
import { printable } from '../printable.ts';
import { parseConnected } from './arguments.ts';
import { type DeliveryTree, treeOf, type Wave } from './owner-tree.ts';
import { printJson } from './table.ts';

/**
 * `lockstep tree NAME`: the live objects of a Delivery by wave, with their health and what they have made, down to pods, as
 * far as the user who calls may list them. Exit code 2 when one is not healthy, 1 when a kind could not be listed.
 */
export async function treeCommand(args: readonly string[]): Promise<number> {
  const { words, flags, namespace, isJson } = parseConnected(args, ['NAME']);
  const tree = await treeOf(flags['kubeconfig'], namespace, words[0] ?? '');
  const { delivery, waves } = tree;
  if (isJson) printJson(waves.map(({ wave, objects }) => ({ wave, objects: objects.map(nodeOf) })));
  else process.stdout.write(printable(`${[headOf(delivery), ...waves.flatMap(linesOfWave)].join('\n')}\n`));
  return codeOf(tree, 'tree');
}

/** The exit code of a look at a Delivery; what could not be seen is told. */
export function codeOf({ waves, unseen }: DeliveryTree, command: string): number {
  for (const problem of unseen) process.stderr.write(printable(`lockstep ${command}: ${problem}\n`));
  if (!waves.flatMap(({ objects }) => objects).every(({ health }) => passesGate(health))) return 2;
  return unseen.length === 0 ? 0 : 1;
}

/** How a Delivery is, in one line. */
export function headOf(delivery: KubeObject): string {
  const { namespace = '', name } = delivery.metadata;
  const state = textAt(delivery, 'status', 'state') ?? '';
  return `Delivery ${namespace}/${name}  ${state}  ${condition(delivery, 'Ready')?.message ?? ''}`;
}

function nodeOf({ object, health, children }: Owned): object {
  return {
    title: titleOf(refOf(object)),
    health: health.status,
    message: health.message,
    children: children.map(nodeOf),
  };
}

function linesOfWave({ wave, objects }: Wave): string[] {
  return [`wave ${waveTitle(wave)}`, ...objects.flatMap((node) => linesOf(node, 1))];
}

function linesOf({ object, health, children }: Owned, depth: number): string[] {
  const why = health.status === 'Healthy' ? '' : `: ${health.message}`;
  const line = `${'  '.repeat(depth)}${titleOf(refOf(object))}  ${health.status}${why}`;
  return [line, ...children.flatMap((child) => linesOf(child, depth + 1))];
}
