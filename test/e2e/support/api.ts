import { textAt } from '../../../diff/json.ts';
import { until } from './kube.ts';

/** What REST answered. */
export interface Answer {
  readonly status: number;
  readonly type: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look at whatever came
  readonly body: any;
}

/** Asks REST for something. */
export async function call(url: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(url, init);
  const text = await response.text();
  const type = response.headers.get('content-type') ?? '';
  return { status: response.status, type, body: type.includes('json') ? JSON.parse(text) : text };
}

/** Posts JSON. */
export function post(url: string, body: object = {}, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  return call(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
}

/** One event of a stream. */
export interface StreamEvent {
  readonly id: string;
  readonly event: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look at whatever came
  readonly data: any;
}

/** Reads server-sent events until it is closed. */
export function openEvents(url: string, headers: Readonly<Record<string, string>> = {}) {
  const stop = new AbortController();
  const events: StreamEvent[] = [];
  const reading = (async () => {
    const response = await fetch(url, { headers, signal: stop.signal });
    const decoder = new TextDecoder();
    let rest = '';
    for await (const chunk of response.body ?? []) {
      const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n\n');
      rest = parts.pop() ?? '';
      events.push(...parts.flatMap(eventIn));
    }
  })().catch(() => undefined);
  return {
    events,
    has: (what: string, check: (event: StreamEvent) => boolean) =>
      until(`an event ${what}, of ${JSON.stringify(events.map(({ data }) => textAt(data, 'state')))}`, async () =>
        events.find(check),
      ),
    close: async () => {
      stop.abort();
      await reading;
    },
  };
}

function eventIn(text: string): StreamEvent[] {
  const field = (name: string): string | undefined => new RegExp(`^${name}: (.*)$`, 'm').exec(text)?.[1];
  const data = field('data');
  return data === undefined ? [] : [{ id: field('id') ?? '', event: field('event') ?? '', data: JSON.parse(data) }];
}
