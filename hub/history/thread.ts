import { createDatabaseThread, type DatabaseThread } from '../database-thread/caller.ts'
import type { StoreBackendConfig } from './backend.ts'
import type { HistoryBackend } from './types.ts'

/** The store in a thread: one of its own, or one that it shares. */
export function createThreadBackend(
  config: StoreBackendConfig,
  thread: DatabaseThread = createDatabaseThread(),
): HistoryBackend {
  const module = new URL('./in-thread.ts', import.meta.url)
  const { call, close } = thread.store({ module, data: config, name: 'history', code: 'HISTORY_IO' })
  return {
    open: () => call('open'),
    append: (packs) => call('append', packs),
    tidy: (now_ms) => call('tidy', now_ms),
    series: () => call('series'),
    count: (slice) => call('count', slice),
    raw: (slice, after, limit) => call('raw', slice, after, limit),
    buckets: (...asked) => call('buckets', ...asked),
    copyTo: (path) => call('copyTo', path),
    close,
  }
}
