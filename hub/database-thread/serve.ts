import { parentPort } from 'node:worker_threads'
import { LinliError, reasonOf } from '../contract/errors.ts'
import type { Reply, Request } from './caller.ts'

/** The other end: the thread that owns the file, so that neither its fsyncs nor long questions hold up an alarm. */
export function serve(store: object, code: string): void {
  const port = parentPort
  if (!port) throw new Error('a worker of a database runs only as a worker thread')
  port.on('message', async ({ id, call, args }: Request) => {
    let reply: Reply
    try {
      const method = Reflect.get(store, call) as (...values: unknown[]) => Promise<unknown>
      reply = { id, value: await method(...args) }
    } catch (error) {
      reply = { id, failure: { code: error instanceof LinliError ? error.code : code, message: reasonOf(error) } }
    }
    port.postMessage(reply)
    if (call === 'close') port.close()
  })
}
