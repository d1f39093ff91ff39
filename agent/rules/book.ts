import type { Json } from '../../diff/json.ts';
import { expressionsOf, noRules, type OwnRule, type RuleSet, ruleSet } from '../../health/own-rules.ts';
import type { Written } from '../../sync/delivery/written.ts';
import type { Clock, Log, RuleBook } from '../../sync/ports.ts';
import type { KubeObject } from '../../sync/types.ts';
import type { KubeHttp } from '../kube/http.ts';
import { followOne, type Place } from '../kube/watch-one.ts';
import { type Installed, nothingInstalled, readInstalled } from './installed.ts';
import type { RuleJudge } from './judge.ts';

/** What the book needs. */
export interface RuleBookDeps {
  readonly http: KubeHttp;
  /** The ConfigMap with the rules of the installation: lists of rules in YAML under whatever keys. */
  readonly place: Place;
  parse(text: string): Json[];
  readonly check: RuleJudge['check'];
  readonly clock: Clock;
  readonly log: Log;
  /** A warning on the ConfigMap. */
  warn(reason: string, message: string): void;
  /** Called when other rules hold. */
  onChange(): void;
}

/** The rules of the installation, followed; and what Deliveries hold of CEL, checked. */
export interface FollowedRules extends RuleBook {
  /**
   * What is wrong with what a Delivery holds of CEL: a text, `nothing`, or `later` while that is being found out.
   * @param uid that of the Delivery
   */
  problemOf(uid: string, written: readonly Written[]): Promise<{ readonly problem: string } | 'nothing' | 'later'>;
  /** A Delivery is gone. */
  forget(uid: string): void;
  /** Resolves when the rules of the installation were read, or can't be. */
  readonly ready: Promise<void>;
  close(): void;
}

/** The rules of one Delivery. */
interface Own {
  readonly text: string;
  readonly rules: readonly OwnRule[];
  set: RuleSet;
}

/** What is known of the expressions of one Delivery. */
interface Checkup {
  readonly text: string;
  /** What is wrong with them; undefined while that is not known. */
  problem: { readonly problem: string } | 'nothing' | undefined;
  checking: Promise<void> | undefined;
}

/** How long a turn waits for a check, and how soon one is tried again that was broken off, in milliseconds. */
const [patience, again] = [300, 10_000];
const installation = 'installation';

export function followRules(deps: RuleBookDeps): FollowedRules {
  const { http, place, log, clock } = deps;
  let installed = nothingInstalled;
  let reads = 0;
  let isFirst = true;
  let retry: NodeJS.Timeout | undefined;
  const owns = new Map<string, Own>();
  const checkups = new Map<string, Checkup>();
  const { promise: ready, resolve: settle } = Promise.withResolvers<void>();

  async function take(object: KubeObject | undefined): Promise<void> {
    reads += 1;
    const turn = reads;
    clearTimeout(retry);
    const check = (rule: OwnRule) => deps.check(installation, expressionsOf(rule));
    const read = object === undefined ? nothingInstalled : await readInstalled(object, { ...deps, check }, installed);
    if (turn !== reads) return;
    const isNews = read.id !== installed.id;
    hold(read);
    settle();
    if (isNews) tell(read);
    if (isNews && !isFirst) deps.onChange();
    isFirst = false;
    if (read.isUnsure) retry = setTimeout(() => void take(object), again).unref();
  }

  function hold(read: Installed): void {
    installed = read;
    for (const own of owns.values()) own.set = setOf(own.rules);
  }

  function tell({ problems }: Installed): void {
    for (const problem of problems) {
      log.error({ configMap: place.name, problem }, 'a health rule can not be used');
      deps.warn('InvalidRule', problem);
    }
  }

  const setOf = (own: readonly OwnRule[]): RuleSet => ruleSet(own, ...installed.lists.values());

  /** Deliveries are read anew with each of their states, and hardly ever with other rules. */
  function ownOf(uid: string, rules: readonly OwnRule[]): Own {
    const text = JSON.stringify(rules);
    const known = owns.get(uid);
    if (known?.text === text) return known;
    const fresh: Own = { text, rules, set: setOf(rules) };
    owns.set(uid, fresh);
    return fresh;
  }

  function checkupOf(uid: string, written: readonly Written[]): Checkup {
    const text = JSON.stringify(written);
    const known = checkups.get(uid);
    if (known?.text === text) return known;
    const fresh: Checkup = { text, problem: undefined, checking: undefined };
    checkups.set(uid, fresh);
    return fresh;
  }

  /** A check that was broken off says nothing of the expressions: it is made again. */
  async function checkAll(uid: string, written: readonly Written[], checkup: Checkup): Promise<void> {
    const all = await Promise.all(
      written.map(async ({ where, expressions }) => ({ where, checked: await deps.check(uid, expressions) })),
    );
    checkup.checking = undefined;
    const found = all.flatMap(({ where, checked }) =>
      'problem' in checked ? [] : checked.problems.map((problem) => `${where}.${problem}`),
    );
    if (found.length > 0) checkup.problem = { problem: found.join('; ') };
    else if (!all.some(({ checked }) => 'problem' in checked)) checkup.problem = 'nothing';
  }

  const close = followOne(http, 'configmaps', place, {
    onState: (object) => void take(object),
    onFailed: ({ message: problem }) => {
      // What is read later is news to everybody.
      isFirst = false;
      settle();
      log.warn({ configMap: place.name, problem }, 'the health rules can not be watched');
    },
  });

  return {
    of: (uid, rules) => (rules.length === 0 && installed === nothingInstalled ? noRules : ownOf(uid, rules).set),
    broken: (group, kind) => installed.unreadable ?? installed.broken.get(`${group}/${kind}`),
    problemOf: async (uid, written) => {
      if (written.length === 0) return 'nothing';
      const checkup = checkupOf(uid, written);
      if (checkup.problem !== undefined) return checkup.problem;
      checkup.checking ??= checkAll(uid, written, checkup);
      await Promise.race([checkup.checking, clock.sleep(patience)]);
      return checkup.problem ?? 'later';
    },
    forget: (uid) => {
      owns.delete(uid);
      checkups.delete(uid);
    },
    ready,
    close: () => {
      clearTimeout(retry);
      close();
    },
  };
}
