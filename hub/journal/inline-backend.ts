import type { Backend } from './backend.ts'
import { type FileStoreConfig, openFileStore } from './file-store.ts'
import type { LaneConfig } from './types.ts'

/**
 * The store over a folder, called in the thread of its caller: for a disk whose fsync takes less than the two hops to
 * another thread and back.
 */
export interface InlineBackend extends Backend {
  /** What a commit takes on this disk just now, ms, a few times over. Writes a few kB. */
  probe(): number[]
}

const PROBES = 5

/**
 * Throws a LinliError: JOURNAL_LOCKED, JOURNAL_IO, JOURNAL_CONFIG.
 * @param isChecked the file was open in this process until now: it need not be read through again
 */
export function openInline(
  config: FileStoreConfig,
  lanes: readonly LaneConfig[],
  events: { isChecked: boolean; committed(took_ms: number): void },
): InlineBackend {
  const { store, close, writeOnce } = openFileStore(config, lanes, { isChecked: events.isChecked })

  return {
    // What the sockets that are readable in this turn bring goes into one commit; between two commits the loop turns once.
    turn: () => new Promise((resolve) => setImmediate(resolve)),
    open: async () => store.opened(),
    async commit(batch, cursors) {
      const from_ms = performance.now()
      const outcome = store.commit(batch, cursors)
      events.committed(performance.now() - from_ms)
      return outcome
    },
    read: async (lane, after_position, limit) => store.read(lane, after_position, limit),
    list: async (lane) => store.list(lane),
    tidy: async (work) => store.tidy(work),
    shrink: async (pages) => store.shrink(pages),
    close: async () => close(),
    onDeath: () => undefined,
    probe() {
      const taken_ms: number[] = []
      for (let n = 0; n < PROBES; n += 1) {
        const from_ms = performance.now()
        try {
          writeOnce()
        } catch {
          // A full disk; what the log writes will say so.
          return taken_ms
        }
        taken_ms.push(performance.now() - from_ms)
      }
      return taken_ms
    },
  }
}
