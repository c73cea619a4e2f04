import { Worker } from 'node:worker_threads'
import { LinliError } from '../contract/errors.ts'
import type { StoreBackendConfig } from './backend.ts'
import type { HistoryBackend } from './types.ts'

/** The store in a thread of its own. A thread that fails is begun again by the next call. */

export interface Request {
  id: number
  call: keyof HistoryBackend
  args: unknown[]
}
export type Reply = { id: number; value: unknown } | { id: number; failure: { code: string; message: string } }

interface Waiting {
  resolve(value: unknown): void
  reject(error: Error): void
}

/** Questions and batches that may wait: beyond this whoever asks has to come again. */
const WAITING_MAX = 100
/** The hub is on a small box: batches are small, and a full heap of garbage would stay with it. */
const YOUNG_MB = 4

export function createThreadBackend(config: StoreBackendConfig): HistoryBackend {
  const waiting = new Map<number, Waiting>()
  let worker: Worker | undefined
  let last_id = 0

  function begin(): Worker {
    // No flags of the parent (a test runner's, an inspector's): the thread runs plain sources.
    const made = new Worker(new URL('./worker.ts', import.meta.url), {
      workerData: config,
      execArgv: [],
      name: 'history',
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    })
    made.on('message', (reply: Reply) => {
      const waiter = waiting.get(reply.id)
      waiting.delete(reply.id)
      if ('failure' in reply) waiter?.reject(failed(reply.failure.code, reply.failure.message))
      else waiter?.resolve(reply.value)
    })
    made.on('error', (error: Error) => end(made, `the thread of the history failed: ${error.message}`))
    made.on('exit', (code) => end(made, `the thread of the history ended (code ${code})`))
    return made
  }

  function end(ended: Worker, reason: string): void {
    if (worker !== ended) return
    worker = undefined
    for (const waiter of waiting.values()) waiter.reject(failed('HISTORY_IO', reason))
    waiting.clear()
  }

  function call<T>(name: Request['call'], ...args: unknown[]): Promise<T> {
    if (waiting.size >= WAITING_MAX)
      return Promise.reject(failed('HISTORY_IO', 'too many questions wait for the history: ask again later'))
    worker ??= begin()
    last_id += 1
    const request: Request = { id: last_id, call: name, args }
    return new Promise<T>((resolve, reject) => {
      waiting.set(request.id, { resolve: resolve as (value: unknown) => void, reject })
      worker?.postMessage(request)
    })
  }

  return {
    open: () => call('open'),
    append: (packs) => call('append', packs),
    tidy: (now_ms) => call('tidy', now_ms),
    series: () => call('series'),
    count: (slice) => call('count', slice),
    raw: (slice, after, limit) => call('raw', slice, after, limit),
    buckets: (...asked) => call('buckets', ...asked),
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
