import { defineConfig } from 'vitest/config';
import { ClosingLine } from './test/closing-line.ts';

const reporters = ['default' as const, new ClosingLine()];

/** What counts every request of the one agent there is, holds it to fractions of a second, fills the machine, or brings an API that is not there. */
const alone = [
  'test/e2e/attacks/charts.test.ts',
  'test/e2e/attacks/kustomizations.test.ts',
  'test/e2e/engine/process.test.ts',
  'test/e2e/order-needs.test.ts',
  'test/e2e/scale.test.ts',
  'test/e2e/sources/large.test.ts',
  'test/e2e/signals-speed.test.ts',
  'test/e2e/verify-hundreds.test.ts',
  'test/e2e/webhooks.test.ts',
  'test/e2e/rollback/bad-image.test.ts',
  'test/e2e/rollback/crash-loop.test.ts',
  'test/e2e/rollback/slow-but-healthy.test.ts',
  'test/e2e/rollback/twelve.test.ts',
  'test/faults/leader.test.ts',
];

/** On the real control plane. Tests wait more than they work, so three files run at once. */
const endToEnd = {
  globalSetup: ['test/e2e/support/setup.ts'],
  testTimeout: 120_000,
  hookTimeout: 120_000,
};

export default defineConfig({
  test: {
    reporters,
    projects: [
      { extends: true, test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 20_000 } },
      {
        extends: true,
        test: {
          ...endToEnd,
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts', 'test/cluster/**/*.test.ts', 'test/faults/**/*.test.ts'],
          exclude: alone,
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: { ...endToEnd, name: 'alone', include: alone, maxWorkers: 1, sequence: { groupOrder: 2 } },
      },
    ],
  },
});
