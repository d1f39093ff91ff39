import { createSign } from 'node:crypto';
import { hashText } from '../diff/hash.ts';
import { type Json, textAt, toJson } from '../diff/json.ts';
import { LockstepError, messageOf } from '../sync/errors.ts';
import type { Clock } from '../sync/ports.ts';
import { registerSecretsOf } from './mask.ts';

/** An app of GitHub, as it is installed for somebody. */
export interface GithubApp {
  readonly id: string;
  readonly privateKey: string;
  readonly installation: string | undefined;
  /** Whose installation it is, where its number is not known. */
  readonly owner: string | undefined;
  /** The URL of the API. */
  readonly server: string;
}

/** Asks a server. Never follows where it points to. @throws Error */
export type AskServer = (
  method: 'GET' | 'POST',
  url: string,
  headers: Readonly<Record<string, string>>,
) => Promise<{ readonly status: number; readonly body: Json | undefined }>;

/** Tokens of apps: made when they are needed, kept while they last. */
export interface AppTokens {
  /** @throws LockstepError SourceUnauthorized, SourceUnreachable */
  of(app: GithubApp): Promise<string>;
}

interface Token {
  readonly text: string;
  /** Wall time in milliseconds. */
  readonly until: number;
}

/** A token is not used for its last minutes, in milliseconds. */
const margin = 10 * 60_000;

export function createAppTokens(ask: AskServer, clock: Pick<Clock, 'now'>): AppTokens {
  const kept = new Map<string, Promise<Token>>();
  return {
    of: async (app) => {
      const key = hashText(toJson({ ...app, installation: app.installation ?? null, owner: app.owner ?? null }));
      const before = kept.get(key);
      const token = await before?.catch(() => undefined);
      if (token !== undefined && token.until - margin > clock.now()) return token.text;
      // Who asks meanwhile for the same one has begun to make it.
      if (kept.get(key) === before) kept.set(key, makeToken(app, ask, clock.now()));
      const made = kept.get(key) ?? makeToken(app, ask, clock.now());
      made.catch(() => kept.delete(key));
      const { text } = await made;
      registerSecretsOf(`github-app ${key}`, [text]);
      return text;
    },
  };
}

async function makeToken(app: GithubApp, ask: AskServer, now: number): Promise<Token> {
  const headers = { accept: 'application/vnd.github+json', authorization: `Bearer ${signedClaim(app, now)}` };
  const asked = async (method: 'GET' | 'POST', path: string) => {
    try {
      return await ask(method, `${app.server}${path}`, headers);
    } catch (error) {
      if (error instanceof LockstepError) throw error;
      throw new LockstepError('SourceUnreachable', `the API of GitHub can't be asked: ${messageOf(error)}`, {
        cause: error,
      });
    }
  };
  const installation = app.installation ?? (await installationOf(app.owner ?? '', asked));
  const { status, body } = await asked('POST', `/app/installations/${encodeURIComponent(installation)}/access_tokens`);
  const text = body === undefined ? undefined : textAt(body, 'token');
  if (status !== 201 || text === undefined) throw refused(app, status);
  const until = Date.parse(textAt(body, 'expires_at') ?? '');
  return { text, until: Number.isNaN(until) ? now + margin : until };
}

type Asked = (method: 'GET', path: string) => ReturnType<AskServer>;

/** An owner is an organisation, or else a user. */
async function installationOf(owner: string, asked: Asked): Promise<string> {
  for (const kind of ['orgs', 'users']) {
    const { status, body } = await asked('GET', `/${kind}/${encodeURIComponent(owner)}/installation`);
    const id = (body as { id?: unknown } | undefined)?.id;
    if (status === 200 && (typeof id === 'number' || typeof id === 'bigint')) return String(id);
  }
  throw new LockstepError('SourceUnauthorized', `the GitHub App is not installed for ${owner}`);
}

function refused({ id, server }: GithubApp, status: number): LockstepError {
  const code = status >= 500 || status === 429 ? 'SourceUnreachable' : 'SourceUnauthorized';
  return new LockstepError(code, `${server} gives no token for the GitHub App ${id}: HTTP ${status}`);
}

/**
 * What an app says of itself, signed (RFC 7519), as GitHub asks for it: for ten minutes at most, and a minute back, for clocks
 * differ.
 * @throws LockstepError SourceUnauthorized
 */
function signedClaim({ id, privateKey }: GithubApp, now: number): string {
  const seconds = Math.floor(now / 1000);
  const parts = [
    { alg: 'RS256', typ: 'JWT' },
    { iat: seconds - 60, exp: seconds + 540, iss: id },
  ];
  const text = parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  try {
    return `${text}.${createSign('RSA-SHA256').update(text).sign(privateKey, 'base64url')}`;
  } catch {
    throw new LockstepError(
      'SourceUnauthorized',
      `the githubAppPrivateKey of the GitHub App ${id} is no RSA key in PEM`,
    );
  }
}
