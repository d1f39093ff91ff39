import { at, type Json, type JsonObject } from '../../../diff/json.ts';
import { compact, listOf, mapOf, type Notes, textOf } from './note.ts';

/** What of a Delivery says how it is applied, of an Application that says how it is synced. */
export function argoSync(spec: JsonObject, project: JsonObject | undefined, name: string, notes: Notes): JsonObject {
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
    ignore: listOf(spec['ignoreDifferences']).map((one) => ignoreOf(mapOf(one), notes)),
    windows: windowsOf(project, name, notes),
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

function ignoreOf(rule: JsonObject, notes: Notes): JsonObject {
  const pointers = listOf(rule['jqPathExpressions']).flatMap((path) => {
    const pointer = pointerOf(typeof path === 'string' ? path : '');
    if (pointer === undefined)
      notes.refused('ignoreDifferences', `the expression ${JSON.stringify(path)} is no path of fields and whole lists`);
    return pointer ?? [];
  });
  return compact({
    group: textOf(rule['group']),
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

/** The windows of a project that are for an Application. */
function windowsOf(project: JsonObject | undefined, name: string, notes: Notes): Json[] {
  return listOf(at(project, 'spec', 'syncWindows')).flatMap((one) => {
    const window = mapOf(one);
    const applications = listOf(window['applications']);
    if (applications.length > 0 && !applications.some((glob) => fits(String(glob), name))) return [];
    if (applications.length === 0)
      notes.differs(
        'project.syncWindows',
        'a window for namespaces or clusters is taken over: leave it out where it is for others',
      );
    return compact({
      kind: textOf(window['kind']),
      schedule: textOf(window['schedule']),
      duration: textOf(window['duration']),
      timeZone: textOf(window['timeZone']),
      manualSync: window['manualSync'] === true ? true : undefined,
    });
  });
}

function fits(glob: string, name: string): boolean {
  const parts = glob.split('*');
  if (parts.length === 1) return glob === name;
  const [first = '', last = ''] = [parts[0], parts.at(-1)];
  return name.length >= first.length + last.length && name.startsWith(first) && name.endsWith(last);
}
