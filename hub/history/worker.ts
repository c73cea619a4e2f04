import { parentPort, workerData } from 'node:worker_threads'
import { LinliError, reasonOf } from '../contract/errors.ts'
import { createStoreBackend, type StoreBackendConfig } from './backend.ts'
import type { Reply, Request } from './thread.ts'

/** The thread that owns the history's file: neither its fsyncs nor long questions hold up an alarm. */

const port = parentPort
if (!port) throw new Error('worker.ts runs only as a worker thread')
const backend = createStoreBackend(workerData as StoreBackendConfig)

port.on('message', async ({ id, call, args }: Request) => {
  let reply: Reply
  try {
    const method = backend[call] as (...values: unknown[]) => Promise<unknown>
    reply = { id, value: await method(...args) }
  } catch (error) {
    reply = { id, failure: { code: error instanceof LinliError ? error.code : 'HISTORY_IO', message: reasonOf(error) } }
  }
  port.postMessage(reply)
  if (call === 'close') port.close()
})
