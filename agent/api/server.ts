import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import type { Static, TSchema } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { toJson } from '../../diff/json.ts';
import { ApiError, LockstepError, messageOf } from '../../sync/errors.ts';
import type { Log } from '../../sync/ports.ts';
import { maskFreeTexts } from '../mask.ts';
import type { Place } from '../settings.ts';
import { createBodyReader, hookLimits } from './body.ts';
import type { Caller, Identify } from './callers.ts';
import { guardHost, guardWrite } from './guard.ts';
import { Problem, type ProblemCode, problemCodes } from './problems.ts';
import type { ApiAnswer, Route, Stream } from './route.ts';
import type { problemView } from './views/schemas.ts';

/** What a listener serves, and to whom. */
export interface ServerOptions {
  readonly routes: readonly Route[];
  /** Host names by which it is reached, beside addresses and localhost. */
  readonly hostNames: readonly string[];
  readonly identify: Identify;
  readonly log: Log;
}

/** A listener that is open. */
export interface Listener {
  /** `http://127.0.0.1:8080`. */
  readonly url: string;
  close(): Promise<void>;
}

const jsonLimit = 64 * 1024;
/** Milliseconds: how long headers, and a whole request, may take to come. */
const [headersTimeout, requestTimeout] = [10_000, 30_000];
const mostConnections = 1_000;
/** Milliseconds: a reader of a stream that makes no room in this time is let go; how long the end of one may take. */
const [patience, farewell] = [30_000, 5_000];

/** Opens a listener. @throws Error when the place is taken, or is not on this machine */
export async function listen({ host, port }: Place, options: ServerOptions): Promise<Listener> {
  const server = fastify({
    bodyLimit: jsonLimit,
    requestTimeout,
    http: { headersTimeout, connectionsCheckingInterval: 1_000 },
    forceCloseConnections: true,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: 500 },
    frameworkErrors: (error, _request, reply) => void refuse(harden(reply), asProblem(error, options.log)),
  });
  server.server.maxConnections = mostConnections;
  configure(server, options);
  const url = await server.listen({ host: host ?? everyAddress(), port });
  return { url, close: () => server.close() };
}

/** A machine without IPv6 can't listen on its addresses; one with it takes IPv4 there too. */
function everyAddress(): string {
  const hasIpv6 = Object.values(networkInterfaces()).some((of) => of?.some(({ family }) => family === 'IPv6'));
  return hasIpv6 ? '::' : '0.0.0.0';
}

function configure(server: FastifyInstance, { routes, hostNames, identify, log }: ServerOptions): void {
  server.setSerializerCompiler(() => toJson);
  server.setValidatorCompiler(({ schema, httpPart }) => checkerOf(schema as TSchema, httpPart === 'querystring'));
  server.setErrorHandler((error: FastifyError, _request, reply) => refuse(reply, asProblem(error, log)));
  server.setNotFoundHandler((_request, reply) => refuse(reply, new Problem('NotFound', 'there is no such page')));
  server.addHook('onRequest', async (request, reply) => {
    harden(reply);
    // A receiver is reached by whatever name the Git host was given: who sends to it proves itself by a signature.
    if (!isHook(request)) guardHost(headOf(request), hostNames);
  });
  const others = routes.filter(({ access }) => access !== 'hook');
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('application/json', { parseAs: 'string' }, parseJsonBody);
  for (const route of others) register(server, route, identify);
  void server.register(async (scope) => {
    const read = createBodyReader(hookLimits);
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', async (request: FastifyRequest, stream: AsyncIterable<Uint8Array>) =>
      read(stream, request.headers['content-length'], request.ip),
    );
    for (const route of routes) if (route.access === 'hook') register(scope, route, identify);
  });
  refuseOtherMethods(server, routes);
}

/** Nothing of an answer is kept, and no browser takes it for a page. */
function harden(reply: FastifyReply): FastifyReply {
  return reply.headers({
    'cache-control': 'no-store',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'x-content-type-options': 'nosniff',
  });
}

const nobody: Caller = { name: '', isKnown: false, may: async () => false };

function register(server: FastifyInstance, route: Route, identify: Identify): void {
  const { method, path, access, params, query, body } = route;
  const schema = {
    ...(params === undefined ? {} : { params }),
    ...(query === undefined ? {} : { querystring: query }),
    ...(body === undefined ? {} : { body }),
  };
  server.route({
    method,
    url: urlOf(path),
    schema,
    config: { access },
    exposeHeadRoute: hasHead(route),
    onRequest: async (request) => {
      if (access !== 'api') return;
      guardWrite(headOf(request));
      callers.set(request, await identify(request.headers.authorization));
    },
    handler: async (request, reply) => {
      const answer = await route.handle({
        params: request.params,
        query: request.query,
        body: request.body,
        caller: callers.get(request) ?? nobody,
        address: request.ip,
        header: (name) => onlyValue(request, name),
      });
      return send(reply, answer);
    },
  });
}

const callers = new WeakMap<FastifyRequest, Caller>();

/** Fastify answers 404 where the path is known and the method is not. */
function refuseOtherMethods(server: FastifyInstance, routes: readonly Route[]): void {
  for (const path of new Set(routes.map((route) => route.path))) {
    const here = routes.filter((route) => route.path === path);
    const shown: string[] = here.flatMap((route) => (hasHead(route) ? [route.method, 'HEAD'] : [route.method]));
    const method = server.supportedMethods.filter((name) => !shown.includes(name));
    server.route({
      method,
      url: urlOf(path),
      exposeHeadRoute: false,
      // Before any body is read.
      onRequest: async (request, reply) => {
        reply.header('allow', shown.join(', '));
        return refuse(reply, new Problem('MethodNotAllowed', `${request.method} is not allowed here`));
      },
      handler: async () => undefined,
    });
  }
}

/** What a stream would say is not told without opening it. */
function hasHead({ method, answers }: Route): boolean {
  return method === 'GET' && !Object.values(answers).some(({ type }) => type === 'text/event-stream');
}

async function send(reply: FastifyReply, answer: ApiAnswer): Promise<FastifyReply> {
  if ('stream' in answer) return stream(reply, answer.stream);
  reply.code(answer.status).type(answer.type ?? 'application/json');
  return reply.send(typeof answer.body === 'string' ? answer.body : toJson(maskFreeTexts(answer.body)));
}

function stream(reply: FastifyReply, promised: Stream): FastifyReply {
  reply.hijack();
  const { raw } = reply;
  if (raw.destroyed || raw.socket?.destroyed !== false) {
    promised.end();
    return reply;
  }
  raw.once('close', () => promised.end());
  const headers = Object.fromEntries(Object.entries(reply.getHeaders()).map(([name, value]) => [name, String(value)]));
  raw.writeHead(200, { ...headers, 'content-type': 'text/event-stream' });
  // A connection that breaks while it is written to is no error of ours.
  raw.on('error', () => undefined);
  raw.flushHeaders();
  promised.begin({
    write: async (text) => {
      if (raw.destroyed || raw.writableEnded) return false;
      return raw.write(text) || hasRoom(raw);
    },
    end: () => {
      raw.end();
      setTimeout(() => raw.destroy(), farewell).unref();
    },
  });
  return reply;
}

/** Waits until a reader has taken what was written; who never does is let go. */
async function hasRoom(raw: FastifyReply['raw']): Promise<boolean> {
  const given = new AbortController();
  const timer = setTimeout(() => raw.destroy(), patience);
  const { signal } = given;
  const waits = ['drain', 'close'].map((event) => once(raw, event, { signal }).catch(() => undefined));
  await Promise.race(waits);
  clearTimeout(timer);
  given.abort();
  return !raw.destroyed;
}

function refuse(reply: FastifyReply, { code, message: detail, status }: Problem): FastifyReply {
  const body: Static<typeof problemView> = {
    type: `https://lockstep.dev/errors#${code.toLowerCase()}`,
    title: problemCodes[code].hint,
    status,
    code,
    detail,
  };
  if (code === 'Unauthenticated') reply.header('www-authenticate', 'Bearer');
  return reply
    .code(status)
    .type('application/problem+json')
    .send(toJson(maskFreeTexts(body)));
}

const byStatus: Readonly<Record<number, ProblemCode>> = {
  404: 'NotFound',
  413: 'TooLarge',
  415: 'UnsupportedMediaType',
};

/** What went wrong, in words that may be shown; what nobody foresaw is logged and not shown. */
function asProblem(error: FastifyError | Error, log: Log): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof ApiError) return clusterProblem(error);
  if (error instanceof LockstepError) return new Problem('ClusterUnavailable', error.message);
  const status = 'statusCode' in error ? (error.statusCode ?? 500) : 500;
  if (status < 500) return new Problem(byStatus[status] ?? 'BadRequest', error.message);
  log.error({ problem: messageOf(error) }, 'a request could not be answered');
  return new Problem('InternalError', 'something went wrong here');
}

/** What the API server said to the agent itself, or to the account of a Delivery. */
function clusterProblem({ class: kind, message }: ApiError): Problem {
  if (kind === 'absent' || kind === 'not-served') return new Problem('NotFound', message);
  if (kind === 'forbidden') return new Problem('ClusterRefused', message);
  return new Problem('ClusterUnavailable', message);
}

/** Only texts of a query are read as what they stand for; a body says what it means. */
function checkerOf(schema: TSchema, isQuery: boolean): (data: unknown) => { value: unknown } | { error: Error } {
  return (data = {}) => {
    const value = isQuery ? Value.Convert(schema, data) : data;
    const first = Value.Errors(schema, value).First();
    if (first === undefined) return { value };
    return { error: new Problem('BadRequest', `${first.path.slice(1) || 'the body'}: ${first.message}`) };
  };
}

function parseJsonBody(
  _request: FastifyRequest,
  text: string,
  done: (error: Error | null, body?: unknown) => void,
): void {
  try {
    done(null, text === '' ? {} : JSON.parse(text));
  } catch {
    done(new Problem('BadRequest', 'the body is no JSON text'));
  }
}

function headOf({ method, headers }: FastifyRequest) {
  return { method, host: headers.host, origin: headers.origin, contentType: headers['content-type'] };
}

function isHook({ routeOptions }: FastifyRequest): boolean {
  const { config } = routeOptions;
  return 'access' in config && config.access === 'hook';
}

function onlyValue({ raw }: FastifyRequest, name: string): string | undefined {
  const values = raw.headersDistinct[name];
  return values?.length === 1 ? values[0] : undefined;
}

/** `{name}` as the router writes it. */
function urlOf(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ':$1');
}
