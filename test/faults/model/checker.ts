import { at, objectsAt, textsAt } from '../../../diff/json.ts';
import { type Ended, isPending } from '../../../sync/release/record.ts';
import type { Standing } from '../../../sync/release/standing.ts';
import { deliveryLabel, releaseAnnotation } from '../../../sync/stamp.ts';
import { annotation, type KubeObject, keyOf, label, refOf, titleOf } from '../../../sync/types.ts';
import { type Content, canary, valueIn, type Wanted } from '../content.ts';
import type { ModelAgent, Stage } from './agent.ts';
import type { Call } from './network.ts';

/** Finds promises that agents break: I1 to I9 of reference/security.md, section 8, over all calls that were made. */
export interface Checker {
  /** What was broken so far, in words. */
  readonly broken: string[];
  /** The titles of objects that were told to be left behind. */
  readonly leftBehind: ReadonlySet<string>;
  /** Takes note of something that an agent does or says. */
  onCall(call: Omit<Call, 'status' | 'at'>, agent: ModelAgent | undefined): void;
  onLog(data: object, message: string): void;
  /** What holds at the end of everything. */
  finish(calls: readonly Call[]): void;
  /** Somebody changes or deletes an object by hand. */
  disturb(key: string): void;
  /** Somebody asks for something, such as a rollback. */
  ask(verb: string): void;
  /** Whether live is what a content wants, and what differs. */
  differences(content: Content): string[];
}

/** What the checker is told of the world. */
export interface Knowledge {
  readonly stage: Stage;
  contentOf(revision: string): Content | undefined;
  readonly delivery: string;
}

export function createChecker({ stage, contentOf, delivery }: Knowledge): Checker {
  const { server, time, lease } = stage;
  const broken: string[] = [];
  const fail = (promise: string, what: string): void => {
    broken.push(`${promise} at ${time.now()} ms: ${what}`);
  };
  /** Waves that were healthy in full once, by release and wave. */
  const healthy = new Set<string>();
  /** How often a hook was made, by release. */
  const hookRuns = new Map<string, number>();
  const verdicts = new Map<number, string>();
  /** When people changed an object last. */
  const disturbed = new Map<string, number>();
  /** What people asked for. */
  const asked = new Set<string>();
  /** Revisions that a person let pass. */
  const accepted = new Set<string>();

  function isOurs(object: KubeObject): boolean {
    return label(object, deliveryLabel) !== undefined;
  }

  /** Whether an object is as a content wants it, and well. */
  function isWell({ key, value, isHook }: Wanted): boolean {
    const live = server.objects.get(key);
    if (live === undefined || valueIn(live) !== value) return false;
    if (live.kind === 'Job') return isHook && at(live, 'status') !== undefined;
    if (live.kind !== 'Deployment') return true;
    const isSeen = at(live, 'status', 'observedGeneration') === live.metadata['generation'];
    return isSeen && at(live, 'status', 'updatedReplicas') === at(live, 'status', 'replicas');
  }

  /** A wave counts as healthy once it was so while its release ran: what people break later is another matter. */
  function noteHealth(): void {
    const revision = lease.holder?.registry.all()[0]?.session?.record.standing.target?.revision;
    const content = revision === undefined ? undefined : contentOf(revision);
    if (content === undefined) return;
    for (const wave of new Set(content.wanted.map((one) => one.wave)))
      if (content.wanted.filter((one) => one.wave === wave).every(isWell)) healthy.add(`${revision} ${wave}`);
  }
  server.listeners.add(noteHealth);

  function onWrite(call: Omit<Call, 'status' | 'at'>, key: string, agent: ModelAgent | undefined): void {
    const { request } = call;
    const end = lease.ends.get(call.epoch) ?? Number.POSITIVE_INFINITY;
    if (call.sentAt > end) fail('I4', `${call.agent} wrote ${key} after its time`);
    const live = server.objects.get(key);
    if (live !== undefined && !isOurs(live) && request.method === 'DELETE') fail('I2', `${key} is a stranger's`);
    const standing = agent?.registry.all()[0]?.session?.record.standing;
    const target = standing?.target === undefined ? undefined : contentOf(standing.target.revision);
    if (request.method === 'DELETE' && standing !== undefined) checkDelete(key, standing, target);
    if (request.method === 'PATCH') checkWave(key, bodyOf(call), target, agent);
  }

  function checkDelete(key: string, standing: Standing, target: Content | undefined): void {
    if (target?.wanted.some((one) => one.key === key && !one.isHook) === true)
      fail('I3', `${key} was deleted, and ${standing.target?.revision.slice(0, 6)} wants it`);
    if (isNeeded(key, standing))
      fail('invariant 2', `${key} of the last good release was deleted in ${standing.state}`);
  }

  /** What good holds stays until what comes after it, or before it, is verified. */
  function isNeeded(key: string, { target, good, isCleaning }: Standing): boolean {
    if (good === undefined || target?.sequence === good.sequence || isCleaning) return false;
    return contentOf(good.revision)?.wanted.some((one) => one.key === key && !one.isHook) === true;
  }

  /** Nothing of a wave before the one before it was healthy: on the way forward, for what a release changes. */
  function checkWave(
    key: string,
    object: KubeObject,
    target: Content | undefined,
    agent: ModelAgent | undefined,
  ): void {
    const wanted = target?.wanted.find((one) => one.key === key);
    const standing = agent?.registry.all()[0]?.session?.record.standing;
    if (wanted === undefined || target === undefined || valueIn(object) !== wanted.value) return;
    const live = server.objects.get(key);
    const release = annotation(object, releaseAnnotation);
    const isNew =
      release === String(standing?.target?.sequence) && release !== (live && annotation(live, releaseAnnotation));
    if (!isNew || standing?.bad !== undefined) return;
    const revision = stage.git.commits.find((one) => one.files === target.files)?.revision ?? '';
    // What a person let pass need not be well.
    if (accepted.has(revision)) return;
    const lower = target.wanted.filter((one) => one.wave < wanted.wave && !one.isHook && isOf(one, object, agent));
    const late = lower.find((one) => !healthy.has(`${revision} ${one.wave}`) && !isWell(one) && !isDisturbed(one));
    if (late !== undefined) fail('I5', `${key} was applied before ${late.key} was well`);
  }

  /** What people have changed a moment ago is not as it was when it was looked at. */
  function isDisturbed({ key }: Wanted): boolean {
    return time.now() - (disturbed.get(key) ?? Number.NEGATIVE_INFINITY) < 5_000;
  }

  /** What a release did not change says nothing of it. */
  function isOf({ key }: Wanted, object: KubeObject, agent: ModelAgent | undefined): boolean {
    const live = server.objects.get(key);
    const entry = agent?.registry.all()[0]?.session?.record.entries.get(key);
    if (live === undefined) return entry?.applied === undefined;
    const isWritten = annotation(live, releaseAnnotation) === annotation(object, releaseAnnotation);
    return isWritten || (entry !== undefined && isPending(entry));
  }

  function noteHook(key: string, object: KubeObject): void {
    const name = `${key} of release ${annotation(object, releaseAnnotation)}`;
    const runs = (hookRuns.get(name) ?? 0) + 1;
    hookRuns.set(name, runs);
    if (runs > 1) fail('I8', `${name} ran ${runs} times`);
  }

  function noteHistory(): void {
    for (const line of objectsAt(server.objects.get(delivery), 'status', 'history') as unknown as Ended[]) {
      const known = verdicts.get(line.sequence);
      if (known !== undefined && known !== line.verdict && !mayBecome(known, line.verdict))
        fail('I6', `release ${line.sequence} was ${known} and is ${line.verdict}`);
      verdicts.set(line.sequence, line.verdict);
      if (line.verdict === 'Good' && contentOf(line.revision)?.isBad && !accepted.has(line.revision))
        fail('invariant 8', `${line.revision.slice(0, 6)} is bad, and was called good`);
    }
  }

  /** What was good may be taken back by a person; a rollback that failed may succeed in the end. */
  function mayBecome(before: string, after: string): boolean {
    return later[before]?.includes(after) === true && (before !== 'Good' || asked.has('rollback'));
  }
  const leftBehind = new Set<string>();
  server.listeners.add(({ object }) => {
    for (const text of textsAt(object, 'status', 'leftBehind')) leftBehind.add(/^\w+ [^:\s]+/.exec(text)?.[0] ?? '');
    if (keyOf(refOf(object)) === delivery) noteHistory();
    const isShown = object.kind === 'Event' || object.kind === 'Delivery';
    if (isShown && isTold(JSON.stringify(object)))
      fail('I7', `the canary is in ${object.kind} ${object.metadata.name}`);
  });
  server.listeners.add(({ object }) => {
    const isMade = object.kind === 'Job' && at(object, 'status') === undefined;
    if (isMade && object.metadata['deletionTimestamp'] === undefined && !seen.has(object.metadata.uid ?? '')) {
      seen.add(object.metadata.uid ?? '');
      noteHook(keyOf(refOf(object)), object);
    }
  });
  const seen = new Set<string>();

  return {
    broken,
    leftBehind,
    onCall: (call, agent) => {
      const target = agent?.registry.all()[0]?.session?.record.standing.target;
      if (target?.accepted !== undefined) accepted.add(target.revision);
      const { method, path, query = {} } = call.request;
      const isTrial = query['dryRun'] !== undefined;
      const key = keyIn(path);
      if (method !== 'GET' && !isTrial && key !== undefined) onWrite(call, key, agent);
    },
    onLog: (data, message) => {
      const text = `${message} ${JSON.stringify(data)}`;
      if (isTold(text)) fail('I7', `the canary is in the log: ${message}`);
    },
    ask: (verb) => void asked.add(verb),
    disturb: (key) => void disturbed.set(key, time.now()),
    finish: (calls) => {
      const known = new Map<string, number>();
      for (const { at: moment, epoch, request, status } of calls) {
        const isRecord = request.method === 'PUT' && request.path.includes('/secrets/lockstep-');
        if (!isRecord || status !== 200) continue;
        const last = known.get(request.path) ?? 0;
        if (epoch < last) broken.push(`I4 at ${moment} ms: epoch ${epoch} wrote a record after epoch ${last}`);
        known.set(request.path, Math.max(last, epoch));
      }
    },
    differences: ({ wanted }) => {
      const plain = wanted.filter(({ isHook }) => !isHook);
      const missing = plain.filter((one) => !isWell(one)).map(({ key }) => `${key} is not as it shall be`);
      const keys = new Set(plain.map(({ key }) => key));
      const extra = [...server.objects.values()]
        .filter((object) => isOurs(object) && object.kind !== 'Job' && !keys.has(keyOf(refOf(object))))
        .filter((object) => !leftBehind.has(titleOf(refOf(object))))
        .map((object) => `${keyOf(refOf(object))} is there still`);
      return [...missing, ...extra];
    },
  };
}

/** As it is stored, too: it has no more characters than base64 takes as a whole. */
const stored = Buffer.from(canary).toString('base64');

function isTold(text: string): boolean {
  return text.includes(canary) || text.includes(stored);
}

/** Verdicts that are not the last word. */
const later: Readonly<Record<string, readonly string[]>> = {
  Good: ['RolledBack', 'Degraded'],
  Degraded: ['RolledBack'],
};

function bodyOf({ request }: Omit<Call, 'status' | 'at'>): KubeObject {
  const body: unknown = JSON.parse(request.body ?? '{}');
  return Array.isArray(body)
    ? ({ apiVersion: '', kind: '', metadata: { name: '' } } as KubeObject)
    : (body as KubeObject);
}

const kinds: Readonly<Record<string, string>> = {
  configmaps: '/ConfigMap',
  secrets: '/Secret',
  deployments: 'apps/Deployment',
  jobs: 'batch/Job',
};

/** The object of the app that a path names. */
function keyIn(path: string): string | undefined {
  const [, plural = '', name] = /\/namespaces\/shop\/(\w+)\/([^/]+)$/.exec(path) ?? [];
  const kind = kinds[plural];
  return kind === undefined || name === undefined ? undefined : `${kind}/shop/${name}`;
}
