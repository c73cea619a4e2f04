import { defineConfig } from 'vitest/config'

// Forks, not threads: native serialport in a worker thread ends the process.
const shared = { pool: 'forks' as const, environment: 'node' as const }

export default defineConfig({
  test: {
    reporters: ['default', './test/support/summary-reporter.ts'],
    projects: [
      { test: { ...shared, name: 'structure', include: ['test/structure.test.ts'], testTimeout: 30_000 } },
      {
        test: {
          ...shared,
          name: 'unit',
          include: ['{hub,firmware,flows,hardware-sim,test/support}/**/*.test.ts'],
          testTimeout: 30_000,
        },
      },
      { test: { ...shared, name: 'sim', include: ['test/sim/**/*.test.ts'], testTimeout: 120_000 } },
      {
        test: {
          ...shared,
          name: 'stack',
          include: ['test/stack/**/*.test.ts', 'test/interop/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 60_000,
          // Real processes share two cores: one file at a time keeps the waits honest.
          fileParallelism: false,
        },
      },
      {
        test: {
          ...shared,
          name: 'campaign',
          include: ['test/campaign/**/*.test.ts'],
          // As long as was asked for: what hangs ends by the campaign's own limits.
          testTimeout: 3_600_000,
          fileParallelism: false,
        },
      },
    ],
  },
})
