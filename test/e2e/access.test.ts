import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, it, vi } from 'vitest';
import { type Access, loadAccess } from '../../agent/kube/client.ts';
import { createKubeHttp, httpDefaults } from '../../agent/kube/http.ts';
import { textAt, toJson } from '../../diff/json.ts';
import { makeNamespace } from './support/furnish.ts';
import { connect, type Kube } from './support/kube.ts';
import { writeKubeconfig } from './support/kubeconfig.ts';
import { describeOnOwnCluster } from './support/lockstep.ts';

const folder = mkdtempSync(join(tmpdir(), 'lockstep-access-'));
let kube: Kube;
beforeAll(async () => {
  kube = await connect(inject('kubeconfig'));
});
afterAll(async () => {
  await kube.close();
  rmSync(folder, { recursive: true, force: true });
});

const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };

/** Who the API server takes the holder of an access for. */
async function whoAmI(access: Access): Promise<string | undefined> {
  const http = createKubeHttp(access, httpDefaults);
  try {
    const path = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
    const answer = await http.request({ method: 'POST', path, contentType: 'application/json', body: toJson(review) });
    return textAt(answer.body, 'status', 'userInfo', 'username');
  } finally {
    await http.close();
  }
}

async function tokenOf(namespace: string, name: string): Promise<string> {
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`;
  const body = toJson({ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} });
  const answer = await kube.http.request({ method: 'POST', path, contentType: 'application/json', body });
  return textAt(answer.body, 'status', 'token') ?? '';
}

/** The authority of the API server, as every namespace holds it for its pods. */
async function authority(namespace: string): Promise<string> {
  const ref = { apiVersion: 'v1', kind: 'ConfigMap', namespace, name: 'kube-root-ca.crt' };
  return expect
    .poll(async () => textAt(await kube.get(ref), 'data', 'ca.crt'), { timeout: 10_000 })
    .toBeDefined()
    .then(async () => textAt(await kube.get(ref), 'data', 'ca.crt') ?? '');
}

describeOnOwnCluster('the API server knows', () => {
  it('an agent in a pod by what the kubelet mounted there', async () => {
    await makeNamespace(kube, 'access-pod', 'none');
    const mount = join(folder, 'var', 'run', 'secrets', 'kubernetes.io', 'serviceaccount');
    mkdirSync(mount, { recursive: true });
    writeFileSync(join(mount, 'token'), await tokenOf('access-pod', 'lockstep'));
    writeFileSync(join(mount, 'ca.crt'), await authority('access-pod'));
    writeFileSync(join(mount, 'namespace'), 'access-pod');
    const { hostname, port } = new URL((await loadAccess(inject('kubeconfig'), Date.now)).server);
    vi.stubEnv('KUBERNETES_SERVICE_HOST', hostname);
    vi.stubEnv('KUBERNETES_SERVICE_PORT', port);
    const access = await loadAccess(undefined, Date.now, folder);
    vi.unstubAllEnvs();
    expect(await whoAmI(access)).toBe('system:serviceaccount:access-pod:lockstep');
  });

  it('a person by a client certificate', async () => {
    const access = await loadAccess(inject('users')['certified'], Date.now);
    expect(await access.headers()).not.toHaveProperty('Authorization');
    expect(await whoAmI(access)).toBe('certified');
  });

  it('a person by a token', async () => {
    expect(await whoAmI(await loadAccess(inject('users')['reader'], Date.now))).toBe('reader');
  });

  it('a person by a program that the kubeconfig names', async () => {
    const real = await loadAccess(inject('users')['reader'], Date.now);
    const token = (await real.headers())['Authorization']?.replace('Bearer ', '');
    const credential = { apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', status: { token } };
    const args = ['-e', `console.log(${JSON.stringify(JSON.stringify(credential))})`];
    const exec = { apiVersion: credential.apiVersion, command: process.execPath, args, interactiveMode: 'Never' };
    const file = join(folder, 'exec');
    const ca = Buffer.from(String(real.tls['ca'])).toString('base64');
    writeKubeconfig(file, { server: real.server, 'certificate-authority-data': ca }, { exec });
    expect(await whoAmI(await loadAccess(file, Date.now))).toBe('reader');
  });
});
