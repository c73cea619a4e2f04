import { Worker } from 'node:worker_threads'
import { LinliError } from '../contract/errors.ts'

/** Calls of a store that has its file in a thread of its own. A thread that fails is begun again by the next call. */

export interface Request {
  id: number
  call: string
  args: unknown[]
}
export type Reply = { id: number; value: unknown } | { id: number; failure: { code: string; message: string } }

interface Waiting {
  resolve(value: unknown): void
  reject(error: Error): void
}

export interface DatabaseThread {
  call<T>(name: string, ...args: unknown[]): Promise<T>
  close(): Promise<void>
}

/** Questions and batches that may wait: beyond this whoever asks has to come again. */
const WAITING_MAX = 100
/** The hub is on a small box: batches are small, and a full heap of garbage would stay with it. */
const YOUNG_MB = 4

/** @param config `worker` serves the calls (serve.ts); `code` is that of the errors of the thread itself */
export function createDatabaseThread(config: {
  worker: URL
  data: unknown
  name: string
  code: string
}): DatabaseThread {
  const waiting = new Map<number, Waiting>()
  let worker: Worker | undefined
  let last_id = 0

  function begin(): Worker {
    // No flags of the parent (a test runner's, an inspector's): the thread runs plain sources.
    const made = new Worker(config.worker, {
      workerData: config.data,
      execArgv: [],
      name: config.name,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    })
    made.on('message', (reply: Reply) => {
      const waiter = waiting.get(reply.id)
      waiting.delete(reply.id)
      if ('failure' in reply) waiter?.reject(failed(reply.failure.code, reply.failure.message))
      else waiter?.resolve(reply.value)
    })
    made.on('error', (error: Error) => end(made, `the thread of the ${config.name} failed: ${error.message}`))
    made.on('exit', (code) => end(made, `the thread of the ${config.name} ended (code ${code})`))
    return made
  }

  function end(ended: Worker, reason: string): void {
    if (worker !== ended) return
    worker = undefined
    for (const waiter of waiting.values()) waiter.reject(failed(config.code, reason))
    waiting.clear()
  }

  function call<T>(name: string, ...args: unknown[]): Promise<T> {
    if (waiting.size >= WAITING_MAX)
      return Promise.reject(failed(config.code, `too many questions wait for the ${config.name}: ask again later`))
    worker ??= begin()
    last_id += 1
    const request: Request = { id: last_id, call: name, args }
    return new Promise<T>((resolve, reject) => {
      waiting.set(request.id, { resolve: resolve as (value: unknown) => void, reject })
      worker?.postMessage(request)
    })
  }

  return {
    call,
    async close() {
      const ending = worker
      if (!ending) return
      await call('close').catch(() => undefined)
      worker = undefined
      await ending.terminate()
    },
  }
}

function failed(code: string, message: string): LinliError {
  return new LinliError(code, message, { kind: 'fault' })
}
