import { customRuleOf, customRules } from '../health/custom/table.ts';
import { conventionalHealthOf } from '../health/rules.ts';
import { groupOf } from '../sync/types.ts';
import { type Case, cases, now } from './unit/health/support/cases.ts';

/** A custom kind of a project, and the cases of it. */
export interface CustomKind {
  readonly project: string;
  readonly group: string;
  readonly kind: string;
  readonly cases: readonly Case[];
  readonly hasOwnRule: boolean;
}

/** Kubernetes itself, the Gateway API and made-up kinds are not those of a project. */
const noProjects = new Set(['kubernetes', 'convention', 'gateway-api']);

/** The custom kinds that test/fixtures/health has cases of. */
export function customKinds(): CustomKind[] {
  const all = cases.filter(({ project }) => !noProjects.has(project));
  const byKind = Map.groupBy(all, ({ project, object }) => `${project} ${groupOf(object.apiVersion)} ${object.kind}`);
  return [...byKind.entries()].map(([name, of]) => {
    const [project = '', group = '', kind = ''] = name.split(' ');
    return { project, group, kind, cases: of, hasOwnRule: customRuleOf(group, kind) !== undefined };
  });
}

/** How often the convention alone, without any rule for a kind, has the right word. */
export function hitRate(kinds: readonly CustomKind[]): { right: number; of: number; kinds: number } {
  const isRight = ({ object, expect }: Case): boolean => conventionalHealthOf(object, { now }).status === expect.status;
  const all = kinds.flatMap((kind) => kind.cases);
  return {
    right: all.filter(isRight).length,
    of: all.length,
    kinds: kinds.filter((kind) => kind.cases.every(isRight)).length,
  };
}

/** The reference page about health. */
export function healthPage(notice: string): string {
  const kinds = customKinds();
  const { right, of, kinds: wholly } = hitRate(kinds);
  const percent = ((100 * right) / of).toFixed(1);
  const rules = customRules.map(
    ({ project, group, kinds: names, why }) => `| ${project} | \`${group}\` | ${names.join(', ')} | ${why} |`,
  );
  const projects = [...Map.groupBy(kinds, ({ project }) => project)].map(([project, its]) => {
    const named = (hasOwn: boolean) =>
      its
        .filter(({ hasOwnRule }) => hasOwnRule === hasOwn)
        .map(({ kind }) => kind)
        .join(', ');
    return `| ${project} | ${named(false)} | ${named(true)} |`;
  });
  return `# Health

${notice} How to write rules for kinds of your own: [how-to/health-rules.md](../how-to/health-rules.md).

## Words

| word | what it means | a wave goes on |
| --- | --- | --- |
| \`Healthy\` | It is as it should be. | yes |
| \`Suspended\` | A person asked it to stand still. | yes |
| \`Progressing\` | It may become healthy by waiting. | no |
| \`Missing\` | It is not there. | no |
| \`Degraded\` | As far as anyone can tell, waiting will not help. | no; when it lasts, the release fails (\`spec.health.signals\`) |
| \`Unknown\` | Nobody can tell. | no |

A Delivery has the word of its worst object.

## Rules, in order

1. The annotation \`lockstep.dev/health: ignore\`, or Argo CD's \`argocd.argoproj.io/ignore-healthcheck\`: Healthy.
2. It is being deleted: Progressing.
3. A custom object that was asked to stand still, by a field or annotation such as \`spec.suspend\`: Suspended.
4. Its status is about an older generation: Progressing, unless something failed since Lockstep applied it.
5. The condition \`Stalled\` is True: Degraded. \`Reconciling\` is True: Progressing.
6. A rule that you wrote, in the Delivery or for the installation.
7. The rule of its kind: those of Kubernetes and of the Gateway API, and those in the table below.
8. The convention: conditions by the names that controllers share, words such as \`status.phase\`, counts of replicas.
9. No status at all: Healthy after five seconds; of projects whose controllers always write one, Progressing until it is there.

## Custom kinds

Tests hold these rules against ${of} objects of ${kinds.length} kinds of ${projects.length} projects, each written from the kind's own API
documentation. The convention alone has the right word for ${right} of them (${percent} %), and for every state of ${wholly} kinds. The kinds in the
last column have a rule of their own.

| project | by convention | by a rule of its own |
| --- | --- | --- |
${projects.join('\n')}

## Kinds with a rule of their own, and why

| project | group | kinds | why the convention is not enough |
| --- | --- | --- | --- |
${rules.join('\n')}
`;
}
