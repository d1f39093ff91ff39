import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createEngines } from '../../../sync/render/engines.ts';
import { childrenOf, isRunning } from '../support/child-processes.ts';
import { chartOf, chartRequest, engineProcesses, mapOf, repositoryOf, strict } from '../support/engine.ts';
import { until } from '../support/kube.ts';

/** The process of the engine: what it may cost, what it knows, and how it ends. */

const binary = process.env['LOCKSTEP_ENGINE'] ?? '';
const root = join(import.meta.dirname, '../../..');
const helm = chartRequest();
const endless = '{{ range until 100000000 }}{{ range until 100000 }}{{ end }}{{ end }}';
describe('the limits of a render', () => {
  it.each<[string, Partial<typeof strict>]>([
    ['questions', { maxQuestions: 2 }],
    ['bytes read', { maxBytes: 100 }],
    ['bytes made', { maxAnswer: 100_000 }],
  ])('hold for %s', async (_what, limit) => {
    const own = createEngines(binary, { ...strict, ...limit });
    const files = chartOf(mapOf('{{ repeat 1000000 "x" }}'));
    await expect(own.render('a', helm, repositoryOf(files))).rejects.toMatchObject({ code: 'RenderFailed' });
    await own.close();
  });

  it('and its end, whatever ends it, are its own: others and the next one are made', async () => {
    const own = createEngines(binary, { ...strict, deadline: 60_000 });
    const before = new Set(engineProcesses());
    const killed = own.render('eve', helm, repositoryOf(chartOf(endless))).catch((error: Error) => error);
    const pids = engineProcesses().filter((pid) => !before.has(pid));
    expect(pids).toHaveLength(1);
    const beside = Array.from({ length: 5 }, () => own.render('ada', helm, repositoryOf(chartOf(mapOf('1')))));
    process.kill(Number(pids[0]), 'SIGKILL');
    expect(await killed).toMatchObject({ code: 'RenderFailed', message: expect.stringContaining('SIGKILL') });
    for (const one of await Promise.all(beside)) expect(one).toHaveLength(1);
    expect(await own.render('eve', helm, repositoryOf(chartOf(mapOf('1'))))).toHaveLength(1);
    await own.close();
  });
});

it('an engine in the midst of what has no end ends with the process that has started it', async () => {
  const script = `
    import { createEngines } from ${JSON.stringify(join(root, 'sync/render/engines.ts'))};
    import { chartOf, chartRequest, repositoryOf } from ${JSON.stringify(join(root, 'test/e2e/support/engine.ts'))};
    const files = chartOf(${JSON.stringify(endless)});
    void createEngines(process.env['LOCKSTEP_ENGINE']).render('a', chartRequest(), repositoryOf(files));
    setInterval(() => undefined, 1_000);
  `;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'ignore' });
  const pid = await until('it renders', async () => childrenOf(parent.pid)[0], 20_000);
  parent.kill('SIGKILL');
  try {
    await until('it has ended', async () => !isRunning(pid), 10_000);
  } finally {
    if (isRunning(pid)) process.kill(Number(pid), 'SIGKILL');
  }
});

describe('L12: the engine', () => {
  it('is run without arguments, and knows nothing of the one who runs it', async () => {
    process.env['C4NARY'] = 'C4NARY-7f3a';
    const engines = createEngines(binary, strict);
    const files = chartOf(mapOf('1'), { 'app/--post-renderer': 'x', 'app/templates/-x.yaml': mapOf('2') });
    await engines.render('a', helm, repositoryOf(files));
    const own = engineProcesses();
    expect(own.length).toBeGreaterThan(0);
    for (const pid of own) {
      expect(
        readFileSync(`/proc/${pid}/cmdline`, 'utf8')
          .split('\0')
          .filter((part) => part !== ''),
      ).toEqual([binary]);
      expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).not.toMatch(/C4NARY|HOME=|PATH=|KUBE/);
      // In no folder of anybody's, since it has no files of its own either.
      expect(readlinkSync(`/proc/${pid}/cwd`)).toBe('/');
      const others = readdirSync(`/proc/${pid}/fd`).filter((fd) => Number(fd) > 2);
      for (const fd of others) expect(readlinkSync(`/proc/${pid}/fd/${fd}`)).not.toMatch(/^socket:/);
    }
    await engines.close();
  });
});

describe('an engine that is not there', () => {
  it('says how it is built', async () => {
    const none = createEngines('/nowhere/engine');
    await expect(none.render('a', helm, repositoryOf({}))).rejects.toMatchObject({ code: 'EngineMissing' });
  });
});
