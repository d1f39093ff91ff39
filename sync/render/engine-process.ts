import { type ChildProcess, spawn } from 'node:child_process';
import { LockstepError, messageOf } from '../errors.ts';
import { breathe } from '../parallel.ts';
import type { EngineDocument, EngineRequest, EngineView, IndexRequest, RepositoryNode } from './engine-port.ts';

/** What one render may cost. Milliseconds, bytes, questions. */
export interface EngineLimits {
  readonly deadline: number;
  readonly memory: number;
  readonly maxBytes: number;
  /** What it makes. */
  readonly maxAnswer: number;
  readonly maxQuestions: number;
}

export const engineDefaults: EngineLimits = {
  deadline: 30_000,
  memory: 384 * 1024 * 1024,
  maxBytes: 100 * 1024 * 1024,
  maxAnswer: 20 * 1024 * 1024,
  maxQuestions: 50_000,
};

/** A process of the engine. It renders one thing at a time; after one that failed in any unusual way it is ended. */
export interface EngineProcess {
  /** @throws LockstepError InvalidManifests, RenderFailed, EngineMissing */
  render(request: EngineRequest | IndexRequest, view: EngineView): Promise<readonly EngineDocument[]>;
  /** Whether it can be given another render. */
  isUsable(): boolean;
  end(): void;
}

interface Running {
  readonly view: EngineView;
  readonly resolve: (documents: readonly EngineDocument[]) => void;
  readonly reject: (error: LockstepError) => void;
  readonly timer: NodeJS.Timeout;
  bytes: number;
  questions: number;
  /** Why the repository could not be read, whatever the engine makes of that. */
  trouble: unknown;
}

type Said = { readonly ask: string } | { readonly error: string } | { readonly documents: readonly EngineDocument[] };

/** It gets no environment, no folder to stand in but the root, and no network of ours. */
export function startEngine(binary: string, limits: EngineLimits): EngineProcess {
  const child = spawn(binary, [], {
    cwd: '/',
    env: { LOCKSTEP_ENGINE_MEMORY: String(Math.ceil(limits.memory / 1024 / 1024)) },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let running: Running | undefined;
  let isOver = false;
  const lastWords = keepLast(child);

  const settle = (finish: (run: Running) => void): void => {
    const run = running;
    if (run === undefined) return;
    running = undefined;
    clearTimeout(run.timer);
    finish(run);
  };
  const breakOff = (error: LockstepError): void => {
    isOver = true;
    child.kill('SIGKILL');
    settle(({ reject }) => reject(error));
  };

  function take(line: string): void {
    const run = running;
    if (run === undefined) return;
    const said = parsed(line);
    if (said === undefined) breakOff(failed('it answers what nobody understands'));
    else if ('ask' in said) void answer(run, said.ask);
    else if (run.trouble !== undefined) settle(({ reject }) => reject(run.trouble as LockstepError));
    else if ('error' in said) settle(({ reject }) => reject(refused(said.error)));
    else settle(({ resolve }) => resolve(said.documents));
  }

  async function answer(run: Running, path: string): Promise<void> {
    run.questions += 1;
    try {
      const node = await run.view(path);
      for (const piece of toWire(node)) {
        if (running !== run) return;
        run.bytes += piece.length;
        const isTooMuch = run.questions > limits.maxQuestions || run.bytes > limits.maxBytes;
        if (isTooMuch) return breakOff(failed('it reads more of the repository than it may'));
        child.stdin?.write(piece);
        if (piece.length >= pieceBytes) await breathe();
      }
    } catch (error) {
      run.trouble ??= error;
      child.stdin?.write(`${JSON.stringify({ problem: messageOf(error) })}\n`);
    }
  }

  readLines(child, limits.maxAnswer, take, () => breakOff(failed('it makes more than it may')));
  child.stdin?.on('error', () => undefined);
  child.on('error', (error) => {
    breakOff(new LockstepError('EngineMissing', `the engine ${binary} can not be started: ${messageOf(error)}`));
  });
  child.on('close', (code, signal) => {
    isOver = true;
    const isMemory = /out of memory|cannot allocate memory/.test(lastWords());
    const why = isMemory ? 'it takes more memory than it may' : `the engine ended by itself (${signal ?? code})`;
    settle(({ reject }) => reject(failed(why)));
  });
  child.unref();

  return {
    isUsable: () => !isOver && running === undefined,
    end: () => breakOff(failed('the engine is ended')),
    render: (request, view) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(
          () => breakOff(failed(`it takes longer than ${limits.deadline / 1000} s`)),
          limits.deadline,
        );
        running = { view, resolve, reject, timer, bytes: 0, questions: 0, trouble: undefined };
        child.stdin?.write(`${JSON.stringify(request)}\n`);
      }),
  };
}

function failed(why: string): LockstepError {
  return new LockstepError('RenderFailed', `it can not be rendered: ${why}`);
}

/** The most of an error that people read. */
const longest = 2_000;

/** What libraries quote may be anybody's secret: texts between backticks are whole configurations, or values. */
function refused(text: string): LockstepError {
  const shown = text.replaceAll(/`[^`]*`/g, '`…`').slice(0, longest);
  return new LockstepError('InvalidManifests', `it can not be rendered: ${shown}`);
}

/** A multiple of three, so that pieces of base64 are one text. */
const pieceBytes = 192 * 1024;

/** An answer in pieces: others have their turn between those of a large file. */
function* toWire(node: RepositoryNode): Generator<string> {
  if (node.kind === 'file') yield* fileToWire(Buffer.from(node.read()));
  else if (node.kind === 'folder') yield `${JSON.stringify({ kind: 'folder', names: node.names })}\n`;
  else if (node.kind === 'submodule')
    yield `${JSON.stringify({ problem: 'a submodule is in the way; spec.source.submodules reads it' })}\n`;
  else yield `${JSON.stringify({ kind: node.kind })}\n`;
}

function* fileToWire(bytes: Buffer): Generator<string> {
  if (bytes.length < pieceBytes) {
    yield `${JSON.stringify({ kind: 'file', data: bytes.toString('base64') })}\n`;
    return;
  }
  yield '{"kind":"file","data":"';
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.toString('base64', at, at + pieceBytes);
  yield '"}\n';
}

function parsed(line: string): Said | undefined {
  try {
    return JSON.parse(line) as Said;
  } catch {
    return undefined;
  }
}

function readLines(child: ChildProcess, most: number, take: (line: string) => void, tooMuch: () => void): void {
  let pieces: Buffer[] = [];
  let bytes = 0;
  child.stdout?.on('data', (chunk: Buffer) => {
    let rest = chunk;
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      pieces.push(rest.subarray(0, end));
      take(Buffer.concat(pieces).toString('utf8'));
      pieces = [];
      bytes = 0;
      rest = rest.subarray(end + 1);
    }
    if (rest.length === 0) return;
    pieces.push(rest);
    bytes += rest.length;
    if (bytes > most) tooMuch();
  });
}

/** The end of what it said on the side: why it died stands there. */
function keepLast(child: ChildProcess): () => string {
  let text = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    text = (text + chunk.toString('utf8')).slice(0, 4_000);
  });
  return () => text;
}
