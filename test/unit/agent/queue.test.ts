import { describe } from 'vitest';
import { createInProcessQueue } from '../../../agent/queue/in-process.ts';
import { queueContract } from './queue-contract.ts';

describe('the queue in memory', () => {
  queueContract((work, onError = () => undefined, limits) => createInProcessQueue(work, onError, limits), 15);
});
