import { createDatabaseThread, type DatabaseThread } from '../../database-thread/caller.ts'
import type { Archive } from './types.ts'

/** The archive in a thread: one of its own, or one that it shares. */
export function createArchiveThread(folder: string, thread: DatabaseThread = createDatabaseThread()): Archive {
  const module = new URL('./in-thread.ts', import.meta.url)
  const { call, close } = thread.store({ module, data: folder, name: 'incidents', code: 'INCIDENT_ARCHIVE' })
  return {
    open: () => call('open'),
    put: (closed) => call('put', closed),
    page: (...asked) => call('page', ...asked),
    count: (filter) => call('count', filter),
    get: (id) => call('get', id),
    months: (from, to) => call('months', from, to),
    last: () => call('last'),
    copyTo: (path) => call('copyTo', path),
    close,
  }
}
