import type { Json } from '../../diff/json.ts';
import { type OwnRule, type RuleSet, ruleSet } from '../../health/own-rules.ts';
import type { Log, RuleBook } from '../../sync/ports.ts';
import type { KubeObject } from '../../sync/types.ts';
import type { KubeHttp } from '../kube/http.ts';
import { follow } from '../kube/watch.ts';
import { nothingInstalled, readInstalled } from './installed.ts';
import type { RuleJudge } from './judge.ts';

/** What the book needs. */
export interface RuleBookDeps {
  readonly http: KubeHttp;
  /** The ConfigMap with the rules of the installation: lists of rules in YAML under whatever keys. */
  readonly place: { readonly namespace: string; readonly name: string };
  parse(text: string): Json[];
  readonly check: RuleJudge['check'];
  readonly log: Log;
  /** A warning on the ConfigMap. */
  warn(reason: string, message: string): void;
  /** Called when other rules hold. */
  onChange(): void;
}

/** The rules of the installation, followed; and those of Deliveries, checked. */
export interface FollowedRules extends RuleBook {
  /** What is wrong with the rules of a Delivery; undefined when nothing is. */
  problemOf(own: readonly OwnRule[]): Promise<string | undefined>;
  /** Resolves when the rules of the installation were read, or can't be. */
  readonly ready: Promise<void>;
  close(): void;
}

export function followRules(deps: RuleBookDeps): FollowedRules {
  const { http, place, log } = deps;
  let installed = nothingInstalled;
  let asked = 0;
  /** Deliveries are read anew with each of their states, and hardly ever with other rules. */
  let sets = new Map<string, RuleSet>();
  const checked = new Map<string, Promise<string | undefined>>();
  const { promise: ready, resolve: settle } = Promise.withResolvers<void>();
  let isFirst = true;

  async function take(object: KubeObject | undefined): Promise<void> {
    asked += 1;
    const turn = asked;
    const read = object === undefined ? nothingInstalled : await readInstalled(object, deps, installed);
    if (turn !== asked) return;
    installed = read;
    sets = new Map();
    for (const problem of read.problems) {
      log.error({ configMap: place.name, problem }, 'a health rule can not be used');
      deps.warn('InvalidRule', problem);
    }
    settle();
    if (!isFirst) deps.onChange();
    isFirst = false;
  }

  async function problemsOf(own: readonly OwnRule[]): Promise<string | undefined> {
    const all = await Promise.all(own.map(deps.check));
    const found = all.flatMap((problems, index) => problems.map((one) => `spec.health.rules[${index}].${one}`));
    return found.length === 0 ? undefined : found.join('; ');
  }

  const path = async (): Promise<string> => `/api/v1/namespaces/${encodeURIComponent(place.namespace)}/configmaps`;
  const close = follow(http, { path, fieldSelector: `metadata.name=${place.name}` }, (event) => {
    if (event.type === 'failed') {
      settle();
      log.warn({ configMap: place.name, problem: event.error.message }, 'the health rules can not be watched');
    } else if (event.type === 'changed') void take(event.object);
    else if (event.type === 'deleted' || (event.type === 'synced' && event.uids.size === 0)) void take(undefined);
  });

  return {
    of: (own) => {
      const text = JSON.stringify(own);
      const known = sets.get(text);
      if (known !== undefined) return known;
      const made = ruleSet(own, ...installed.lists.values());
      sets.set(text, made);
      return made;
    },
    broken: (group, kind) => installed.broken.get(`${group}/${kind}`),
    problemOf: async (own) => {
      if (own.length === 0) return undefined;
      const text = JSON.stringify(own);
      const known = checked.get(text) ?? problemsOf(own);
      if (checked.size > 1_000) checked.clear();
      checked.set(text, known);
      return known;
    },
    ready,
    close,
  };
}
