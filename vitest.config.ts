import { homedir } from 'node:os'
import { join } from 'node:path'
import { configDefaults, defineConfig } from 'vitest/config'

// Compiled code is kept where the programs keep theirs: an eighth of the whole run's CPU. Whoever forks has it from here.
process.env.NODE_COMPILE_CACHE ??= join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'linli', 'node')

// Forks, not threads: native serialport in a worker thread ends the process.
const shared = { pool: 'forks' as const, environment: 'node' as const }
/**
 * What waits for no real time uses both cores of the smallest machine. Then real processes, two files at a time; at the end
 * those that need both cores to themselves.
 */
const inMemory = { ...shared, maxWorkers: 2, sequence: { groupOrder: 1 } }
const shortProcesses = { ...shared, maxWorkers: 2, sequence: { groupOrder: 2 } }
const realProcesses = { ...shared, maxWorkers: 1, fileParallelism: false, sequence: { groupOrder: 3 } }
/** What takes minutes: whole days, seasons and every state on virtual time, kills by the dozen, pages in a browser. `npm run test:long`. */
const longOnes = process.env.LINLI_LONG
  ? []
  : [
      'test/sim/day.test.ts',
      'test/sim/season.test.ts',
      'test/sim/gates.test.ts',
      'test/sim/gate-stories.test.ts',
      'firmware/drivers/access-gate/barrier/exploration.test.ts',
      'test/stack/kills.test.ts',
      'test/browser/{duty-desk,every-page,rooms,hour,dashboard}.test.ts',
    ]
/** Presses among kills by the dozen, where a stalled machine would be taken for a fault: with both cores to themselves. */
const alone = ['test/stack/kills.test.ts', 'test/stack/press.test.ts']

export default defineConfig({
  test: {
    reporters: ['default', './test/support/summary-reporter.ts'],
    projects: [
      { test: { ...inMemory, name: 'structure', include: ['test/structure.test.ts'], testTimeout: 30_000 } },
      {
        test: {
          ...inMemory,
          name: 'unit',
          include: ['{hub,firmware,flows,hardware-sim,test/support}/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...longOnes],
          testTimeout: 30_000,
        },
      },
      {
        test: {
          ...inMemory,
          name: 'sim',
          include: ['test/sim/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...longOnes],
          testTimeout: 120_000,
        },
      },
      {
        test: {
          ...shortProcesses,
          name: 'tools',
          include: ['test/tools/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          ...shortProcesses,
          name: 'interop',
          include: ['test/interop/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          ...shortProcesses,
          name: 'stack',
          include: ['test/stack/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...alone],
          testTimeout: 120_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          ...realProcesses,
          name: 'alone',
          include: alone,
          exclude: [...configDefaults.exclude, ...longOnes],
          testTimeout: 120_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          ...shortProcesses,
          name: 'browser',
          include: ['test/browser/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...longOnes],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          ...realProcesses,
          name: 'campaign',
          include: ['test/campaign/**/*.test.ts'],
          // As long as was asked for: what hangs ends by the campaign's own limits.
          testTimeout: 3_600_000,
        },
      },
    ],
  },
})
