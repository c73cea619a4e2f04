import type { Reporter, TestModule, TestSuite, Vitest } from 'vitest/node'

/**
 * Ends a run with one line per skipped suite and, as the very last line, `N passed, N failed, N skipped`.
 * CI and people read the same line; `.ci/run` ends with it.
 */

export interface Summary {
  passed: number
  failed: number
  skipped: number
  /** One line per suite that was skipped: which, how many tests, how to enable them. */
  skips: string[]
}

/**
 * Counts a run. A suite or file that broke outside of its tests (import, hook) counts as one failed, and so does each
 * error that no test caught: each of them may hide any number of tests.
 */
export function summaryOf(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): Summary {
  const summary: Summary = { passed: 0, failed: unhandledErrors.length, skipped: 0, skips: [] }
  for (const module of modules) {
    if (module.errors().length > 0) summary.failed += 1
    for (const test of module.children.allTests()) {
      const { state } = test.result()
      // A test that never finished (the worker died) proves nothing either.
      if (state === 'pending') summary.failed += 1
      else summary[state] += 1
    }
    for (const suite of module.children.allSuites()) {
      if (suite.errors().length > 0) summary.failed += 1
      const line = skipLine(module, suite)
      if (line !== undefined) summary.skips.push(line)
    }
  }
  return summary
}

function skipLine(module: TestModule, suite: TestSuite): string | undefined {
  const { needs } = suite.meta()
  const inherited = suite.parent.type === 'suite' && suite.parent.meta().needs !== undefined
  if (needs === undefined || inherited) return undefined
  const count = [...suite.children.allTests()].length
  return `skipped: ${module.relativeModuleId} > ${suite.fullName} (${count} ${count === 1 ? 'test' : 'tests'}), ${needs}`
}

export function summaryLine({ passed, failed, skipped }: Summary): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`
}

export default class SummaryReporter implements Reporter {
  #watching = false
  #summary: Summary = { passed: 0, failed: 0, skipped: 0, skips: [] }

  onInit(vitest: Vitest): void {
    this.#watching = vitest.config.watch
    // At exit, so that nothing another reporter or a late error prints can follow; writes to pipes and files are
    // synchronous on Linux.
    if (!this.#watching) process.once('exit', () => this.#print())
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    this.#summary = summaryOf(modules, unhandledErrors)
    if (this.#watching) this.#print()
  }

  #print(): void {
    const { failed, passed, skipped, skips } = this.#summary
    const unproven = Boolean(process.env.CI) && skipped > 0
    if (!this.#watching && (failed > 0 || passed === 0 || unproven)) process.exitCode ||= 1
    const why = unproven ? ['in CI a skipped test is a failure'] : []
    process.stdout.write(`\n${[...skips, ...why, summaryLine(this.#summary)].join('\n')}\n`)
  }
}
