import type { LinliError } from '../contract/errors.ts'
import { createLog } from './log.ts'
import { createMemoryBackend, type MemoryBackendConfig, type MemoryDisk } from './memory-backend.ts'
import type { Log, LogConfig } from './types.ts'
import { createWorkerBackend } from './worker-backend.ts'

/** The two ways to have a log: in a folder; or in memory, for virtual time. */

/** Room held back for lanes that are never evicted: about 4,000 alarms of 500 bytes, one by one. */
const RESERVE_BYTES = 4 * 1024 * 1024

export interface FileLogConfig extends LogConfig {
  onFault?: (fault: LinliError) => void
  /** 4 MiB when absent; 0 for none. */
  reserve_bytes?: number
  /** A module that is loaded into the journal's thread too. */
  beside?: URL
}

/** Opens the log in a folder of its own, made when missing. Rejects with JOURNAL_LOCKED, JOURNAL_IO, JOURNAL_CONFIG. */
export function openFileLog(folder: string, config: FileLogConfig): Promise<Log> {
  const { onFault, reserve_bytes = RESERVE_BYTES, beside, ...rest } = config
  const backend = createWorkerBackend({ folder, reserve_bytes }, beside)
  return createLog({ backend, ...(onFault ? { onFault } : {}) }, rest)
}

export interface MemoryLogConfig extends LogConfig, MemoryBackendConfig {
  onFault?: (fault: LinliError) => void
}

/** Opens a log on a disk that outlives it. `kill` is a power cut: nothing more is written and no promise settles. */
export async function openMemoryLog(disk: MemoryDisk, config: MemoryLogConfig): Promise<Log & { kill(): void }> {
  const { onFault, commit_ms = 0, ...rest } = config
  const backend = createMemoryBackend(disk, { commit_ms })
  const log = await createLog({ backend, ...(onFault ? { onFault } : {}) }, rest)
  return Object.assign(log, { kill: () => backend.kill() })
}
