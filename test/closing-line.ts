import type { Reporter, TestCase, TestModule } from 'vitest/node';

/** Ends a run with the one line that CI reads: how many tests passed, failed and were skipped; the skipped ones by name. */
export class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const byState = (state: string): TestCase[] => tests.filter((test) => test.result().state === state);
    const skipped = tests.filter((test) => !['passed', 'failed'].includes(test.result().state));
    const broken = modules.filter((module) => module.errors().length > 0).length;
    const failed = byState('failed').length + broken + errors.length;
    for (const test of skipped) console.log(`skipped: ${test.fullName}`);
    // Where everything is installed, a test that did not run is one that failed.
    if (process.env['CI'] !== undefined && skipped.length > 0) process.exitCode = 1;
    const rest = skipped.length > 0 ? `, ${skipped.length} skipped` : '';
    console.log(`\n${byState('passed').length} passed, ${failed} failed${rest}`);
  }
}
