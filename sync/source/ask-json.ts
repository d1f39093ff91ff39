import type { Json } from '../../diff/json.ts';
import { type Connections, requireAllowed } from './connections.ts';
import { capped, collect, transportDefaults } from './transport.ts';
import { unreachable } from './transport-http.ts';

const limits = { ...transportDefaults, deadline: 15_000, maxBytes: 1024 * 1024 };

/**
 * Asks a server for something small in JSON. What it points to is not followed.
 * @returns the code, and the body where it is JSON
 * @throws LockstepError SourceUnreachable, SourceTooLarge, NotAllowed
 */
export async function askJson(
  connections: Connections,
  method: 'GET' | 'POST',
  url: string,
  headers: Readonly<Record<string, string>>,
): Promise<{ readonly status: number; readonly body: Json | undefined }> {
  const { host, hostname, origin, pathname, search } = new URL(url);
  const signal = AbortSignal.timeout(limits.deadline);
  const fail = (error: Error): never => {
    throw error;
  };
  try {
    requireAllowed(connections.allows, hostname);
    const path = `${pathname}${search}`;
    const answer = await connections.of(undefined).request({
      ...{ origin, path, method, signal },
      headers: { 'user-agent': 'lockstep', ...headers },
      headersTimeout: limits.deadline,
      bodyTimeout: limits.deadline,
    });
    const body = await collect(capped({ host, limits, signal, fail }, answer.body));
    return { status: answer.statusCode, body: parsed(body) };
  } catch (error) {
    throw unreachable(host, error, signal);
  }
}

function parsed(body: Buffer): Json | undefined {
  try {
    return JSON.parse(body.toString('utf8')) as Json;
  } catch {
    return undefined;
  }
}
