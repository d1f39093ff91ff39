import { afterAll, expect, it } from 'vitest';
import { until } from '../support/kube.ts';
import { configMap, useLockstep } from '../support/lockstep.ts';
import { openKeyring } from '../support/signing.ts';

/** G8 and G9 of the vectors, on a cluster. What signatures count is signatures. */

const lockstep = useLockstep(['signed-only']);
const keys = openKeyring();
afterAll(() => keys.close());

it('a Delivery that asks for signatures takes what is signed, and says why it does not take the rest', async () => {
  const [ada, eve] = [keys.ssh('ed25519'), keys.ssh('ed25519')];
  const verify = { mode: 'HEAD', configMapRef: { name: 'signers' } };
  const app = await lockstep.app('signed-only', {}, { source: { verify } });
  await lockstep.kube.apply({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'signers', namespace: 'signed-only' },
    data: { 'ada.pub': ada.publicKey },
  });
  const push = (color: string): string => app.push({ 'a.yaml': configMap('a', { color }) });
  const color = async () => (await app.get('v1', 'ConfigMap', 'a'))?.['data'];

  ada.use(app.repository);
  app.repository.git('config', 'commit.gpgsign', 'true');
  const first = push('blue');
  await app.ready();
  expect(await color()).toEqual({ color: 'blue' });

  // Whoever may write to the repository, and holds no key that is trusted, goes nowhere: by a commit, or by force.
  eve.use(app.repository);
  push('by eve');
  expect(await app.refused('SignatureInvalid')).toContain('SHA256:');
  app.repository.git('config', 'commit.gpgsign', 'false');
  app.repository.git('reset', '--quiet', '--hard', first);
  const forced = push('unsigned');
  app.repository.git('push', '--quiet', '--force', 'origin', 'HEAD:main');
  await until('the commit without a signature is refused', async () =>
    (await app.refused('SignatureInvalid')).includes(`${forced.slice(0, 12)} is not signed`),
  );
  expect(await color()).toEqual({ color: 'blue' });

  ada.use(app.repository);
  app.repository.git('config', 'commit.gpgsign', 'true');
  push('green');
  await app.ready();
  expect(await color()).toEqual({ color: 'green' });

  // The keys may stand in a Secret too; without it nothing is trusted, and nothing changes.
  await lockstep.kube.edit(app.delivery, {
    spec: { source: { verify: { configMapRef: null, secretRef: { name: 'signers' } } } },
  });
  push('red');
  expect(await app.refused('CredentialsNotFound', 30_000)).toContain('the Secret signed-only/signers');
  expect(await color()).toEqual({ color: 'green' });
  await lockstep.kube.apply({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'signers', namespace: 'signed-only' },
    data: { 'ada.pub': Buffer.from(ada.publicKey).toString('base64') },
  });
  await app.ready(60_000);
  expect(await color()).toEqual({ color: 'red' });
});
