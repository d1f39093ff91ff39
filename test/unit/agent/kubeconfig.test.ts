import { describe, expect, it } from 'vitest';
import { readKubeconfig } from '../../../agent/kube/kubeconfig.ts';
import { parseYaml } from '../../../sync/render/yaml.ts';

const pem = Buffer.from('-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n').toString('base64');

/** A kubeconfig with a cluster and a user. */
const kubeconfig = (
  cluster: object = { server: 'https://far.example.com', 'certificate-authority-data': pem },
  user: object = { token: 'hush' },
  more: object = {},
): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'here',
    contexts: [{ name: 'here', context: { cluster: 'far', user: 'me', namespace: 'any' } }],
    clusters: [{ name: 'far', cluster }],
    users: [{ name: 'me', user }],
    ...more,
  });
const server = { server: 'https://far.example.com' };
const refusal = (text: string): string => {
  try {
    readKubeconfig(parseYaml(text));
    return '';
  } catch (error) {
    return String(error);
  }
};

describe('the kubeconfig of another cluster', () => {
  it('gives a server, its certificate, and a token or a client certificate', async () => {
    const { access, secrets } = readKubeconfig(parseYaml(kubeconfig()));
    expect(access.server).toBe('https://far.example.com');
    expect(String(access.tls['ca'])).toContain('BEGIN CERTIFICATE');
    expect(await access.headers()).toEqual({ Authorization: 'Bearer hush' });
    expect(secrets).toEqual(['hush']);
    const certified = readKubeconfig(
      parseYaml(kubeconfig(server, { 'client-certificate-data': pem, 'client-key-data': pem })),
    );
    expect(Object.keys(certified.access.tls)).toEqual(['cert', 'key']);
    expect(await certified.access.headers()).toEqual({});
    const proxied = { server: 'https://many.example.com/k8s/clusters/c-1/', 'tls-server-name': 'far' };
    expect(readKubeconfig(parseYaml(kubeconfig(proxied))).access).toMatchObject({
      server: 'https://many.example.com/k8s/clusters/c-1',
      tls: { servername: 'far' },
    });
  });

  it.each([
    ['exec', { exec: { command: 'sh', args: ['-c', 'id'] } }],
    ['auth-provider', { 'auth-provider': { name: 'gcp', config: { 'cmd-path': '/bin/sh' } } }],
    ['tokenFile', { tokenFile: '/var/run/secrets/kubernetes.io/serviceaccount/token' }],
    ['client-certificate', { 'client-certificate': '/etc/ssl/one.pem', token: 'hush' }],
    ['client-key', { 'client-key': '/etc/ssl/one.key', token: 'hush' }],
    ['username', { username: 'admin', password: 'hush' }],
    ['as', { token: 'hush', as: 'system:admin' }],
    ['as-groups', { token: 'hush', 'as-groups': ['system:masters'] }],
  ])('with %s of the user is refused, and no value of it is told (T5)', (field, user) => {
    const message = refusal(kubeconfig(server, user));
    expect(message).toContain(`${field} of the user is not allowed`);
    expect(message).not.toContain('hush');
    expect(message).not.toContain('/bin/sh');
  });

  it.each([
    ['insecure-skip-tls-verify is not allowed', { ...server, 'insecure-skip-tls-verify': true }],
    ['certificate-authority of the cluster', { ...server, 'certificate-authority': '/etc/ssl/ca.pem' }],
    ['proxy-url of the cluster', { ...server, 'proxy-url': 'http://inside.example.com' }],
    ['no https:// URL', { server: 'http://far.example.com' }],
    ['no https:// URL', { server: 'https://a:b@far.example.com' }],
    ['no https:// URL', { server: 'file:///etc/passwd' }],
    ['no https:// URL', {}],
    ['certificate-authority-data is no PEM text', { ...server, 'certificate-authority-data': 'bm8=' }],
  ])('of which the cluster is wrong is refused: %s', (message, cluster) => {
    expect(refusal(kubeconfig(cluster))).toContain(message);
  });

  it('that is incomplete is refused', () => {
    expect(refusal(kubeconfig(server, {}))).toContain('the user needs a token');
    expect(refusal(kubeconfig(server, { 'client-certificate-data': pem }))).toContain('the user needs a token');
    expect(refusal(kubeconfig(server, undefined, { 'current-context': 'there' }))).toContain(
      'contexts has no context "there"',
    );
    expect(refusal(kubeconfig(server, undefined, { clusters: [] }))).toContain('clusters has no cluster "far"');
    expect(refusal(kubeconfig(server, undefined, { users: [{ name: 'me' }] }))).toContain('users has no user "me"');
    expect(refusal('kind: Config\n')).toContain('current-context is missing');
    expect(refusal('')).toContain('one document is needed');
    expect(refusal('a: 1\n---\nb: 1\n')).toContain('one document is needed');
  });

  it('may hold what nobody uses: only the current context counts', () => {
    const users = [
      { name: 'me', user: { token: 'hush' } },
      { name: 'other', user: { exec: { command: 'sh' } } },
    ];
    expect(refusal(kubeconfig(server, undefined, { users }))).toBe('');
  });
});
