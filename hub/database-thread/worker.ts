import { parentPort } from 'node:worker_threads'
import { giveBackAtRest } from '../at-rest/at-rest.ts'
import { LinliError, reasonOf } from '../contract/errors.ts'
import type { Beginning, Reply, Request } from './caller.ts'

/** The other end: the thread that owns the files, so that neither their fsyncs nor long questions hold up an alarm. */

const port = parentPort
if (!port) throw new Error('worker.ts runs only as a worker thread')

giveBackAtRest()

/** By name; a promise, so that calls that come while its source is loaded wait for it in order. */
const stores = new Map<string, Promise<object>>()

port.on('message', (message: Beginning | Request) => {
  if ('module' in message) {
    const store = made(message)
    // Why it cannot be made is told to each of its calls.
    store.catch(() => undefined)
    stores.set(message.store, store)
  } else void answer(message).then((reply) => port.postMessage(reply))
})

async function made({ module, data }: Beginning): Promise<object> {
  const { createInThread } = (await import(module)) as { createInThread: (data: unknown) => object }
  return createInThread(data)
}

async function answer({ id, store, call, args, code }: Request): Promise<Reply> {
  try {
    const owner = await stores.get(store)
    if (!owner) throw new Error(`the thread has no ${store}`)
    const method = Reflect.get(owner, call) as (...values: unknown[]) => Promise<unknown>
    return { id, value: await method(...args) }
  } catch (error) {
    return { id, failure: { code: error instanceof LinliError ? error.code : code, message: reasonOf(error) } }
  }
}
