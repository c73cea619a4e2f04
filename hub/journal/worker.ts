import { parentPort, workerData } from 'node:worker_threads'
import { LinliError, reasonOf } from '../contract/errors.ts'
import type { Failure } from './backend.ts'
import { type FileStoreConfig, openFileStore } from './file-store.ts'
import type { FileStore } from './keeper.ts'
import type { Store } from './store.ts'
import type { Reply, Request } from './worker-backend.ts'

/** The thread that owns the file on a slow disk: an fsync of 20 ms on an SD card must not hold up the thread that reads sockets. */

const { isKnown, ...config } = workerData as FileStoreConfig & { isKnown: boolean }
const port = parentPort
if (!port) throw new Error('worker.ts runs only as a worker thread')

let open: FileStore | undefined

port.on('message', (request: Request) => {
  const from_ms = performance.now()
  const reply = answer(request)
  reply.message.took_ms = performance.now() - from_ms
  port.postMessage(reply.message, reply.transfer)
  if (request.call === 'close') port.close()
})

function answer({ id, call, args }: Request): { message: Reply; transfer: ArrayBuffer[] } {
  try {
    const value = perform(call, args)
    const isBatch = call === 'read' || call === 'list'
    return {
      message: { id, value, took_ms: 0 },
      transfer: isBatch ? [(value as ReturnType<Store['read']>).payload.buffer] : [],
    }
  } catch (error) {
    const code = error instanceof LinliError ? error.code : 'JOURNAL_IO'
    return {
      message: { id, failure: { code: code as Failure['code'], message: reasonOf(error) }, took_ms: 0 },
      transfer: [],
    }
  }
}

function perform(call: Request['call'], args: Request['args']): unknown {
  if (call === 'open') {
    const [spec] = args as Parameters<Opening>
    open = openFileStore(config, spec.lanes, { isKnown })
    return open.opened()
  }
  if (call === 'close') {
    open?.close()
    return undefined
  }
  if (!open) throw new Error('the journal is not open')
  const method = open[call] as (...values: unknown[]) => unknown
  return method(...args)
}

type Opening = import('./backend.ts').Backend['open']
