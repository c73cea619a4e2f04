import { Worker } from 'node:worker_threads'
import type { Backend, Committed, Failure, Opened, Shrunk, Tidied } from './backend.ts'
import type { Batch } from './batch.ts'
import type { FileStoreConfig } from './file-store.ts'
import { errorOf } from './sqlite-failure.ts'

export interface Request {
  id: number
  call: 'open' | 'commit' | 'read' | 'list' | 'tidy' | 'shrink' | 'copyTo' | 'close'
  args: unknown[]
}

export type Reply = { id: number } & ({ value: unknown } | { failure: Failure })

interface Waiting {
  resolve(value: unknown): void
  reject(error: Error): void
}

export interface WorkerBackend extends Backend {
  /** Ends the thread at once, as a fault in it would. */
  terminate(): void
}

/** What the thread begins with. */
export interface ThreadData {
  config: FileStoreConfig
  /** Loaded beside the store. */
  beside: string | undefined
}

/** Garbage beyond this is collected: a thread that has nothing to do would keep it. */
const YOUNG_MB = 4

/** The store in a thread of its own, over a folder. */
export function createWorkerBackend(config: FileStoreConfig, beside?: URL): WorkerBackend {
  // No flags of the parent (a test runner's, an inspector's): the thread runs plain sources.
  const worker = new Worker(new URL('./worker.ts', import.meta.url), {
    workerData: { config, beside: beside?.href } satisfies ThreadData,
    execArgv: [],
    name: 'journal',
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
  })
  const waiting = new Map<number, Waiting>()
  const deathListeners: ((reason: string) => void)[] = []
  let last_id = 0
  let isClosing = false
  let death: string | undefined

  function call<T>(name: Request['call'], args: unknown[], transfer: ArrayBuffer[] = []): Promise<T> {
    if (death !== undefined) return Promise.reject(errorOf({ code: 'JOURNAL_IO', message: death }))
    last_id += 1
    const request: Request = { id: last_id, call: name, args }
    return new Promise<T>((resolve, reject) => {
      waiting.set(request.id, { resolve: resolve as (value: unknown) => void, reject })
      worker.postMessage(request, transfer)
    })
  }

  worker.on('message', (reply: Reply) => {
    const waiter = waiting.get(reply.id)
    waiting.delete(reply.id)
    if ('failure' in reply) waiter?.reject(errorOf(reply.failure))
    else waiter?.resolve(reply.value)
  })

  function die(reason: string): void {
    if (death !== undefined) return
    death = reason
    for (const waiter of waiting.values()) waiter.reject(errorOf({ code: 'JOURNAL_IO', message: reason }))
    waiting.clear()
    if (!isClosing) for (const listener of deathListeners) listener(reason)
  }
  worker.on('error', (error: Error) => die(`the journal thread failed: ${error.message}`))
  worker.on('exit', (code) => die(`the journal thread ended (code ${code})`))

  return {
    async open(spec) {
      try {
        return await call<Opened>('open', [spec])
      } catch (error) {
        isClosing = true
        await worker.terminate()
        throw error
      }
    },
    commit: (batch, cursors) => call<Committed>('commit', [batch, cursors], [batch.payload.buffer]),
    read: (lane, after_position, limit) => call<Batch>('read', [lane, after_position, limit]),
    list: (lane) => call<Batch>('list', [lane]),
    tidy: (work) => call<Tidied>('tidy', [work]),
    shrink: (pages) => call<Shrunk>('shrink', [pages]),
    copyTo: (path) => call<void>('copyTo', [path]),
    async close() {
      if (death !== undefined) return
      isClosing = true
      await call<void>('close', [])
      await worker.terminate()
    },
    onDeath: (listener) => deathListeners.push(listener),
    terminate() {
      worker.terminate().catch(() => undefined)
    },
  }
}
