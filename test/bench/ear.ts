import { BENCH_FILTER, sequenceOf } from './events.ts'
import { leanClient } from './lean-client.ts'

/** The subscriber at the upstream broker: when did which event of a run arrive, and how often. */

export interface Reception {
  /** performance.now() of the first arrival of each sequence (index 0 is sequence 1); NaN while it has not arrived. */
  arrivals: Float64Array
  /** Different sequences that have arrived. */
  received: number
  duplicated: number
  last_ms: number
  first_ms: number
}

export interface Ear {
  /** From now on counts the events of this boot, and only those. */
  listen(bootid: string, count: number): Reception
  /** Resolves when every event has arrived, nothing new did for `quiet_ms`, or `limit_ms` is over. */
  settled(quiet_ms: number, limit_ms: number): Promise<void>
  close(): void
}

const POLL_MS = 20

/** Connects as a subscriber to the broker upstream. */
export async function createEar(
  port: number,
  onLost: (error: Error) => void,
  clientId = 'bench-subscriber',
): Promise<Ear> {
  const { hear, ...listening } = createListening()
  const client = await leanClient(port, clientId, { message: hear, lost: onLost })
  await client.subscribe(BENCH_FILTER)
  return { ...listening, close: () => client.close() }
}

/** What is made of the messages, whoever brings them. */
export function createListening(): Omit<Ear, 'close'> & { hear: (payload: Buffer, at_ms: number) => void } {
  let bootid = ''
  let reception = emptyReception(0)
  let complete: (() => void) | undefined

  return {
    hear(payload, at_ms) {
      const sequence = sequenceOf(payload, bootid)
      if (sequence === undefined) return
      const index = sequence - 1
      reception.last_ms = at_ms
      if (Number.isNaN(reception.first_ms)) reception.first_ms = at_ms
      if (Number.isNaN(reception.arrivals[index] ?? 0)) {
        reception.arrivals[index] = at_ms
        reception.received++
      } else reception.duplicated++
      if (reception.received === reception.arrivals.length) complete?.()
    },
    listen(boot, count) {
      bootid = boot
      reception = emptyReception(count)
      return reception
    },
    settled(quiet_ms, limit_ms) {
      const from_ms = performance.now()
      const wanted = reception
      return new Promise((resolve) => {
        const poll = setInterval(() => {
          const now_ms = performance.now()
          const since_ms = Math.max(from_ms, Number.isNaN(wanted.last_ms) ? 0 : wanted.last_ms)
          if (now_ms - since_ms > quiet_ms || now_ms - from_ms > limit_ms) end()
        }, POLL_MS)
        const end = () => {
          clearInterval(poll)
          complete = undefined
          resolve()
        }
        complete = end
        if (wanted.received === wanted.arrivals.length) end()
      })
    },
  }
}

function emptyReception(count: number): Reception {
  return {
    arrivals: new Float64Array(count).fill(Number.NaN),
    received: 0,
    duplicated: 0,
    last_ms: Number.NaN,
    first_ms: Number.NaN,
  }
}
