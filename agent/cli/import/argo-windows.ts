import { at, type Json, type JsonObject } from '../../../diff/json.ts';
import { compact, listOf, mapOf, type Notes, textOf } from './note.ts';

/** What an Application is told from others by. */
export interface Place {
  readonly name: string;
  /** That of its objects, and the cluster where that is another one. */
  readonly namespace: string;
  readonly target: JsonObject;
}

/** The windows of a project that are for an Application. */
export function windowsOf(project: JsonObject | undefined, place: Place, notes: Notes): Json[] {
  return listOf(at(project, 'spec', 'syncWindows')).flatMap((one) => {
    const window = mapOf(one);
    const isFor = isForPlace(window, place);
    if (isFor === 'others') return [];
    if (isFor === 'maybe')
      notes.differs('project.syncWindows', 'a window for clusters is taken over: leave it out where it is for others');
    return compact({
      kind: textOf(window['kind']),
      schedule: textOf(window['schedule']),
      duration: textOf(window['duration']),
      timeZone: textOf(window['timeZone']),
      manualSync: window['manualSync'] === true ? true : undefined,
    });
  });
}

type Fit = 'this' | 'maybe' | 'others';

/** A window is for who fits one of the things that it names; or all of them, where it says so. */
function isForPlace(window: JsonObject, place: Place): Fit {
  const { name, namespace } = place;
  const found = [
    fitOf(window, 'applications', name),
    fitOf(window, 'namespaces', namespace),
    clusterFit(window, place),
  ].filter((one) => one !== undefined);
  const [best, worst] = window['andOperator'] === true ? (['others', 'this'] as const) : (['this', 'others'] as const);
  if (found.includes(best)) return best;
  return found.includes('maybe') ? 'maybe' : worst;
}

function fitOf(window: JsonObject, field: string, text: string): Fit | undefined {
  const globs = listOf(window[field]);
  if (globs.length === 0) return undefined;
  return globs.some((glob) => fits(String(glob), text)) ? 'this' : 'others';
}

/** Other clusters are only known by the name of a Secret here. */
function clusterFit(window: JsonObject, { target }: Place): Fit | undefined {
  const globs = listOf(window['clusters']).map(String);
  if (globs.length === 0) return undefined;
  if (globs.includes('*')) return 'this';
  if (target['kubeconfigSecretRef'] !== undefined) return 'maybe';
  const names = ['in-cluster', 'https://kubernetes.default.svc'];
  return globs.some((glob) => names.some((name) => fits(glob, name))) ? 'this' : 'others';
}

function fits(glob: string, name: string): boolean {
  const parts = glob.split('*');
  if (parts.length === 1) return glob === name;
  const [first = '', last = ''] = [parts[0], parts.at(-1)];
  return name.length >= first.length + last.length && name.startsWith(first) && name.endsWith(last);
}
