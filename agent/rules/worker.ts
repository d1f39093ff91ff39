import { parentPort } from 'node:worker_threads';
import { createEvaluator } from '../../health/evaluate.ts';
import type { Reply, Task } from './messages.ts';

/** The thread in which rules of people are evaluated, one after the other. It knows nothing but what it is sent. */
const evaluator = createEvaluator();

function reply(message: Reply): void {
  parentPort?.postMessage(message);
}

parentPort?.on('message', ({ rule, object }: Task) => {
  const started = performance.now();
  const outcome =
    object === undefined ? { problems: evaluator.check(rule) } : { answers: evaluator.answer(rule, object) };
  reply({ ...outcome, took: performance.now() - started });
});
reply('ready');
