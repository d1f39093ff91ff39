import { randomUUID } from 'node:crypto';
import { toJson } from '../../diff/json.ts';
import type { KubeObject } from '../../sync/types.ts';
import { statusIn } from '../delivery-writer.ts';
import type { Registry, RegistryChange } from '../registry.ts';
import type { Caller } from './callers.ts';
import { Problem } from './problems.ts';
import type { Sink } from './route.ts';
import { viewDelivery } from './views/delivery.ts';
import { onDelivery } from './world.ts';

/** What a reader wants to hear of. */
export interface Interest {
  readonly caller: Caller;
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  /** The last event that the reader has seen. */
  readonly after?: string | undefined;
}

/** Tells readers how Deliveries change. */
export interface Feed {
  /**
   * Begins with how everything is, or with what was missed since the event that the reader names.
   * @returns a function that ends it
   * @throws Problem Busy
   */
  open(sink: Sink, interest: Interest): () => void;
  close(): void;
}

interface Told {
  readonly id: string;
  readonly type: RegistryChange['type'];
  readonly object: KubeObject;
  readonly data: string;
}

/** Events that are kept for readers who come back. */
const kept = 1_000;
const mostReaders = 100;
/** Milliseconds: between signs of life, and how long one stream lasts; who comes back is asked for a token again. */
const [beat, longest] = [15_000, 600_000];

export function createFeed(registry: Registry): Feed {
  // Events of another run of the agent have other names.
  const run = randomUUID().slice(0, 8);
  const events: Told[] = [];
  const last = new Map<string, string>();
  const readers = new Map<Sink, (event: Told) => void>();
  let count = 0;

  const unsubscribe = registry.subscribe(({ type, object }) => {
    const { uid = '' } = object.metadata;
    const data = dataOf(object);
    if (type === 'changed' && last.get(uid) === data) return;
    if (type === 'changed') last.set(uid, data);
    else last.delete(uid);
    count += 1;
    const event = { id: `${run}-${count}`, type, object, data };
    events.push(event);
    if (events.length > kept) events.shift();
    for (const tell of readers.values()) tell(event);
  });

  /** What a reader has missed; undefined where that is not known any more. */
  function missedSince(after: string | undefined): readonly Told[] | undefined {
    const [name, number] = after?.split('-') ?? [];
    const first = count - events.length;
    const at = Number(number) - first;
    return name === run && Number.isInteger(at) && at >= 0 && at <= events.length ? events.slice(at) : undefined;
  }

  function everything(): Told[] {
    return registry
      .all()
      .map(({ object }) => ({ id: `${run}-${count}`, type: 'changed', object, data: dataOf(object) }));
  }

  return {
    open: (sink, interest) => {
      if (readers.size >= mostReaders) throw new Problem('Busy', `${mostReaders} streams are open already`);
      // Rights are asked for one event after the other, so that none overtakes another.
      let turn = Promise.resolve();
      const tell = (event: Told): void => {
        if (!concerns(event, interest)) return;
        turn = turn.then(async () => {
          const { namespace, name } = event.object.metadata;
          if (!(await interest.caller.may(onDelivery('get', namespace, name)).catch(() => false))) return;
          sink.write(`id: ${event.id}\nevent: ${event.type}\ndata: ${event.data}\n\n`);
        });
      };
      readers.set(sink, tell);
      for (const event of missedSince(interest.after) ?? everything()) tell(event);
      const beats = setInterval(() => sink.write(':\n\n'), beat);
      const end = setTimeout(() => sink.end(), longest);
      return () => {
        readers.delete(sink);
        clearInterval(beats);
        clearTimeout(end);
      };
    },
    close: () => {
      unsubscribe();
      for (const sink of readers.keys()) sink.end();
    },
  };
}

function dataOf(object: KubeObject): string {
  return toJson(viewDelivery(object, statusIn(object)));
}

function concerns({ object: { metadata } }: Told, { namespace, name }: Interest): boolean {
  return (
    (namespace === undefined || metadata.namespace === namespace) && (name === undefined || metadata.name === name)
  );
}
