import { helloWorld } from '../support/hello-world.ts';
import { badCommit, fix, whileHeld } from './back.ts';
import { drift, firstSync, removal, scaleUp } from './forward.ts';
import { makeHookSecret, type Scene, showRest, step } from './stage.ts';

/** What the team has in Git at first. */
const firstFiles = {
  'deployment.yaml': helloWorld.deployment(),
  'service.yaml': helloWorld.service,
  'settings.yaml': helloWorld.settings('blue'),
  'migration.yaml': helloWorld.migration,
  'worker.yaml': helloWorld.worker,
};

/** The whole story: each chapter throws when something in it does not hold. */
export async function tellStory(scene: Scene): Promise<void> {
  const first = await step('a Git repository gets the hello-world application, and signs its webhooks', async () => {
    await makeHookSecret(scene);
    return scene.repository.commit(firstFiles, 'hello, world');
  });
  const chapter = async <T>(play: () => Promise<T>): Promise<T> => {
    const result = await play();
    await showRest(scene);
    return result;
  };
  await chapter(() => firstSync(scene, first));
  await chapter(() => scaleUp(scene));
  await chapter(() => drift(scene));
  await chapter(() => removal(scene));
  process.stdout.write('\n  A bad commit comes back\n\n');
  const good = await chapter(() => badCommit(scene));
  await chapter(() => whileHeld(scene, good));
  await chapter(() => fix(scene));
}
