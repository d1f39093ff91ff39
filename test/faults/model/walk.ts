import { createRandom } from '../random.ts';
import { acts } from './acts.ts';
import { type Walked, Walker } from './walker.ts';

/** Walks by a seed: commits, people, faults; then all faults end, one more commit comes, and everything must be well. */
export async function walk(seed: number, length = 14): Promise<Walked> {
  const random = createRandom(seed);
  const { random: chance } = Math;
  // What modules under test leave to chance is a matter of the seed too.
  Math.random = random.next;
  try {
    const walker = new Walker(random, acts);
    await walker.begin();
    for (let step = 0; step < length; step += 1) await walker.step();
    return await walker.end();
  } finally {
    Math.random = chance;
  }
}
