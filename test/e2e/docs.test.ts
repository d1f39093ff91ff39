import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, inject, it } from 'vitest';
import { textAt } from '../../diff/json.ts';
import { condition } from '../../health/kinds/conditions.ts';
import type { KubeObject } from '../../sync/types.ts';
import { buildControlPlane } from '../cluster/build.ts';
import { runBeside } from './support/beside.ts';
import { serveApplications } from './support/foreign-kinds.ts';
import { agentNamespace, deliveryOf, deliveryRef, makeNamespace } from './support/furnish.ts';
import type { Repository } from './support/git-server.ts';
import { until } from './support/kube.ts';
import { mayMeasureBy } from './support/limits.ts';
import { configMap, deployment, describeOnOwnCluster, useLockstep } from './support/lockstep.ts';

const root = join(import.meta.dirname, '..', '..');
const webhookSecret = 'docs-webhooks';
const pages = [
  'readme',
  'start',
  'first-app',
  'webhooks',
  'bad-commit',
  'rest',
  'order-and-hooks',
  'move-here',
  'kustomize-and-helm',
  'tenants',
  'health-rules',
  'when-to-release',
  'analysis',
].map((name) => `docs-${name}`);
const healthRules = 'docs-health-rules-all';
const limits = 'docs-limits';
const lockstep = useLockstep(pages, {
  flags: ['--webhook-secret', webhookSecret, '--health-rules', healthRules, '--limits', limits],
});

/** A page, and what it takes for granted. */
interface Page {
  readonly file: string;
  /** Its namespace, which stands where the page says `shop`. */
  readonly namespace: string;
  /** The page is about a Delivery that is not well: commands that say so by exit code 2 are right. */
  readonly mayDiffer?: boolean;
  /** The page lists what one may do instead of another: before this command, the release must be in this state again. */
  readonly first?: { readonly command: string; readonly state: string };
  /** What the page shows by an example. */
  readonly plan?: string;
}

function repositoryOf(namespace: string): Repository {
  const repository = lockstep.git.repository(`${namespace}.git`);
  repository.commit({
    'deploy/web.yaml': deployment('web'),
    'deploy/settings.yaml': configMap('settings', { color: 'blue' }),
  });
  return repository;
}

/** The namespace and the Delivery that earlier pages have made. */
async function deliver(namespace: string, repository: Repository): Promise<void> {
  await makeNamespace(lockstep.kube, namespace);
  await lockstep.kube.apply(deliveryOf(namespace, namespace, repository.url, { source: { path: 'deploy' } }));
  await stateIs(namespace, 'Synced');
}

function stateIs(namespace: string, state: string): Promise<unknown> {
  const look = async () =>
    textAt(await lockstep.kube.get(deliveryRef(namespace, namespace)), 'status', 'state') === state;
  return until(`${namespace} is ${state}`, look, 60_000);
}

/** Runs every shell block of a page, as it stands but for names and addresses, in one shell. */
async function run(page: Page, repository: Repository): Promise<string> {
  const { file, namespace } = page;
  const blocks = [...readFileSync(join(root, file), 'utf8').matchAll(/^( *)```sh\n([\s\S]*?)^ *```$/gm)].map(
    ([, indent = '', text = '']) => text.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  );
  expect(blocks.length).toBeGreaterThan(0);
  const script = blocks
    .join('\n')
    .replaceAll('https://git.example.com/shop.git', repository.url)
    .replaceAll('http://127.0.0.1:8080', lockstep.agent.api)
    .replaceAll('lockstep-webhooks', webhookSecret)
    .replaceAll('lockstep-health-rules', healthRules)
    .replaceAll('3f9a1c07be52', page.plan ?? '3f9a1c07be52')
    .replaceAll(/\bshop\b/g, namespace);
  const folder = await prepare(page);
  const { first } = page;
  const isThere = `kubectl -n ${namespace} get dlv ${namespace} -o jsonpath={.status.state} | grep -q ${first?.state}`;
  const steps =
    first === undefined ? script : script.replace(first.command, `until ${isThere}; do sleep 0.2; done\n$&`);
  const { code, output } = await runBeside('bash', ['-euo', 'pipefail', '-x'], {
    cwd: folder,
    env: { ...process.env, PATH: `${join(folder, 'bin')}:${process.env['PATH']}`, HOME: folder, KUBECONFIG: '' },
    input: steps,
  });
  expect(code, `${file}\n${output}`).toBe(0);
  return output;
}

/** A folder in which a person might stand: kubectl, npx and npm at hand, a kubeconfig at home. */
async function prepare({ mayDiffer = false }: Page): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-docs-'));
  mkdirSync(join(folder, '.kube'));
  cpSync(inject('kubeconfig'), join(folder, '.kube', 'config'));
  symlinkSync(join(root, 'deploy'), join(folder, 'deploy'));
  mkdirSync(join(folder, 'bin'));
  const binary = await buildControlPlane(() => undefined);
  const put = (name: string, lines: readonly string[]): void => {
    writeFileSync(join(folder, 'bin', name), `#!/usr/bin/env bash\n${lines.join('\n')}\n`);
    chmodSync(join(folder, 'bin', name), 0o755);
  };
  put('kubectl', [`exec ${binary} kubectl "$@"`]);
  const cli = `${process.execPath} ${join(root, 'agent', 'cli', 'lockstep.mjs')}`;
  put('npx', [
    '[ "$1" = lockstep ] || exit 64; shift',
    // An agent runs until it is stopped: it has started once it says so.
    `if [ "$1" = agent ]; then ${cli} "$@" --watch-namespaces docs-none --listen 127.0.0.1:0 --probes-listen 127.0.0.1:0 > agent.log 2>&1 & pid=$!`,
    '  for n in $(seq 300); do grep -q "the agent runs" agent.log && kill $pid && wait $pid && exit 0; sleep 0.1; done; cat agent.log; exit 1; fi',
    `code=0; ${cli} "$@" || code=$?`,
    mayDiffer ? '[ $code = 2 ] && exit 0; exit $code' : 'exit $code',
  ]);
  // What these do is run on its own: here it only has to exist.
  put('npm', [
    `${process.execPath} -e 'process.exit(process.argv[1] in require("${root}/package.json").scripts ? 0 : 1)' "\${@: -1}"`,
  ]);
  return folder;
}

describeOnOwnCluster('every command of', () => {
  it('the README', async () => {
    await run({ file: 'README.md', namespace: 'docs-readme' }, repositoryOf('docs-readme'));
  });

  it('docs/start.md', async () => {
    const output = await run({ file: 'docs/start.md', namespace: 'docs-start' }, repositoryOf('docs-start'));
    expect(output).toContain('tip, target and live are one');
    expect(output).toContain('Deployment docs-start/web  Healthy');
  });

  it('docs/how-to/first-app.md', async () => {
    const namespace = 'docs-first-app';
    const repository = repositoryOf(namespace);
    await deliver(namespace, repository);
    const output = await run({ file: 'docs/how-to/first-app.md', namespace, mayDiffer: true }, repository);
    expect(output).toContain('create  wave -1  Job docs-first-app/migrate');
  });

  it('docs/how-to/webhooks.md', async () => {
    const namespace = 'docs-webhooks';
    const ref = { apiVersion: 'v1', kind: 'Secret', namespace: agentNamespace, name: webhookSecret };
    if ((await lockstep.kube.get(ref)) !== undefined) await lockstep.kube.delete(ref);
    const repository = repositoryOf(namespace);
    await deliver(namespace, repository);
    const output = await run({ file: 'docs/how-to/webhooks.md', namespace }, repository);
    expect(output).toContain('{"result":"accepted","syncs":["docs-webhooks/docs-webhooks"]}');
  });

  it('docs/how-to/bad-commit.md', async () => {
    const namespace = 'docs-bad-commit';
    const repository = repositoryOf(namespace);
    await deliver(namespace, repository);
    repository.commit({ 'deploy/web.yaml': deployment('web', { pod: { pod: 'image-pull' } }) });
    await stateIs(namespace, 'Held');
    const output = await run(
      {
        file: 'docs/how-to/bad-commit.md',
        namespace,
        mayDiffer: true,
        first: { command: 'npx lockstep accept', state: 'Held' },
      },
      repository,
    );
    expect(output).toContain('ErrImagePull');
  });

  it('docs/how-to/move-here.md', async () => {
    const namespace = 'docs-move-here';
    const repository = repositoryOf(namespace);
    await deliver(namespace, repository);
    await serveApplications(lockstep.kube);
    await makeNamespace(lockstep.kube, 'argocd', 'none');
    await lockstep.kube.apply({
      apiVersion: 'argoproj.io/v1alpha1',
      kind: 'Application',
      metadata: { name: namespace, namespace: 'argocd' },
      spec: {
        source: { repoURL: repository.url, path: 'deploy', targetRevision: 'main' },
        destination: { server: 'https://kubernetes.default.svc', namespace },
        syncPolicy: { automated: { prune: true, selfHeal: true } },
      },
    } as unknown as KubeObject);
    const output = await run({ file: 'docs/how-to/move-here.md', namespace, mayDiffer: true }, repository);
    expect(output).toMatch(/differs: .*[\s\S]*2 unchanged\nplan [0-9a-f]{12}/);
    expect(output).toContain(`application.argoproj.io "${namespace}" deleted`);
  });

  it.each(['order-and-hooks', 'kustomize-and-helm'])('docs/how-to/%s.md', async (name) => {
    const namespace = `docs-${name}`;
    const repository = repositoryOf(namespace);
    await deliver(namespace, repository);
    const output = await run({ file: `docs/how-to/${name}.md`, namespace, mayDiffer: true }, repository);
    expect(output).toMatch(/2 unchanged\nplan [0-9a-f]{12}/);
  });

  it('docs/how-to/tenants.md', async () => {
    const namespace = 'docs-tenants';
    const repository = repositoryOf(namespace);
    await deliver(namespace, repository);
    const output = await run({ file: 'docs/how-to/tenants.md', namespace, mayDiffer: true }, repository);
    expect(output).toContain(`ServiceAccount ${namespace}/lockstep  in no Delivery`);
  });

  it('docs/how-to/health-rules.md', async () => {
    const namespace = 'docs-health-rules';
    const ref = { apiVersion: 'v1', kind: 'ConfigMap', namespace: agentNamespace, name: healthRules };
    if ((await lockstep.kube.get(ref)) !== undefined) await lockstep.kube.delete(ref);
    const repository = repositoryOf(namespace);
    await deliver(namespace, repository);
    const output = await run({ file: 'docs/how-to/health-rules.md', namespace, mayDiffer: true }, repository);
    expect(output).toMatch(
      /Deployment docs-health-rules\/web {2}Healthy Available {2}\d+s\n {4}ReplicaSet .*\n {6}Pod /,
    );
    expect(output).toContain('"status":"Healthy","reason":"NoConditions"');
    expect(output).toContain('Widget docs-health-rules/it: step 2 of 3');
  });

  it('docs/how-to/when-to-release.md', async () => {
    const namespace = 'docs-when-to-release';
    const repository = repositoryOf(namespace);
    await deliver(namespace, repository);
    const ref = deliveryRef(namespace, namespace);
    await lockstep.kube.edit(ref, { spec: { sync: { approval: 'required' } } });
    repository.commit({ 'deploy/settings.yaml': configMap('settings', { color: 'green' }) });
    await stateIs(namespace, 'Blocked');
    const message = condition((await lockstep.kube.get(ref)) ?? {}, 'Ready')?.message;
    const plan = /the plan is (\w+)/.exec(message ?? '')?.[1] ?? '';
    const output = await run({ file: 'docs/how-to/when-to-release.md', namespace, mayDiffer: true, plan }, repository);
    expect(output).toContain(`plan ${plan}`);
    await stateIs(namespace, 'Synced');
  });

  it('docs/how-to/analysis.md', async () => {
    const namespace = 'docs-analysis';
    const repository = repositoryOf(namespace);
    await deliver(namespace, repository);
    await mayMeasureBy(lockstep.kube, limits, lockstep.agent.probes);
    const web = { url: `${lockstep.agent.probes}/healthz` };
    const unsure = { name: 'unsure', web, successCondition: 'status == 1', failureCondition: 'status == 2' };
    await lockstep.kube.edit(deliveryRef(namespace, namespace), { spec: { health: { analysis: [unsure] } } });
    repository.commit({ 'deploy/settings.yaml': configMap('settings', { color: 'green' }) });
    await stateIs(namespace, 'Paused');
    const first = { command: 'npx lockstep accept', state: 'Paused' };
    const output = await run({ file: 'docs/how-to/analysis.md', namespace, first }, repository);
    expect(output).toContain('analysis unsure: status 200: neither status == 1 nor status == 2');
    await stateIs(namespace, 'Held');
  });

  it('docs/how-to/rest.md', async () => {
    const namespace = 'docs-rest';
    const repository = repositoryOf(namespace);
    await deliver(namespace, repository);
    const output = await run({ file: 'docs/how-to/rest.md', namespace }, repository);
    expect(output).toContain('"state":"Synced"');
    expect(output).toContain('event: changed');
  });
});
