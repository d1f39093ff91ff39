import { createHash } from 'node:crypto';
import { at, isObject, type Json, textAt, textsAt } from '../../../diff/json.ts';
import { LockstepError } from '../../errors.ts';
import { isDigest } from '../follow.ts';
import { parseSourceUrl } from '../url.ts';
import type { RegistryPlace, RegistryTokens } from './registry-tokens.ts';
import type { Web, WebAnswer } from './web.ts';

/** A part of an artifact. */
export interface Layer {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/** What a manifest says of an artifact. */
export interface Artifact {
  readonly digest: string;
  readonly layers: readonly Layer[];
  readonly annotations: Readonly<Record<string, string>>;
}

/** What a layer with a chart of Helm is called. */
export const helmChartType = 'application/vnd.cncf.helm.chart.content.v1.tar+gzip';

/** A registry as the distribution specification of OCI has it. All methods throw LockstepError. */
export interface Registry {
  /** The digest that a tag has now. @throws LockstepError RefNotFound */
  digestOf(place: RegistryPlace, tag: string): Promise<string>;
  tags(place: RegistryPlace): Promise<string[]>;
  /** @throws LockstepError RefNotFound, SourceUnsupported for what is no single artifact */
  artifact(place: RegistryPlace, digest: string): Promise<Artifact>;
  /** A layer, as long as it is what its digest says. */
  layer(place: RegistryPlace, layer: Layer, maxBytes: number): Promise<Buffer>;
}

const manifestTypes = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.oci.image.index.v1+json',
].join(', ');
const maxManifest = 4 * 1024 * 1024;
/** Pages of tags that are read, tags on each, and bytes of all: some of the tags would never be taken for all. */
const mostPages = 1_000;
const mostTagBytes = 32 * 1024 * 1024;
const pageSize = 1_000;

export function digestOfBytes(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

export function openRegistry(web: Web, tokens: RegistryTokens): Registry {
  async function ask(place: RegistryPlace, path: string, more: Partial<AskMore> = {}): Promise<WebAnswer> {
    const { method = 'GET', accept, maxBytes = maxManifest } = more;
    const { origin, name } = addressOf(place);
    const url = path.startsWith('/') ? `${origin}${path}` : `${origin}/v2/${name}/${path}`;
    const headers = accept === undefined ? {} : { accept };
    const { credentials } = place;
    const send = (authorization: string | undefined) =>
      web({ method, url, headers, authorization, credentials, maxBytes });
    const answer = await send(tokens.known(place));
    // Who is only sent on to gets no login, whatever it asks for.
    if (answer.status !== 401 || answer.origin !== new URL(origin).origin) return answer;
    return send(await tokens.renew(place, answer.header('www-authenticate') ?? ''));
  }

  return {
    digestOf: async (place, tag) => {
      const path = `manifests/${tag}`;
      const answer = await ask(place, path, { method: 'HEAD', accept: manifestTypes });
      const digest = answer.header('docker-content-digest') ?? '';
      if (answer.status === 200 && isDigest(digest)) return digest;
      const whole = required(await ask(place, path, { accept: manifestTypes }), place, `the tag ${tag}`);
      return digestOfBytes(whole.body);
    },
    tags: async (place) => {
      const all: string[] = [];
      let path: string | undefined = `tags/list?n=${pageSize}`;
      let letters = 0;
      for (let page = 0; path !== undefined; page += 1) {
        const answer = required(await ask(place, path), place, 'the repository');
        letters += answer.body.length;
        if (page >= mostPages || letters > mostTagBytes)
          throw new LockstepError('SourceTooLarge', `${place.url} has more tags than are read`);
        for (const tag of textsAt(parsed(answer.body), 'tags')) all.push(tag);
        path = nextPage(answer.header('link'), place);
      }
      return all;
    },
    artifact: async (place, digest) => {
      const answer = required(await ask(place, `manifests/${digest}`, { accept: manifestTypes }), place, digest);
      requireDigest(answer.body, digest, place);
      return readArtifact(parsed(answer.body), digest, place);
    },
    layer: async (place, { digest, size }, maxBytes) => {
      if (size > maxBytes) throw tooLarge(place, maxBytes);
      const answer = required(await ask(place, `blobs/${digest}`, { maxBytes }), place, digest);
      requireDigest(answer.body, digest, place);
      return answer.body;
    },
  };
}

interface AskMore {
  readonly method: 'GET' | 'HEAD';
  readonly accept: string;
  readonly maxBytes: number;
}

/** Docker's own registry is elsewhere than its name says. */
function addressOf({ url, isPlain }: Pick<RegistryPlace, 'url' | 'isPlain'>): { origin: string; name: string } {
  const { hostname, port, path } = parseSourceUrl(url);
  const host = hostname === 'docker.io' ? 'registry-1.docker.io' : hostname;
  const bracketed = host.includes(':') ? `[${host}]` : host;
  return { origin: `${isPlain ? 'http' : 'https'}://${bracketed}:${port}`, name: path.replace(/^\//, '') };
}

function tooLarge({ url }: RegistryPlace, maxBytes: number): LockstepError {
  return new LockstepError('SourceTooLarge', `${url} holds a layer of more than ${maxBytes} bytes`);
}

/** @throws LockstepError */
function required(answer: WebAnswer, { url }: RegistryPlace, what: string): WebAnswer {
  const { status } = answer;
  if (status === 200) return answer;
  if (status === 401 || status === 403)
    throw new LockstepError('SourceUnauthorized', `${url} answered HTTP ${status} for ${what}`);
  if (status === 404) throw new LockstepError('RefNotFound', `${url} does not have ${what}`);
  throw new LockstepError('SourceUnreachable', `${url} answered HTTP ${status} for ${what}`);
}

/** @throws LockstepError SourceUnreachable: another answer may be the right one */
function requireDigest(bytes: Uint8Array, digest: string, { url }: RegistryPlace): void {
  if (!isDigest(digest))
    throw new LockstepError(
      'SourceUnsupported',
      `${url} names the digest ${JSON.stringify(digest.slice(0, 100))}, which is no sha256`,
    );
  if (digestOfBytes(bytes) !== digest)
    throw new LockstepError('SourceUnreachable', `${url} answered something else than ${digest}`);
}

function parsed(body: Buffer): Json {
  try {
    return JSON.parse(body.toString('utf8')) as Json;
  } catch {
    return null;
  }
}

function readArtifact(manifest: Json, digest: string, { url }: RegistryPlace): Artifact {
  const layers = at(manifest, 'layers');
  if (!Array.isArray(layers))
    throw new LockstepError(
      'SourceUnsupported',
      `${url} at ${digest} is no artifact with layers, such as an index of images`,
    );
  const noted = at(manifest, 'annotations');
  const annotations = Object.entries(isObject(noted) ? noted : {}).flatMap(([key, value]): [string, string][] =>
    typeof value === 'string' ? [[key, value]] : [],
  );
  return { digest, layers: layers.map(layerOf), annotations: Object.fromEntries(annotations) };
}

function layerOf(layer: Json): Layer {
  const size = at(layer, 'size');
  return {
    mediaType: textAt(layer, 'mediaType') ?? '',
    digest: textAt(layer, 'digest') ?? '',
    size: typeof size === 'number' ? size : 0,
  };
}

/**
 * Where the rest of a list is. Only on the same server, whatever it thinks that it is called itself: behind a proxy it may not know.
 * @throws LockstepError SourceUnreachable for a rest that can not be asked for
 */
function nextPage(link: string | undefined, place: RegistryPlace): string | undefined {
  const [, target] = /<([^>]+)>\s*;\s*rel="?next"?/.exec(link ?? '') ?? [];
  if (target === undefined) return undefined;
  const { origin } = addressOf(place);
  const url = URL.canParse(target, origin) ? new URL(target, origin) : undefined;
  if (url?.hostname === new URL(origin).hostname) return `${url.pathname}${url.search}`;
  throw new LockstepError('SourceUnreachable', `${place.url} has more tags where they can not be asked for`);
}
