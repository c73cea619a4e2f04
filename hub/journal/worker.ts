import { parentPort, workerData } from 'node:worker_threads'
import { LinliError, reasonOf } from '../contract/errors.ts'
import type { Failure } from './backend.ts'
import { openFileStore } from './file-store.ts'
import type { FileStore } from './keeper.ts'
import type { Store } from './store.ts'
import type { Reply, Request, ThreadData } from './worker-backend.ts'

/** The thread that owns the file: an fsync of 20 ms on an SD card must not hold up the thread that reads sockets. */

const { config, beside } = workerData as ThreadData
const port = parentPort
if (!port) throw new Error('worker.ts runs only as a worker thread')

if (beside !== undefined) await import(beside)

let open: FileStore | undefined

port.on('message', (request: Request) => {
  const reply = answer(request)
  port.postMessage(reply.message, reply.transfer)
  if (request.call === 'close') port.close()
})

function answer({ id, call, args }: Request): { message: Reply; transfer: ArrayBuffer[] } {
  try {
    const value = perform(call, args)
    const isBatch = call === 'read' || call === 'list'
    return {
      message: { id, value },
      transfer: isBatch ? [(value as ReturnType<Store['read']>).payload.buffer] : [],
    }
  } catch (error) {
    const code = error instanceof LinliError ? error.code : 'JOURNAL_IO'
    return {
      message: { id, failure: { code: code as Failure['code'], message: reasonOf(error) } },
      transfer: [],
    }
  }
}

function perform(call: Request['call'], args: Request['args']): unknown {
  if (call === 'open') {
    const [spec] = args as Parameters<Opening>
    open = openFileStore(config, spec.lanes)
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
