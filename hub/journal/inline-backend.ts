import { closeSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Backend } from './backend.ts'
import { type FileStoreConfig, openFileStore } from './file-store.ts'
import type { LaneConfig } from './types.ts'

/**
 * The store over a folder, called in the thread of its caller: for a disk whose fsync takes less than the two hops to
 * another thread and back. Throws a LinliError: JOURNAL_LOCKED, JOURNAL_IO, JOURNAL_CONFIG.
 * @param given.isKnown the file was open in this process until now: it need not be read through again
 */
export function openInline(
  config: FileStoreConfig,
  lanes: readonly LaneConfig[],
  given: { isKnown: boolean; committed(took_ms: number): void },
): Backend {
  const store = openFileStore(config, lanes, { isKnown: given.isKnown })

  return {
    // What the sockets that are readable in this turn bring goes into one commit; between two commits the loop turns once.
    turn: () => new Promise((resolve) => setImmediate(resolve)),
    open: async () => store.opened(),
    async commit(batch, cursors) {
      const from_ms = performance.now()
      const outcome = store.commit(batch, cursors)
      given.committed(performance.now() - from_ms)
      return outcome
    },
    read: async (lane, after_position, limit) => store.read(lane, after_position, limit),
    list: async (lane) => store.list(lane),
    tidy: async (work) => store.tidy(work),
    shrink: async (pages) => store.shrink(pages),
    copyTo: async (path) => store.copyTo(path),
    close: async () => store.close(),
    onDeath: () => undefined,
  }
}

const PROBES = 5
const PROBE_BYTES = 1024

/** What a write with its fsync takes on the disk of this folder, ms, a few times over; none when it cannot be written to. */
export function probeDisk(folder: string): number[] {
  const path = join(folder, 'disk-probe')
  const taken_ms: number[] = []
  try {
    const file = openSync(path, 'w', 0o600)
    try {
      for (let n = 0; n < PROBES; n += 1) {
        const from_ms = performance.now()
        writeSync(file, Buffer.alloc(PROBE_BYTES, n))
        fsyncSync(file)
        taken_ms.push(performance.now() - from_ms)
      }
    } finally {
      closeSync(file)
    }
  } catch {
    // A full or failing disk; what the log writes will say so.
  }
  rmSync(path, { force: true })
  return taken_ms
}
