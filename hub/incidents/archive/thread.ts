import { createDatabaseThread } from '../../database-thread/caller.ts'
import type { Archive } from './types.ts'

/** The archive in a thread of its own. */
export function createArchiveThread(folder: string): Archive {
  const worker = new URL('./worker.ts', import.meta.url)
  const { call, close } = createDatabaseThread({ worker, data: folder, name: 'incidents', code: 'INCIDENT_ARCHIVE' })
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
