import type { Snapshot, SourceRequest, Sources } from '../../../sync/ports.ts';
import { followedOf, type RefSpec } from '../../../sync/source/follow.ts';
import type { Credentials } from '../../../sync/source/login.ts';

/** A question of somebody, for the branch main unless something else is said. */
export function sourceRequest(
  url: string,
  more: Partial<Omit<SourceRequest, 'credentials'>> & { ref?: RefSpec; credentials?: Partial<Credentials> } = {},
): SourceRequest {
  const { ref = {}, credentials, ...rest } = more;
  return {
    url,
    followed: followedOf(ref),
    path: '',
    ignore: undefined,
    submodules: false,
    isPlain: false,
    chart: undefined,
    set: undefined,
    allows: () => true,
    user: 'somebody',
    owner: 'somebody',
    ...rest,
    credentials:
      credentials === undefined
        ? undefined
        : { authorization: undefined, fingerprint: JSON.stringify(credentials), ...credentials },
  };
}

/** What the source says now. */
export async function snapshotOf(sources: Sources, request: SourceRequest): Promise<Snapshot> {
  return sources.read(request, await sources.tip(request));
}

/** Its files, as texts. */
export function textsOf({ files }: Snapshot): Record<string, string> {
  return Object.fromEntries(files.map((file) => [file.path, Buffer.from(file.read()).toString()]));
}

/** Why the source can't be read. */
export function refusal(from: Sources, url: string): Promise<{ readonly code?: string; readonly message: string }> {
  return snapshotOf(from, sourceRequest(url)).then(
    () => ({ message: 'was read' }),
    (error: Error) => error,
  );
}
