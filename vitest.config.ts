import { defineConfig } from 'vitest/config';
import { ClosingLine } from './test/closing-line.ts';

const reporters = ['default' as const, new ClosingLine()];

export default defineConfig({
  test: {
    reporters,
    projects: [
      { extends: true, test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 20_000 } },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts', 'test/cluster/**/*.test.ts', 'test/faults/**/*.test.ts'],
          globalSetup: ['test/e2e/support/setup.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          maxWorkers: 1,
        },
      },
    ],
  },
});
