// The loose one, as node:test gives it to the suite.
import assert from 'node:assert'
import { createRequire } from 'node:module'
import { describe, it } from 'vitest'
import { createMemoryDisk } from '../../journal/memory-backend.ts'
import { openMemoryLog } from '../../journal/open.ts'
import { JOURNAL_LANES } from '../../journal-lanes.ts'
import { Persistence } from './persistence.ts'
import { createQueues } from './queues.ts'
import { openSessions } from './sessions.ts'
import { journalStore, type SessionStore, volatileStore } from './store.ts'

/** The suite that aedes-persistence publishes for whoever writes a persistence, on ours with and without a journal. */

interface Context {
  plan(assertions: number): void
  diagnostic(text: string): void
  assert: typeof assert
}
type Suite = (options: {
  test: (name: string, body: (context: Context) => Promise<void>) => void
  persistence: () => Promise<Persistence>
  testAsync: true
}) => void
const suite = createRequire(import.meta.url)('aedes-persistence/abstract.js') as Suite

describe.each([
  ['in memory', async () => volatileStore()],
  [
    'on the journal',
    async () => journalStore(await openMemoryLog(createMemoryDisk(), { lanes: JOURNAL_LANES }), Date.now),
  ],
] as Array<[string, () => Promise<SessionStore>]>)('aedes-persistence, %s', (_where, store) => {
  suite({
    test: (name, body) =>
      it(name, async () => {
        let planned: number | undefined
        let made = 0
        const counted = new Proxy(assert, {
          get(target, key) {
            const one = target[key as keyof typeof target] as unknown
            if (typeof one !== 'function') return one
            return (...given: unknown[]) => {
              made += 1
              return one(...given)
            }
          },
        })
        await body({ plan: (count) => (planned = count), diagnostic: () => undefined, assert: counted })
        if (planned !== undefined) assert.equal(made, planned)
      }),
    async persistence() {
      const sessions = await openSessions({ store: await store(), now_ms: Date.now, log: { info() {}, warn() {} } })
      return new Persistence(
        sessions,
        createQueues(sessions, () => undefined),
      )
    },
    testAsync: true,
  })
})
