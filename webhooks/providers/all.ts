import { generic } from './generic.ts';
import { gitea } from './gitea.ts';
import { github } from './github.ts';
import { gitlab } from './gitlab.ts';
import type { Provider } from './provider.ts';

/** Every sender that is understood, by its name in the path. */
export const providers: ReadonlyMap<string, Provider> = new Map(
  [github, gitlab, gitea, generic].map((provider) => [provider.name, provider]),
);
