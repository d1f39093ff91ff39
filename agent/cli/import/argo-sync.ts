import { at, type JsonObject } from '../../../diff/json.ts';
import { type Place, windowsOf } from './argo-windows.ts';
import { compact, listOf, mapOf, type Notes, textOf } from './note.ts';

/** What of a Delivery says how it is applied, of an Application that says how it is synced. */
export function argoSync(spec: JsonObject, project: JsonObject | undefined, place: Place, notes: Notes): JsonObject {
  const policy = mapOf(spec['syncPolicy']);
  const automated = policy['automated'];
  const settings = mapOf(automated);
  const isAutomatic = automated !== undefined && automated !== null && settings['enabled'] !== false;
  if (settings['allowEmpty'] === true)
    notes.differs('syncPolicy.automated.allowEmpty', 'an empty revision must be confirmed');
  for (const option of listOf(policy['syncOptions'])) syncOption(typeof option === 'string' ? option : '', notes);
  return compact({
    mode: isAutomatic ? undefined : 'manual',
    // What Argo CD only does when it is asked to.
    prune: settings['prune'] === true ? undefined : false,
    selfHeal: settings['selfHeal'] === true ? undefined : false,
    adopt: true,
    ignore: ignoresOf(spec, notes),
    windows: windowsOf(project, place, notes),
  });
}

const always = new Set([
  'PruneLast=true',
  'ServerSideApply=true',
  'RespectIgnoreDifferences=true',
  'FailOnSharedResource=true',
  'ApplyOutOfSyncOnly=true',
]);
const nothing = /^(CreateNamespace=false|Validate=true|Replace=false|PrunePropagationPolicy=foreground|.*=false)$/;

function syncOption(option: string, notes: Notes): void {
  if (option === 'CreateNamespace=true')
    notes.refused(
      'syncPolicy.syncOptions',
      'CreateNamespace=true: make the namespace, or put it into Git as an object',
    );
  else if (!always.has(option) && !nothing.test(option))
    notes.differs(
      'syncPolicy.syncOptions',
      `${option} is not for all objects: put it onto those that it is for, by argocd.argoproj.io/sync-options`,
    );
}

/** A rule of which nothing is left would be for all fields of all objects. */
function ignoresOf(spec: JsonObject, notes: Notes): JsonObject[] {
  const given = listOf(spec['ignoreDifferences']).map(mapOf);
  const respected = listOf(at(spec, 'syncPolicy', 'syncOptions')).includes('RespectIgnoreDifferences=true');
  if (given.length > 0 && !respected)
    notes.differs('ignoreDifferences', 'what is ignored is not applied either, once an object exists');
  return given
    .map((one) => ignoreOf(one, notes))
    .filter(
      ({ jsonPointers, managedFieldsManagers }) => jsonPointers !== undefined || managedFieldsManagers !== undefined,
    );
}

function ignoreOf(rule: JsonObject, notes: Notes): JsonObject {
  const pointers = listOf(rule['jqPathExpressions']).flatMap((path) => {
    const pointer = pointerOf(typeof path === 'string' ? path : '');
    if (pointer === undefined)
      notes.refused('ignoreDifferences', `the expression ${JSON.stringify(path)} is no path of fields and whole lists`);
    return pointer ?? [];
  });
  return compact({
    // Without one it is the core's.
    group: textOf(rule['group']) ?? '',
    kind: textOf(rule['kind']),
    namespace: textOf(rule['namespace']),
    name: textOf(rule['name']),
    jsonPointers: [...listOf(rule['jsonPointers']), ...pointers],
    managedFieldsManagers: [...listOf(rule['managedFieldsManagers'])],
  });
}

/** A list, all of whose items are meant, is a star of the pointer. */
function pointerOf(path: string): string | undefined {
  const steps = [...path.matchAll(/\.([A-Za-z_][\w-]*)|\.?\["([^"]+)"\]|\[\]|\[(\d+)\]/g)];
  if (steps.length === 0 || steps.map(([whole]) => whole).join('') !== path) return undefined;
  return steps
    .map(([whole, plain, quoted, index]) => (whole === '[]' ? '*' : (plain ?? quoted ?? index ?? '')))
    .map((name) => `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`)
    .join('');
}
