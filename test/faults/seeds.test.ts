import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { numberAt, objectsAt, textAt } from '../../diff/json.ts';
import { deliveryLabel } from '../../sync/stamp.ts';
import { label } from '../../sync/types.ts';
import { steps } from '../../sync/world.ts';
import { until } from '../e2e/support/kube.ts';
import { type App, describeOnOwnCluster } from '../e2e/support/lockstep.ts';
import { type Content, canary, contentBy, valueIn, type Wanted } from './content.ts';
import { createRandom, type Random } from './random.ts';
import { refuse, useFaultyWay } from './way.ts';

/** Forty seeds with `npm run test:faults`, some with all other tests. Those of one batch share an agent, and its faults. */
const isLong = process.env['LOCKSTEP_FAULTS'] === 'all';
const [batches, perBatch, rounds] = isLong ? [5, 8, 6] : [1, 4, 3];
const first = Number(process.env['LOCKSTEP_SEED'] ?? 1);
const names = Array.from({ length: batches * perBatch }, (_, index) => `seed-${first + index}`);
const { lockstep, way } = useFaultyWay(names, ['--watch-silence', '2000']);

/** One app that is walked by its seed. */
class Walk {
  readonly told: string[] = [];
  readonly since = Date.now();
  readonly contents = new Map<string, Content>();
  readonly app: App;
  readonly random: Random;
  commits = 0;
  files: Readonly<Record<string, string>> = {};

  constructor(app: App, random: Random) {
    this.app = app;
    this.random = random;
  }

  tell(what: string): void {
    this.told.push(`${new Date().toISOString().slice(14, 23)} ${what}`);
  }

  push(content: Content): void {
    this.commits += 1;
    const gone = Object.keys(this.files).filter((name) => content.files[name] === undefined);
    this.files = content.files;
    const revision = this.app.push({ ...content.files, ...Object.fromEntries(gone.map((name) => [name, null])) });
    this.contents.set(revision, content);
    this.tell(`commit ${revision.slice(0, 7)}${content.isBad ? ', a bad one' : ''}`);
  }

  async act(): Promise<void> {
    const kind = this.random.one(['commit', 'commit', 'revert', 'edit', 'delete', 'ask'] as const);
    if (kind === 'commit') this.push(contentBy(this.random, this.commits, this.random.percent(40)));
    else if (kind === 'revert') this.revert();
    else if (kind === 'ask') await this.ask();
    else await this.byHand(kind);
  }

  revert(): void {
    const all = [...this.contents.values()];
    const content = all[this.random.upTo(all.length)];
    if (content !== undefined && content.files !== this.files) this.push(content);
  }

  async ask(): Promise<void> {
    const verb = this.random.one(['retry', 'rollback', 'sync', 'suspend', 'resume']);
    this.tell(`somebody asks for ${verb}`);
    await this.app.request(`${verb}@${this.told.length} by=ada`);
  }

  async byHand(kind: 'edit' | 'delete'): Promise<void> {
    const name = `c${this.random.upTo(5)}`;
    const ref = this.app.ref('v1', 'ConfigMap', name);
    this.tell(`somebody ${kind}s ${name}`);
    const act =
      kind === 'delete'
        ? lockstep.kube.delete(ref)
        : lockstep.kube.edit(ref, { data: { value: 'drift' } }, 'kubectl-edit');
    await act.catch(() => undefined);
  }

  async finish(): Promise<string[]> {
    await this.app.request('resume@end by=ada');
    const isBad = this.random.percent(30);
    this.push(contentBy(this.random, this.commits, isBad));
    const isDone = () => this.isConverged(isBad);
    const done = await until('it converges', isDone, 90_000).catch(() => false);
    if (done) await sleep(3_000);
    const still = done && (await isDone());
    const converged = still ? [] : [`it does not converge: ${await this.whyNot()}`];
    return [...converged, ...(await this.broken())].map((what) => `${this.app.namespace}: ${what}`);
  }

  async isConverged(isBad: boolean): Promise<boolean> {
    const status = await this.app.status();
    const [state, tip, good] = [
      textAt(status, 'status', 'state'),
      textAt(status, 'status', 'revision', 'tip'),
      textAt(status, 'status', 'revision', 'good'),
    ];
    if (tip !== this.app.revision) return false;
    if (isBad && good === undefined) return state === 'Degraded' || state === 'Held';
    const isEnd = isBad ? state === 'Held' : state === 'Synced' && good === tip;
    return isEnd && (await this.differences(good ?? '')).length === 0;
  }

  async differences(revision: string): Promise<string[]> {
    const content = this.contents.get(revision);
    if (content === undefined) return [`${revision} is not known`];
    const plain = content.wanted.filter(({ isHook }) => !isHook);
    const missing = await Promise.all(plain.map((one) => this.differenceOf(one)));
    return [...missing.flat(), ...(await this.extra(plain))];
  }

  async differenceOf({ apiVersion, kind, name, value }: Wanted): Promise<string[]> {
    const live = await this.app.get(apiVersion, kind, name);
    return live !== undefined && valueIn(live) === value ? [] : [`${kind} ${name} is not as it shall be`];
  }

  async extra(wanted: readonly Wanted[]): Promise<string[]> {
    const path = `/api/v1/namespaces/${this.app.namespace}/configmaps`;
    const { body } = await lockstep.kube.http.request({ method: 'GET', path });
    const ours = objectsAt(body, 'items').filter((item) => label(item as never, deliveryLabel) !== undefined);
    const known = new Set(wanted.map(({ name }) => name));
    return ours.flatMap((item) => {
      const name = textAt(item, 'metadata', 'name') ?? '';
      return known.has(name) ? [] : [`ConfigMap ${name} is there still`];
    });
  }

  /** Whether every commit holds an object. */
  isAlways(resource: string, name: string): boolean {
    const all = [...this.contents.values()];
    return all.every(({ wanted }) =>
      wanted.some((one) => one.name === name && `${one.kind.toLowerCase()}s` === resource && !one.isHook),
    );
  }

  async whyNot(): Promise<string> {
    const status = (await this.app.status())['status'];
    const good = textAt(status, 'revision', 'good') ?? '';
    return `${(await this.differences(good)).join(', ')}; ${JSON.stringify(status)}`;
  }

  /** I3, I6, I8 and what a bad content may never become, by the status and over all calls that the API server has noted. */
  async broken(): Promise<string[]> {
    const lines = objectsAt(await this.app.status(), 'status', 'history');
    const sequences = lines.map((line) => line['sequence']);
    const doubled = sequences.filter((one, index) => sequences.indexOf(one) !== index);
    const calls = this.app.writes(this.since);
    const begun = numberAt(await this.app.status(), 'status', 'sequence') ?? 0;
    const runs = Map.groupBy(
      calls.filter(({ resource, status }) => resource === 'jobs' && status === 201),
      ({ name }) => name,
    );
    const oftener = [...runs].filter(([, made]) => made.length > begun);
    const lost = calls.filter(({ verb, resource, name }) => verb === 'delete' && this.isAlways(resource, name));
    const wrong = lines.filter(
      (line) => line['verdict'] === 'Good' && this.contents.get(String(line['revision']))?.isBad === true,
    );
    return [
      ...doubled.map((sequence) => `release ${sequence} ended twice`),
      ...oftener.map(([name, made]) => `Job ${name} was made ${made.length} times in ${begun} releases`),
      ...lost.map(({ resource, name }) => `${resource} ${name} was deleted, and every commit wants it`),
      ...wrong.map((line) => `${line['revision']} is bad, and was called good`),
    ];
  }
}

type Fault = (incoming: IncomingMessage, outgoing: ServerResponse) => true | undefined;

/** What goes wrong on the way with a request. */
const faults = {
  dropped: (outgoing) => {
    outgoing.destroy();
    return true;
  },
  refused: (outgoing, random) => refuse(outgoing, random.one([409, 429, 500, 503])),
  cut: (outgoing) => cutAfter(outgoing),
  watches: () => undefined,
} as const satisfies Record<string, (outgoing: ServerResponse, random: Random) => true | undefined>;

/** Something that goes wrong in so many of a hundred requests; the lease is spared, or nothing else would be tried. */
function faultBy(random: Random): { name: string; fault: Fault } {
  const name = random.one(['dropped', 'cut', 'refused', 'watches'] as const);
  const fault: Fault = ({ url = '' }, outgoing) => {
    if (url.includes('/leases/')) return undefined;
    const isWatch = url.includes('watch=true');
    if (name === 'watches' && isWatch) setTimeout(() => outgoing.destroy(), 300);
    return isWatch || !random.percent(30) ? undefined : faults[name](outgoing, random);
  };
  return { name, fault };
}

/** What is asked for is done, and the answer never arrives. */
function cutAfter(outgoing: ServerResponse): undefined {
  outgoing.writeHead = () => {
    outgoing.destroy();
    return outgoing;
  };
}

let output = '';

/** One thing that goes wrong for all of a batch. */
async function disturb(random: Random, tell: (what: string) => void): Promise<void> {
  const kind = random.one(['way', 'way', 'kill', 'step', 'stop', 'nothing'] as const);
  if (kind === 'way') {
    const { name, fault } = faultBy(random);
    tell(`the way is bad: ${name}`);
    way.fault = fault;
    await sleep(random.between(1_000, 4_000));
    way.fault = () => undefined;
  } else if (kind === 'kill') {
    tell('the agent is killed');
    await again({});
  } else if (kind === 'step') {
    const step = `${random.one([...steps])}:${random.between(1, 6)}`;
    tell(`the agent dies at ${step}`);
    await again({ LOCKSTEP_FAIL_AT: step });
    await Promise.race([lockstep.agent.gone, sleep(random.between(2_000, 5_000))]);
    await again({});
  } else if (kind === 'stop') {
    tell('the agent is stopped for longer than its lease');
    const sleeper = lockstep.agent;
    const next = lockstep.another();
    process.kill(sleeper.pid, 'SIGSTOP');
    lockstep.agent = await next;
    process.kill(sleeper.pid, 'SIGCONT');
    await sleeper.gone;
    output += sleeper.output();
  } else await sleep(random.between(500, 3_000));
}

async function again(environment: Readonly<Record<string, string>>): Promise<void> {
  output += lockstep.agent.output();
  await lockstep.restart('SIGKILL', undefined, environment);
}

describeOnOwnCluster('on the real API server, whatever happens', () => {
  it.each(Array.from({ length: batches }, (_, index) => index))(
    `no promise is broken (batch %i of ${perBatch} walks)`,
    { timeout: 300_000 },
    async (batch) => {
      const seed = first + batch * perBatch;
      const random = createRandom(seed * 7919);
      const health = { steady: '500ms', deadline: '60s', signals: { imagePull: '1s', degraded: '2s' } };
      const walks = await Promise.all(
        names.slice(batch * perBatch, (batch + 1) * perBatch).map(async (namespace, index) => {
          const own = createRandom(seed + index);
          const content = contentBy(own, 0, false);
          const app = await lockstep.app(namespace, {}, { health, rollback: { probation: '1s' } });
          const walk = new Walk(app, own);
          walk.push(content);
          return walk;
        }),
      );
      await Promise.all(walks.map(({ app }) => app.ready(60_000)));
      for (let round = 0; round < rounds; round += 1) {
        const told = (what: string): void => {
          for (const walk of walks) walk.tell(what);
        };
        await Promise.all([disturb(random, told), ...walks.map((walk) => walk.act())]);
        await sleep(random.between(0, 3_000));
      }
      way.fault = () => undefined;
      const broken = (await Promise.all(walks.map((walk) => walk.finish()))).flat();
      const stories = walks.map((walk) => `${walk.app.namespace}\n${walk.told.join('\n')}`).join('\n');
      expect(broken, `from seed ${seed}:\n${stories}`).toEqual([]);
      expect(`${output}${lockstep.agent.output()}`).not.toContain(canary);
    },
  );
});
