import { toJson } from '../../../diff/json.ts';
import { steps } from '../../../sync/world.ts';
import { contentBy } from '../content.ts';
import { noFaults } from './network.ts';
import { type Act, pathOf, type Walker } from './walker.ts';

/** Turns something on for a while. */
function during(walker: Walker, what: string, on: () => void, off: () => void): void {
  const { time } = walker.stage;
  const milliseconds = walker.random.between(1_000, 30_000);
  walker.tell(`${what} for ${milliseconds} ms`);
  on();
  time.after(milliseconds, off);
}

/** Somebody changes or deletes one of the objects. */
function byHand(walker: Walker): void {
  const { server } = walker.stage;
  const keys = [...server.objects.keys()].filter((key) => /^(\/ConfigMap|apps\/Deployment)\/shop\//.test(key));
  const key = keys[walker.random.upTo(keys.length)];
  if (key === undefined) return;
  const path = pathOf(key);
  const isDeleted = walker.random.percent(40);
  walker.tell(`somebody ${isDeleted ? 'deletes' : 'changes'} ${key}`);
  walker.checker.disturb(key);
  if (isDeleted) server.handle({ method: 'DELETE', path });
  else
    server.handle({
      method: 'PATCH',
      path,
      contentType: 'application/merge-patch+json',
      query: { fieldManager: walker.random.one(['kubectl-edit', 'somebody']) },
      body: toJson(key.startsWith('/ConfigMap') ? { data: { value: 'drift' } } : { spec: { replicas: 5 } }),
    });
}

function ask(walker: Walker): void {
  const verb = walker.random.one(['retry', 'accept', 'rollback', 'sync', 'suspend', 'resume', 'resume']);
  const request = `${verb}@${walker.stage.time.now()} by=ada`;
  walker.tell(`somebody asks for ${verb}`);
  walker.checker.ask(verb);
  walker.edit({ metadata: { annotations: { 'lockstep.dev/request': request } } });
}

const commit: Act = (walker) => walker.push(contentBy(walker.random, walker.commits, walker.random.percent(40)));

/** The content of an earlier commit comes again. */
const revert: Act = (walker) => {
  const all = [...walker.contents.values()];
  const content = all[walker.random.upTo(all.length)];
  if (content !== undefined) walker.push(content);
};

const kill: Act = (walker) => {
  const [agent] = walker.alive();
  if (agent === undefined) return walker.start();
  walker.tell(`${agent.name} is killed`);
  agent.kill();
  walker.stage.time.after(walker.random.between(100, 5_000), () => walker.start());
};

const killAtStep: Act = (walker) => {
  const [agent] = walker.alive();
  const step = walker.random.one([...steps]);
  const count = walker.random.between(1, 4);
  if (agent === undefined) return;
  walker.tell(`${agent.name} dies at ${step}:${count}`);
  agent.dieAt(step, count);
  commit(walker);
  const look = (): void => {
    if (agent.sender.isDead) walker.start();
    else walker.stage.time.after(1_000, look);
  };
  walker.stage.time.after(1_000, look);
};

const stop: Act = (walker) => {
  const [agent] = walker.alive();
  if (agent === undefined) return;
  if (walker.alive().length < 2) walker.start();
  during(walker, `${agent.name} is stopped`, agent.stop, agent.goOn);
};

const network: Act = (walker) => {
  const { network: net } = walker.stage;
  const faults = walker.random.one([
    { lost: 30, cut: 0, refused: 0, slow: 0 },
    { lost: 0, cut: 30, refused: 0, slow: 0 },
    { lost: 0, cut: 0, refused: 30, slow: 0 },
    { lost: 0, cut: 0, refused: 0, slow: 50 },
    { lost: 100, cut: 0, refused: 0, slow: 0 },
    { lost: 10, cut: 10, refused: 10, slow: 10 },
  ]);
  during(
    walker,
    `the network is bad: ${JSON.stringify(faults)}`,
    () => {
      net.faults = faults;
    },
    () => {
      net.faults = noFaults;
    },
  );
};

const watches: Act = (walker) => {
  const { watches: faults, time } = walker.stage;
  const kind = walker.random.one<'silent' | 'cut' | 'doubled'>(['silent', 'cut', 'doubled']);
  during(
    walker,
    `watches are ${kind}`,
    () => {
      if (kind === 'silent') faults.silentUntil = time.now() + walker.random.between(1_000, 20_000);
      else faults[kind] = 30;
      if (kind === 'silent')
        time.after(faults.silentUntil - time.now(), () => {
          for (const one of walker.alive()) one.cutWatches();
        });
    },
    () => Object.assign(faults, { cut: 0, doubled: 0 }),
  );
};

const git: Act = (walker) => {
  const kind = walker.random.one(['down', 'slow', 'half a pack'] as ['down', 'slow', 'half a pack']);
  during(
    walker,
    `Git is ${kind}`,
    () => {
      walker.stage.git.fault = kind;
    },
    () => {
      walker.stage.git.fault = undefined;
    },
  );
};

const clock: Act = (walker) => {
  const hours = walker.random.one([-1, 1]);
  walker.tell(`the clock is set by ${hours} h`);
  walker.stage.wallOffset += hours * 3_600_000;
};

/** All that may happen; what is there more often happens more often. */
export const acts: readonly [Act, ...Act[]] = [
  commit,
  commit,
  commit,
  commit,
  revert,
  byHand,
  byHand,
  ask,
  ask,
  kill,
  killAtStep,
  killAtStep,
  stop,
  network,
  network,
  watches,
  git,
  clock,
];
