import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RefSpec } from '../../../sync/source/follow.ts';
import { createGitSources } from '../../../sync/source/git.ts';
import type { Trust } from '../../../sync/source/login.ts';
import { wireString } from '../../../sync/source/verify/wire.ts';
import { type GitServer, type Repository, startGitServer } from '../support/git-server.ts';
import { hasGpg, type Keyring, openKeyring, type Signer } from '../support/signing.ts';
import { sourceRequest } from '../support/source-requests.ts';

const folder = mkdtempSync(join(tmpdir(), 'lockstep-signatures-'));
let git: GitServer;
let keys: Keyring;
let repository: Repository;
beforeAll(async () => {
  git = await startGitServer();
  keys = openKeyring();
  repository = git.repository('signed.git');
});
afterAll(async () => {
  keys.close();
  await git.close();
  rmSync(folder, { recursive: true, force: true });
});

const trust = (mode: Trust['mode'], ...texts: string[]): Trust => ({
  mode,
  keys: texts.map((text, index) => ({ name: `key-${index}`, text })),
});

/** Who has signed what a reference names. */
async function signerOf(trusted: Trust, ref: RefSpec = {}, of = repository): Promise<string | undefined> {
  const sources = createGitSources(join(folder, 'data'));
  const request = sourceRequest(of.url, { ref });
  try {
    return (await sources.read(request, await sources.tip(request), trusted)).signer;
  } finally {
    await sources.close();
  }
}

/** Pushes a commit that is signed. */
function signed(by: Signer, message = 'signed', of = repository): void {
  by.use(of);
  of.git('commit', '--quiet', '--allow-empty', '-S', '-m', message);
  of.git('push', '--quiet', '--force', 'origin', 'HEAD:main');
}

function tagged(name: string, by?: Signer): void {
  by?.use(repository);
  repository.git('tag', '--force', ...(by === undefined ? [] : ['-s']), '-m', `the tag ${name}`, name);
  repository.git('push', '--quiet', '--force', 'origin', `refs/tags/${name}`);
}

/** Puts another object in place of the tip, as somebody who can write to the repository may. */
function forged(change: (text: string) => string): void {
  const { git: run, workTree } = repository;
  const text = run('cat-file', 'commit', 'HEAD');
  const file = join(workTree, '.git', 'forged');
  writeFileSync(file, change(`${text}\n`));
  const oid = run('hash-object', '-t', 'commit', '-w', '--literally', file);
  run('push', '--quiet', '--force', 'origin', `${oid}:refs/heads/main`);
}

/** ssh-keygen makes none that is so short any more. */
function weakRsa(): string {
  const { e = '', n = '' } = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' });
  const number = (text: string): Buffer => Buffer.concat([Buffer.from([0]), Buffer.from(text, 'base64url')]);
  const blob = [Buffer.from('ssh-rsa'), number(e), number(n)].map(wireString);
  return `ssh-rsa ${Buffer.concat(blob).toString('base64')}`;
}

describe.skipIf(!hasGpg)('a commit signed by gpg', () => {
  it.each(['rsa2048', 'ed25519'] as const)('counts when its key of %s is trusted', async (type) => {
    const ada = keys.gpg(type);
    const eve = keys.gpg(type);
    signed(ada, 'a subject with ümlauts\n\nand a body  \n');
    expect(await signerOf(trust('HEAD', eve.publicKey, ada.publicKey))).toMatch(/^[0-9A-F]{40} Ada \d+ </);
    await expect(signerOf(trust('HEAD', eve.publicKey))).rejects.toMatchObject({
      code: 'SignatureInvalid',
      message: expect.stringMatching(
        /^the signature of the commit [0-9a-f]{12} does not count: it is by the key [0-9A-F]{16}, which is not trusted$/,
      ),
    });
  });

  it('does not count once its key has ended, whenever it was made', async () => {
    const old = keys.gpg('ed25519', true);
    signed(old);
    await expect(signerOf(trust('HEAD', old.publicKey))).rejects.toThrow(
      /the key [0-9A-F]{40} has expired on 2020-01-03/,
    );
  });

  it('does not count once its key is revoked', async () => {
    const ada = keys.gpg('ed25519');
    signed(ada);
    expect(await signerOf(trust('HEAD', ada.publicKey))).toContain('Ada');
    await expect(signerOf(trust('HEAD', ada.revoke()))).rejects.toMatchObject({
      code: 'SignatureInvalid',
      message: expect.stringContaining('revoked'),
    });
  });

  it('does not count for another content', async () => {
    const ada = keys.gpg('ed25519');
    signed(ada);
    forged((text) => text.replace(/\n\nsigned/, '\n\nforged'));
    await expect(signerOf(trust('HEAD', ada.publicKey))).rejects.toMatchObject({ code: 'SignatureInvalid' });
  });
});

describe('a commit signed by ssh-keygen', () => {
  it.each([
    ['ed25519', undefined],
    ['rsa', 3072],
    ['ecdsa', 256],
    ['ecdsa', 384],
    ['ecdsa', 521],
  ] as const)('counts when its key of %s, %s bits, is trusted', async (type, bits) => {
    const ada = keys.ssh(type, bits);
    const eve = keys.ssh(type, bits);
    signed(ada);
    expect(await signerOf(trust('HEAD', `${eve.publicKey}\n# both\n${ada.publicKey}`))).toMatch(
      /^SHA256:[A-Za-z0-9+/]{43} ada\d+@example\.com$/,
    );
    await expect(signerOf(trust('HEAD', eve.publicKey))).rejects.toThrow(
      /by the key SHA256:\S+, which is not trusted$/,
    );
    forged((text) => text.replace(/\n\nsigned/, '\n\nforged'));
    await expect(signerOf(trust('HEAD', ada.publicKey))).rejects.toThrow('it does not fit the content');
  });

  it('counts only within what a file of allowed signers says', async () => {
    const ada = keys.ssh('ed25519');
    signed(ada);
    const line = (options: string) => trust('HEAD', `ada@example.com ${options} ${ada.publicKey}`);
    expect(await signerOf(line('namespaces="git,file"'))).toMatch(/ ada@example\.com$/);
    expect(await signerOf(line('valid-after="20200101",valid-before="29990101Z"'))).toMatch(/ ada@example\.com$/);
    await expect(signerOf(line('namespaces="file"'))).rejects.toThrow('which is not trusted');
    await expect(signerOf(line('valid-before="20200101"'))).rejects.toThrow('not trusted at this time');
    await expect(signerOf(line('valid-after="29990101"'))).rejects.toThrow('not trusted at this time');
    await expect(signerOf(line('cert-authority'))).rejects.toMatchObject({
      code: 'CredentialsNotFound',
      message: expect.stringContaining('line 1: certificate authorities are not supported'),
    });
  });

  it('does not count when it was made for something else', async () => {
    const ada = keys.ssh('ed25519');
    signed(ada);
    forged((text) => {
      const body = /BEGIN SSH SIGNATURE-----\n([\s\S]*?)\n -----END/.exec(text)?.[1] ?? '';
      const bytes = Buffer.from(body.replaceAll(/\s/g, ''), 'base64');
      const at = bytes.indexOf('git');
      bytes.write('fil', at);
      const lines = bytes.toString('base64').match(/.{1,70}/g) ?? [];
      return text.replace(body, lines.map((line) => ` ${line}`).join('\n'));
    });
    await expect(signerOf(trust('HEAD', ada.publicKey))).rejects.toThrow('it was not made for git');
  });
});

describe('what has to be signed', () => {
  it('is never what is not', async () => {
    const ada = keys.ssh('ed25519');
    repository.commit({ 'a.yaml': `${Math.random()}` });
    await expect(signerOf(trust('HEAD', ada.publicKey))).rejects.toThrow(/^the commit [0-9a-f]{12} is not signed$/);
  });

  it('may be the tag, the commit, or both', async () => {
    const [ada, eve] = [keys.ssh('ed25519'), keys.ssh('ed25519')];
    signed(eve);
    tagged('v1', ada);
    const ref = { tag: 'v1' };
    expect(await signerOf(trust('Tag', ada.publicKey), ref)).toContain('SHA256:');
    expect(await signerOf(trust('HEAD', eve.publicKey), ref)).toContain('SHA256:');
    expect((await signerOf(trust('TagAndHEAD', ada.publicKey, eve.publicKey), ref))?.split('; ')).toHaveLength(2);
    await expect(signerOf(trust('TagAndHEAD', ada.publicKey), ref)).rejects.toThrow('the signature of the commit');
    await expect(signerOf(trust('TagAndHEAD', eve.publicKey), ref)).rejects.toThrow('the signature of the tag v1');
  });

  it('is not the commit because its tag is', async () => {
    const ada = keys.ssh('ed25519');
    repository.git('commit', '--quiet', '--allow-empty', '--no-gpg-sign', '-m', 'unsigned');
    repository.git('push', '--quiet', '--force', 'origin', 'HEAD:main');
    tagged('v2', ada);
    const ref = { tag: 'v2' };
    expect(await signerOf(trust('Tag', ada.publicKey), ref)).toContain('SHA256:');
    for (const mode of ['HEAD', 'TagAndHEAD'] as const)
      await expect(signerOf(trust(mode, ada.publicKey), ref)).rejects.toThrow(
        /^the commit [0-9a-f]{12} is not signed$/,
      );
  });

  it('is no tag that is bare, unsigned, or a good one under another name', async () => {
    const ada = keys.ssh('ed25519');
    const trusted = trust('Tag', ada.publicKey);
    const { git: run } = repository;
    tagged('plain');
    await expect(signerOf(trusted, { tag: 'plain' })).rejects.toThrow('the tag plain is not signed');
    run('push', '--quiet', '--force', 'origin', 'HEAD:refs/tags/bare');
    await expect(signerOf(trusted, { tag: 'bare' })).rejects.toThrow('it is no annotated tag');
    tagged('v1', ada);
    run('push', '--quiet', '--force', 'origin', 'refs/tags/v1:refs/tags/v2');
    await expect(signerOf(trusted, { tag: 'v2' })).rejects.toThrow('the tag v2 calls itself "v1"');
    await expect(signerOf(trusted)).rejects.toThrow('refs/heads/main is no tag');
  });

  it.skipIf(!hasGpg)('may be a tag signed by gpg', async () => {
    const ada = keys.gpg('ed25519');
    tagged('pgp', ada);
    expect(await signerOf(trust('Tag', ada.publicKey), { tag: 'pgp' })).toMatch(/^[0-9A-F]{40} Ada/);
  });

  it.each([
    ['nothing that is a key', 'hello', /^the key key-0 of spec\.source\.verify: line 1: it holds no public key/],
    ['a broken key', 'ssh-ed25519 AAAA', /line 1: it ends too early/],
    ['a weak key', weakRsa(), /line 1: an RSA key of 1024 bits is too weak/],
  ])('is checked by no %s', async (_what, text, problem) => {
    repository.commit({ 'a.yaml': `${Math.random()}` });
    await expect(signerOf(trust('HEAD', text))).rejects.toThrow(problem);
  });
});
