import { parentPort } from 'node:worker_threads';
import { createEvaluator } from '../../health/evaluate.ts';
import type { Reply, Task } from './messages.ts';

/** The thread in which rules of people are evaluated, one after the other. It knows nothing but what it is sent. */
const evaluator = createEvaluator();

function reply(message: Reply): void {
  parentPort?.postMessage(message);
}

parentPort?.on('message', ({ expressions, values }: Task) => {
  const started = performance.now();
  const outcome =
    values === undefined
      ? { problems: evaluator.check(expressions) }
      : { answers: evaluator.answer(expressions, values) };
  reply({ ...outcome, took: performance.now() - started });
});
reply('ready');
