import { Worker } from 'node:worker_threads'
import { LinliError } from '../contract/errors.ts'

/**
 * Calls of stores whose files belong to a thread. They share one: a thread of its own costs 10 MB, and each of their calls
 * takes a few ms. A thread that fails is begun again by the next call.
 */

/** Sent before the first call of a store. */
export interface Beginning {
  store: string
  /** Exports `createInThread(data)`, which makes the store. */
  module: string
  data: unknown
}
export interface Request {
  id: number
  store: string
  call: string
  args: unknown[]
  /** Of a failure without one of its own. */
  code: string
}
export type Reply = { id: number; value: unknown } | { id: number; failure: { code: string; message: string } }

interface Waiting {
  store: StoreConfig
  resolve(value: unknown): void
  reject(error: Error): void
}

export interface StoreConfig {
  module: URL
  data: unknown
  /** Unique in its thread. */
  name: string
  /** Of the errors of the thread itself. */
  code: string
}

export interface ThreadStore {
  call<T>(name: string, ...args: unknown[]): Promise<T>
  close(): Promise<void>
}

export interface DatabaseThread {
  store(config: StoreConfig): ThreadStore
}

/** Questions and batches of one store that may wait: beyond this whoever asks has to come again. */
const WAITING_MAX = 100
/** The hub is on a small box: batches are small, and a full heap of garbage would stay with it. */
const YOUNG_MB = 4

export function createDatabaseThread(): DatabaseThread {
  const waiting = new Map<number, Waiting>()
  let running: { worker: Worker; stores: Set<string> } | undefined
  let last_id = 0

  function begun(): { worker: Worker; stores: Set<string> } {
    // No flags of the parent (a test runner's, an inspector's): the thread runs plain sources.
    const worker = new Worker(new URL('./worker.ts', import.meta.url), {
      execArgv: [],
      name: 'databases',
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    })
    worker.on('message', (reply: Reply) => {
      const waiter = waiting.get(reply.id)
      waiting.delete(reply.id)
      if ('failure' in reply) waiter?.reject(failed(reply.failure.code, reply.failure.message))
      else waiter?.resolve(reply.value)
    })
    worker.on('error', (error: Error) => end(worker, `failed: ${error.message}`))
    worker.on('exit', (code) => end(worker, `ended (code ${code})`))
    return { worker, stores: new Set() }
  }

  function end(ended: Worker, reason: string): void {
    if (running?.worker !== ended) return
    running = undefined
    for (const { store, reject } of waiting.values())
      reject(failed(store.code, `the thread of the ${store.name} ${reason}`))
    waiting.clear()
  }

  function call<T>(config: StoreConfig, name: string, args: unknown[]): Promise<T> {
    const { name: store, code } = config
    if ([...waiting.values()].filter((one) => one.store === config).length >= WAITING_MAX)
      return Promise.reject(failed(code, `too many questions wait for the ${store}: ask again later`))
    running ??= begun()
    const { worker, stores } = running
    if (!stores.has(store))
      worker.postMessage({ store, module: config.module.href, data: config.data } satisfies Beginning)
    stores.add(store)
    last_id += 1
    const request: Request = { id: last_id, store, call: name, args, code }
    return new Promise<T>((resolve, reject) => {
      waiting.set(request.id, { store: config, resolve: resolve as (value: unknown) => void, reject })
      worker.postMessage(request)
    })
  }

  return {
    store: (config) => ({
      call: (name, ...args) => call(config, name, args),
      async close() {
        const open = running
        if (!open?.stores.has(config.name)) return
        await call(config, 'close', []).catch(() => undefined)
        open.stores.delete(config.name)
        if (open.stores.size > 0 || running !== open) return
        running = undefined
        await open.worker.terminate()
      },
    }),
  }
}

function failed(code: string, message: string): LinliError {
  return new LinliError(code, message, { kind: 'fault' })
}
