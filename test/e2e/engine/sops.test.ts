import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { textAt } from '../../../diff/json.ts';
import { dataKeyOf } from '../../../sync/render/sops/data-key.ts';
import { openSealed } from '../../../sync/render/sops/open.ts';
import type { SopsKeys } from '../../../sync/render/sops/port.ts';
import { readSealed } from '../../../sync/render/sops/sealed.ts';
import { parseYaml } from '../../../sync/render/yaml.ts';
import { until } from '../support/kube.ts';
import { type App, configMap, useLockstep } from '../support/lockstep.ts';
import { hasGpg } from '../support/signing.ts';
import { openSops, type Sops } from '../support/sops.ts';

const names = ['sops-plain', 'sops-kustomize', 'sops-helm', 'sops-none'];
const lockstep = useLockstep(names);

let sops: Sops;
let keys: SopsKeys;
beforeAll(async () => {
  sops = await openSops();
  keys = { age: [sops.identity], pgp: [] };
});
afterAll(() => sops.close());

async function open(path: string, sealed: string, by: SopsKeys = keys): Promise<string> {
  const read = readSealed(path, Buffer.from(sealed));
  if (read === undefined) throw new Error('it is not encrypted');
  return openSealed(read, await dataKeyOf(read, by)).bytes.toString();
}

/** A text in the shape of many that people encrypt. */
const secret = `# of the shop
apiVersion: v1
kind: Secret
metadata:
  name: a
  annotations: {owner_unencrypted: "yes"}
stringData:
  "10": ten
  "2": two # inline
  pass: C4NARY-7f3a-e2
  empty: ""
  word: yes
  multi: |
    line one

    line two
`;

const types = `
kind: Types
values: {int: 42, big: 9007199254740993, negative: -7, octal: 0777, hex: 0x1F, float: 1.5, small: 1.5e-9, large: 1.0e+22, exact: 12.0}
more: {yes: true, no: False, none: null, tilde: ~, on: on, text: "null", time: 2001-12-14t21:59:43.10-05:00, day: 2020-01-02}
list: [1, [a, [b]], {c: d, list: [e]}, "", null]
deep: {a: {b: {c: {d: {e: f}}}}}
unicode: "zürich ☃ \\u0000"
empty: {map: {}, list: []}
`;

describe('what SOPS has encrypted', () => {
  const texts: [string, string, string[]?][] = [
    ['secret.yaml', secret],
    ['types.yml', types],
    ['two.yaml', `${secret}---\n${types}`],
    ['only.yaml', secret, ['--mac-only-encrypted', '--encrypted-regex', '^(data|stringData)$']],
    ['suffix.yaml', secret, ['--encrypted-suffix', 'pass']],
    ['unencrypted.yaml', secret, ['--unencrypted-regex', '^(apiVersion|kind|metadata)$']],
    ['some.json', '{"a": 1, "10": "x", "2": {"b": [true, null, 1.5, 12345678901234567, ""]}, "ü": "☃"}'],
    ['one.env', 'A=1\nB=two\\nlines=x\n# a comment\nC=\nD="quoted"\n'],
    ['file.txt', 'any text\nwith lines\n'],
    ['noending', Buffer.from('\u0001 some bytes ☃').toString('utf8')],
  ];

  it.each(texts)('is opened as by sops itself: %s', async (path, text, more) => {
    const flags = more === undefined ? undefined : ['--age', sops.recipient, ...more];
    const sealed = sops.encrypt(path, text, flags);
    const [ours, theirs] = [await open(path, sealed), sops.decrypt(path, sealed)];
    if (/\.(ya?ml|json)$/.test(path)) expect(parseYaml(ours)).toEqual(parseYaml(theirs));
    else expect(ours).toBe(theirs.replace(/^#.*\n/gm, ''));
  });

  it('is opened byte by byte where it is no text', async () => {
    const bytes = Buffer.from([0, 0xff, 0xfe, 0x80, 0x0a, 0xc3, 0x28]);
    const read = readSealed('store.p12', Buffer.from(sops.encrypt('store.p12', bytes)));
    if (read === undefined) throw new Error('it is not encrypted');
    expect(openSealed(read, await dataKeyOf(read, keys)).bytes).toEqual(bytes);
  });

  it.each<[string, string, string]>([
    ['one.env', 'prod.env.enc', 'A=1\n'],
    ['one.env', 'app.properties', 'A=1\n'],
    ['a.yaml', 'secrets.txt', 'a: 1\n'],
    ['a.json', 'a.yaml', '{"a": 1}'],
    ['a.yaml', 'a.env', 'a: 1\n'],
  ])('%s is opened too when it is called %s since', async (before, now, text) => {
    const opened = await open(now, sops.encrypt(before, text));
    expect(now.endsWith('.yaml') ? parseYaml(opened) : opened).toEqual(now.endsWith('.yaml') ? [{ a: 1 }] : text);
  });

  it.skipIf(!hasGpg)('for OpenPGP is opened by a private key', async () => {
    const { fingerprint, armoured } = sops.pgpKey();
    const sealed = sops.encrypt('pgp.yaml', secret, ['--pgp', fingerprint]);
    expect(parseYaml(await open('pgp.yaml', sealed, { age: [], pgp: [armoured] }))).toEqual(
      parseYaml(sops.decrypt('pgp.yaml', sealed)),
    );
    await expect(open('pgp.yaml', sealed)).rejects.toThrow('it is encrypted for: 1 of OpenPGP');
  });

  it('is not opened once anything of it was changed', async () => {
    const sealed = sops.encrypt('a.yaml', secret);
    const changes: [string, (text: string) => string][] = [
      ['a plain value', (text) => text.replace('owner_unencrypted: "yes"', 'owner_unencrypted: "no"')],
      ['a value for a plain one', (text) => text.replace(/pass: ENC\[[^\]]*\]/, 'pass: mine')],
      ['a value left out', (text) => text.replace(/\n\s+pass: ENC\[[^\]]*\]/, '')],
      ['a value under another key', (text) => text.replace('    pass:', '    pass2:')],
      ['a value cut short', (text) => text.replace(/pass: (ENC\[AES256_GCM,data:)[^,]*/, 'pass: $1AAAA')],
      ['the time', (text) => text.replace(/lastmodified: "\d{4}/, 'lastmodified: "1999')],
      ['no MAC', (text) => text.replace(/\n\s+mac: ENC\[[^\]]*\]/, '')],
      ['a broken value', (text) => text.replace(/pass: ENC\[[^\]]*\]/, 'pass: ENC[AES256_GCM,nothing]')],
    ];
    for (const [what, change] of changes) {
      const changed = change(sealed);
      expect(changed, what).not.toBe(sealed);
      const outcome = await open('a.yaml', changed).catch((error: Error) => error);
      expect(outcome, what).toBeInstanceOf(Error);
      expect(String(outcome), what).not.toMatch('C4NARY');
    }
  });

  it('by others, or by several who must come together, is told', async () => {
    const stranger = await openSops();
    const foreign = stranger.encrypt('a.yaml', secret);
    await expect(open('a.yaml', foreign)).rejects.toThrow('it is encrypted for: 1 of age');
    stranger.close();
    const kms = foreign.replace(/^ {4}age:\n[\s\S]*?(?=^ {4}\w)/m, '    kms: [{arn: "arn:aws:kms:x", enc: x}]\n');
    await expect(open('a.yaml', kms)).rejects.toThrow('it is encrypted for: kms');
    expect(() => readSealed('a.ini', Buffer.from('[a]\nb = ENC[AES256_GCM,x]\n[sops]\n'))).toThrow('INI');
  });
});

describe('a Delivery with keys', () => {
  async function giveKeys(app: App, agekey = `# created\n${sops.identity}\n`): Promise<void> {
    const metadata = { name: 'sops', namespace: app.namespace };
    await lockstep.kube.apply({ apiVersion: 'v1', kind: 'Secret', metadata, stringData: { 'a.agekey': agekey } });
  }
  const decryption = { provider: 'sops', secretRef: { name: 'sops' } };
  const secretOf = async (app: App, name: string, key: string): Promise<string> =>
    Buffer.from(textAt(await app.get('v1', 'Secret', name), 'data', key) ?? '', 'base64').toString();

  it('has encrypted manifests decrypted, and says nothing of what they hold', async () => {
    const files = {
      'secret.yaml': sops.encrypt('secret.yaml', secret),
      'map.yaml': sops.encrypt('map.yaml', configMap('hidden', { pass: 'C4NARY-in-a-map' })),
      'plain.yaml': configMap('plain', { a: '1' }),
    };
    const app = await lockstep.app('sops-plain', files, { render: { decryption } });
    expect(await app.refused('CredentialsNotFound')).toMatch('Secret sops-plain/sops does not exist');
    await giveKeys(app, (await openSops()).identity);
    expect(await app.refused('DecryptionFailed', 20_000)).toMatch('none of the keys that spec.render.decryption names');
    await giveKeys(app);
    await app.request('sync@1');
    await app.ready();
    expect(await secretOf(app, 'a', 'pass')).toBe('C4NARY-7f3a-e2');
    expect(textAt(await app.get('v1', 'ConfigMap', 'hidden'), 'data', 'pass')).toBe('C4NARY-in-a-map');
    const since = Date.now();
    app.push({ 'secret.yaml': files['secret.yaml'].replace('owner_unencrypted: "yes"', 'owner_unencrypted: "no"') });
    expect(await app.refused('DecryptionFailed')).toMatch('secret.yaml can not be decrypted: its MAC does not fit');
    expect(app.writes(since)).toEqual([]);
    app.push({ 'secret.yaml': sops.encrypt('secret.yaml', secret.replace('7f3a', '8b4c')) });
    await app.ready();
    expect(await secretOf(app, 'a', 'pass')).toBe('C4NARY-8b4c-e2');
    expect(lockstep.agent.output()).not.toMatch(/C4NARY|AGE-SECRET/);
    await app.remove();
  });

  it('has them decrypted for kustomize, also as what Secrets are generated from', async () => {
    const files = {
      'kustomization.yaml':
        'resources: [secret.yaml]\nnamePrefix: p-\nsecretGenerator:\n- {name: made, envs: [made.env], files: [token.txt], options: {disableNameSuffixHash: true}}\n',
      'secret.yaml': sops.encrypt('secret.yaml', secret),
      'made.env': sops.encrypt('made.env', 'user=ada\npass=C4NARY-env-1\n'),
      'token.txt': sops.encrypt('token.txt', 'C4NARY-file-2\n'),
    };
    const app = await lockstep.app('sops-kustomize', files, { render: { decryption } });
    await giveKeys(app);
    await app.ready();
    expect(await secretOf(app, 'p-a', 'pass')).toBe('C4NARY-7f3a-e2');
    expect([await secretOf(app, 'p-made', 'pass'), await secretOf(app, 'p-made', 'token.txt')]).toEqual([
      'C4NARY-env-1',
      'C4NARY-file-2\n',
    ]);
    expect(lockstep.agent.output()).not.toMatch('C4NARY');
    await app.remove();
  });

  it('has them decrypted as values of a chart', async () => {
    const files = {
      'Chart.yaml': 'apiVersion: v2\nname: c\nversion: 1.0.0\n',
      'templates/s.yaml':
        'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {pass: "{{ .Values.pass }}"}\n',
      'secrets.yaml': sops.encrypt('secrets.yaml', 'pass: C4NARY-value-3\n'),
    };
    const app = await lockstep.app('sops-helm', files, {
      render: { decryption, helm: { valuesFiles: ['secrets.yaml'] } },
    });
    await giveKeys(app);
    await app.ready();
    expect(await secretOf(app, 's', 'pass')).toBe('C4NARY-value-3');
    expect(lockstep.agent.output()).not.toMatch('C4NARY');
    await app.remove();
  });

  it('and one without never applies what is encrypted', async () => {
    const files = { 'a.yaml': configMap('a', { a: '1' }), 'secret.yaml': sops.encrypt('secret.yaml', secret) };
    const app = await lockstep.app('sops-none', files);
    expect(await app.refused('InvalidManifests')).toMatch('secret.yaml (document 1): is encrypted by SOPS');
    app.push({ 'kustomization.yaml': 'resources: [a.yaml, secret.yaml]\n' });
    expect(await app.refused('DecryptionFailed')).toMatch('secret.yaml can not be decrypted');
    app.push({
      'kustomization.yaml': 'resources: [a.yaml]\nsecretGenerator: [{name: m, envs: [m.env]}]\n',
      'm.env': sops.encrypt('m.env', 'a=b\n'),
    });
    await until('the file is told', async () =>
      (await app.refused('DecryptionFailed')).includes('m.env can not be decrypted'),
    );
    expect(await app.get('v1', 'ConfigMap', 'a')).toBeUndefined();
    await app.remove();
  });
});
