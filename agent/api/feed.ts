import { randomUUID } from 'node:crypto';
import { toJson } from '../../diff/json.ts';
import type { KubeObject } from '../../sync/types.ts';
import { statusIn } from '../delivery-writer.ts';
import type { Registry, RegistryChange } from '../registry.ts';
import type { Caller } from './callers.ts';
import { Problem } from './problems.ts';
import type { Sink, Stream } from './route.ts';
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
   * Takes a place among the readers, to be used at once.
   * @returns a stream that begins with how everything is, or with what was missed since the event that the reader names
   * @throws Problem Busy
   */
  admit(interest: Interest): Stream;
  close(): void;
}

interface Told {
  /** Missing in the middle of a first picture: who loses that begins anew. */
  readonly id?: string;
  readonly type: RegistryChange['type'];
  readonly object: KubeObject;
  readonly data: string;
}

interface Reader {
  readonly interest: Interest;
  /** What is still to be told, by uid: of a Delivery only the newest. */
  readonly pending: Map<string, Told>;
  sink: Sink | undefined;
  isWriting: boolean;
}

/** Events that are kept for readers who come back. */
const kept = 1_000;
const [mostReaders, mostOfOne] = [100, 20];
/** Milliseconds: between signs of life, and how long one stream lasts; who comes back is asked for a token again. */
const [beat, longest] = [15_000, 600_000];

export function createFeed(registry: Registry): Feed {
  // Events of another run of the agent have other names.
  const run = randomUUID().slice(0, 8);
  const events: Told[] = [];
  const last = new Map<string, string>();
  const readers = new Set<Reader>();
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
    for (const reader of readers) tell(reader, event);
  });

  /** What a reader has missed; undefined where that is not known any more. */
  function missedSince(after: string | undefined): readonly Told[] | undefined {
    const [name, number] = after?.split('-') ?? [];
    const first = count - events.length;
    const at = Number(number) - first;
    return name === run && Number.isInteger(at) && at >= 0 && at <= events.length ? events.slice(at) : undefined;
  }

  /** Only its end has a name: who breaks off before has not seen all. */
  function everything(): Told[] {
    const all = registry.all();
    return all.map(({ object }, index) => ({
      ...(index === all.length - 1 ? { id: `${run}-${count}` } : {}),
      type: 'changed',
      object,
      data: dataOf(object),
    }));
  }

  function tell(reader: Reader, event: Told): void {
    if (!concerns(event, reader.interest)) return;
    const { uid = '' } = event.object.metadata;
    // At the end, so that names never go back.
    reader.pending.delete(uid);
    reader.pending.set(uid, event);
    void pump(reader);
  }

  /** Writes what is pending, one after the other, as quickly as the reader takes it. */
  async function pump(reader: Reader): Promise<void> {
    const { sink, pending } = reader;
    if (sink === undefined || reader.isWriting) return;
    reader.isWriting = true;
    try {
      for (const [uid, event] of pending) {
        pending.delete(uid);
        if ((await maySee(reader, event)) && !(await sink.write(textOf(event)))) return leave(reader);
      }
    } catch {
      // Whether the reader may see it could not be asked: they come back, and go on from here.
      leave(reader);
    } finally {
      reader.isWriting = false;
    }
  }

  function leave(reader: Reader): void {
    if (!readers.delete(reader)) return;
    reader.pending.clear();
    reader.sink?.end();
  }

  return {
    admit: (interest) => {
      const { caller, after } = interest;
      const own = [...readers].filter((reader) => reader.interest.caller.name === caller.name).length;
      if (readers.size >= mostReaders) throw new Problem('Busy', `${mostReaders} streams are open already`);
      if (caller.isKnown && own >= mostOfOne)
        throw new Problem('Busy', `${caller.name} has ${mostOfOne} streams open already`);
      const reader: Reader = { interest, pending: new Map(), sink: undefined, isWriting: false };
      readers.add(reader);
      let [beats, end]: NodeJS.Timeout[] = [];
      return {
        begin: (sink) => {
          reader.sink = sink;
          for (const event of missedSince(after) ?? everything()) tell(reader, event);
          beats = setInterval(() => {
            if (!reader.isWriting) void sink.write(':\n\n');
          }, beat);
          end = setTimeout(() => leave(reader), longest);
        },
        end: () => {
          clearInterval(beats);
          clearTimeout(end);
          leave(reader);
        },
      };
    },
    close: () => {
      unsubscribe();
      for (const reader of [...readers]) leave(reader);
    },
  };
}

function maySee({ interest: { caller } }: Reader, { object: { metadata } }: Told): Promise<boolean> {
  return caller.may(onDelivery('get', metadata.namespace, metadata.name));
}

function textOf({ id, type, data }: Told): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${type}\ndata: ${data}\n\n`;
}

function dataOf(object: KubeObject): string {
  return toJson(viewDelivery(object, statusIn(object)));
}

function concerns({ object: { metadata } }: Told, { namespace, name }: Interest): boolean {
  return (
    (namespace === undefined || metadata.namespace === namespace) && (name === undefined || metadata.name === name)
  );
}
