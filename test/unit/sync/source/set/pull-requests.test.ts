import { describe, expect, it } from 'vitest';
import type { PullRequestsAsked } from '../../../../../sync/ports.ts';
import type { Web } from '../../../../../sync/source/artifact/web.ts';
import { pullRequestParameters } from '../../../../../sync/source/set/pull-requests.ts';

const asked = (provider: PullRequestsAsked['provider'] = 'gitea'): PullRequestsAsked => ({
  by: 'pullRequests',
  provider,
  api: 'https://git.example.com/api/v1',
  project: 'team/shop',
  labels: [],
  branch: undefined,
  credentials: undefined,
});
const request = (number: number, sha: string | null = 'a'.repeat(40)) => ({
  number,
  iid: number,
  sha,
  title: 'x',
  labels: [],
  head: { ref: `b${number}`, sha },
  base: { ref: 'main' },
});

/** A server with pages of its own length. @param numbers what is open at the nth question */
function server(numbers: (question: number) => readonly number[], length = 50, isLinking = true) {
  let questions = 0;
  const web: Web = async ({ url }) => {
    const page = Number(new URL(url).searchParams.get('page'));
    const open = numbers(questions);
    questions += 1;
    const listed = open.slice((page - 1) * length, page * length).map((number) => request(number));
    const next = page * length < open.length ? `<${url}&next>; rel="next"` : `<${url}>; rel="last"`;
    const body = Buffer.from(JSON.stringify(listed));
    return { status: 200, origin: '', header: (name) => (name === 'link' && isLinking ? next : undefined), body };
  };
  return web;
}
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1);
const numbersOf = async (web: Web) => (await pullRequestParameters(web, asked())).map((one) => one.get('number'));

describe('the open requests of a repository', () => {
  it.each([true, false])('are all of them, however short the pages of the server are (it links: %s)', async (links) => {
    for (const count of [0, 3, 50, 70, 150])
      expect(await numbersOf(server(() => upTo(count), 50, links))).toEqual(upTo(count));
  });

  it('are read again when one is closed between two pages', async () => {
    const closing = server((question) => (question === 0 ? upTo(150) : upTo(150).slice(1)));
    expect(await numbersOf(closing)).toEqual(upTo(150).slice(1));
    const restless = server((question) => upTo(150).slice(question));
    await expect(numbersOf(restless)).rejects.toMatchObject({ code: 'SourceUnreachable' });
  });

  it.each(['github', 'gitlab', 'gitea'] as const)(
    'of %s that can not be read are an error, and never closed',
    async (by) => {
      const answering =
        (one: object): Web =>
        async () => ({
          status: 200,
          origin: '',
          header: () => undefined,
          body: Buffer.from(JSON.stringify([one])),
        });
      await expect(pullRequestParameters(answering({ title: 'x' }), asked(by))).rejects.toMatchObject({
        code: 'SourceUnreachable',
      });
      await expect(pullRequestParameters(answering(request(7, null)), asked(by))).rejects.toThrow(
        'the request 7 of team/shop has no commit yet',
      );
      const other = { ...asked(by), labels: ['preview'] };
      expect(await pullRequestParameters(answering(request(7, null)), other)).toEqual([]);
    },
  );
});
