import { managedEntries } from '../../../diff/field-sets.ts';
import { textAt, toJson } from '../../../diff/json.ts';
import { type KubeObject, refOf, titleOf } from '../../../sync/types.ts';
import { type Content, contentBy } from '../content.ts';
import type { Random } from '../random.ts';
import { type ModelAgent, type Stage, startAgent } from './agent.ts';
import { createApiServer } from './api-server.ts';
import { type Checker, createChecker } from './checker.ts';
import { runControllers } from './controllers.ts';
import { createGit } from './git.ts';
import { noFaults } from './network.ts';
import { createTime } from './time.ts';

const delivery = 'lockstep.dev/Delivery/shop/app';
const deliveryPath = '/apis/lockstep.dev/v1alpha1/namespaces/shop/deliveries';

/** How a walk went. */
export interface Walked {
  /** What was broken, and nothing when all was kept. */
  readonly broken: readonly string[];
  /** What happened, in order. */
  readonly told: readonly string[];
  /** How long it took to converge once every fault was over, in milliseconds. */
  readonly converged: number;
}

/** The longest that converging may take once all faults are over, in milliseconds. */
export const patience = 60_000;

/** Something that happens. */
export type Act = (walker: Walker) => void;

/** What of the log is worth to be seen when a walk went wrong. */
const told: ReadonlySet<string> = new Set([
  'the release moves',
  'drift healed',
  'the release record can not be used',
  'the source can not be read',
  'the revision can not be released',
]);

/** Walks through one world. */
export class Walker {
  readonly told: string[] = [];
  readonly stage: Stage;
  readonly checker: Checker;
  readonly contents = new Map<string, Content>();
  readonly agents: ModelAgent[] = [];
  readonly random: Random;
  readonly acts: readonly [Act, ...Act[]];
  commits = 0;

  constructor(random: Random, acts: readonly [Act, ...Act[]]) {
    this.random = random;
    this.acts = acts;
    const time = createTime();
    const server = createApiServer();
    server.after = time.after;
    server.linger = () => (random.percent(30) ? random.between(100, 1_500) : 0);
    server.admit = (object) =>
      JSON.stringify(object['data'] ?? '').includes('not valid!') ? 'data: a valid config key is needed' : undefined;
    this.stage = {
      server,
      time,
      random,
      git: createGit(time.sleep),
      network: { faults: noFaults, calls: [], onCall: (call) => this.checker.onCall(call, this.agentOf(call.agent)) },
      watches: { silentUntil: 0, cut: 0, doubled: 0 },
      lease: { epoch: 0, holder: undefined, renewedAt: 0, ends: new Map() },
      measure: async () => ({ outcome: 'Error', message: 'nothing is measured here' }),
      wallOffset: Date.parse('2026-11-26T12:00:00Z'),
      onLog: (agent, data, message) => {
        this.checker.onLog(data, message);
        if (told.has(message)) this.tell(`  ${agent.name}: ${message} ${JSON.stringify(data)}`);
      },
    };
    const contentOf = (revision: string) => this.contents.get(revision);
    this.checker = createChecker({ stage: this.stage, contentOf, delivery });
    runControllers(server, time, random);
  }

  tell(what: string): void {
    this.told.push(`${String(this.stage.time.now()).padStart(7)} ${what}`);
  }

  agentOf(name: string): ModelAgent | undefined {
    return this.agents.find((agent) => agent.name === name);
  }

  async begin(): Promise<void> {
    this.push(contentBy(this.random, this.commits, this.random.percent(15)));
    const spec = {
      source: { url: 'https://git.example.com/shop', interval: '5s' },
      health: { deadline: '60s', steady: '2s', signals: { degraded: '2s' } },
      rollback: { probation: '5s' },
    };
    const object = { apiVersion: 'lockstep.dev/v1alpha1', kind: 'Delivery', metadata: { name: 'app' }, spec };
    this.stage.server.handle({ method: 'POST', path: deliveryPath, body: toJson(object) });
    this.start();
    if (this.random.percent(30)) this.start();
    await this.pass(this.random.between(0, 20_000));
  }

  async step(): Promise<void> {
    this.random.one(this.acts)(this);
    await this.pass(this.random.percent(40) ? this.random.between(0, 800) : this.random.between(500, 20_000));
  }

  pass(milliseconds: number): Promise<boolean> {
    const { time } = this.stage;
    return time.runUntil(time.now() + milliseconds);
  }

  start(): void {
    const name = `agent-${this.agents.length + 1}`;
    this.tell(`${name} starts`);
    this.agents.push(startAgent(this.stage, name));
  }

  alive(): ModelAgent[] {
    return this.agents.filter(({ sender }) => !sender.isDead);
  }

  push(content: Content): void {
    this.commits += 1;
    const commit = this.stage.git.push(content.files, content);
    this.contents.set(commit.revision, { ...content, files: commit.files });
    this.tell(`commit ${commit.revision.slice(0, 6)}${content.isBad ? ', a bad one' : ''}`);
  }

  /** Somebody writes onto the Delivery. */
  edit(patch: object): void {
    this.stage.server.handle({
      method: 'PATCH',
      path: `${deliveryPath}/app`,
      contentType: 'application/merge-patch+json',
      query: { fieldManager: 'kubectl-edit' },
      body: JSON.stringify(patch),
    });
  }

  status(...path: string[]): string | undefined {
    return textAt(this.stage.server.objects.get(delivery), 'status', ...path);
  }

  /** Whether only a person can say whose an object is: it was told to be left behind, or others have it too. */
  isLeft(key: string, object: KubeObject): boolean {
    const good = this.contents.get(this.status('revision', 'good') ?? '');
    const isWanted = good?.wanted.some((one) => one.key === key) === true;
    const isShared = managedEntries(object).some(({ manager }) => manager === 'somebody');
    return this.checker.leftBehind.has(titleOf(refOf(object))) || (isShared && !isWanted && key.includes('/shop/'));
  }

  /** Every fault ends, people leave it alone, and delete what was left to them. */
  calm(): void {
    const { network, watches, git, server } = this.stage;
    for (const [key, object] of server.objects)
      if (this.isLeft(key, object)) server.handle({ method: 'DELETE', path: pathOf(key) });
    network.faults = noFaults;
    Object.assign(watches, { silentUntil: 0, cut: 0, doubled: 0 });
    git.fault = undefined;
    for (const agent of this.agents) agent.goOn();
    if (this.alive().length === 0) this.start();
  }

  async end(): Promise<Walked> {
    const { time, git, network, server } = this.stage;
    this.calm();
    this.edit({ spec: { suspend: false }, metadata: { annotations: { 'lockstep.dev/request': 'resume@end' } } });
    const isBad = this.random.percent(30);
    this.push(contentBy(this.random, this.commits, isBad));
    this.tell('everything is calm');
    const since = time.now();
    const tip = git.tip().revision;
    const isDone = (): boolean => this.isConverged(tip, isBad);
    const done = await time.runUntil(since + patience, isDone);
    const converged = time.now() - since;
    // It must stay so.
    if (done) await this.pass(30_000);
    const broken = [...this.checker.broken];
    if (!done || !isDone()) broken.push(`I1: ${this.whyNot(isBad, tip)}`);
    this.checker.finish(network.calls);
    broken.push(...this.checker.broken.slice(broken.length - (done && isDone() ? 0 : 1)));
    for (const listener of server.listeners) server.listeners.delete(listener);
    for (const agent of this.agents) agent.kill();
    return { broken: [...new Set(broken)], told: this.told, converged };
  }

  /** A good commit is live; a bad one is held, and the last good one is live; where none was good, nothing is claimed. */
  isConverged(tip: string, isBad: boolean): boolean {
    const [state, at, good] = [this.status('state'), this.status('revision', 'tip'), this.status('revision', 'good')];
    if (at !== tip) return false;
    if (!isBad) return state === 'Synced' && good === tip && this.differences(tip).length === 0;
    if (good === undefined) return state === 'Degraded' || state === 'Held';
    return state === 'Held' && this.differences(good).length === 0;
  }

  differences(revision: string): string[] {
    const content = this.contents.get(revision);
    return content === undefined ? [`${revision} is not known`] : this.checker.differences(content);
  }

  whyNot(isBad: boolean, tip: string): string {
    const good = this.status('revision', 'good');
    const wanted = isBad ? good : tip;
    const differing = wanted === undefined ? [] : this.differences(wanted);
    const conditions = JSON.stringify(this.stage.server.objects.get(delivery)?.['status'], null, 1);
    return `not converged: ${differing.join(', ')}; ${conditions}`;
  }
}

/** How an object is named to the API server. */
export function pathOf(key: string): string {
  const [group = '', kind = '', , name = ''] = key.split('/');
  const root = group === '' ? '/api/v1' : `/apis/${group}/v1`;
  return `${root}/namespaces/shop/${kind.toLowerCase()}s/${name}`;
}
