import { LinliError, reasonOf } from '../contract/errors.ts'
import type { Entry } from '../journal/types.ts'

/** Messages that go to an upstream a second time, behind everything that goes for the first: replays and dead letters. */
export interface SideFeed {
  /** Resolves with how many were acknowledged. Rejects UPSTREAM_REFUSES when one was lost `tries` times. */
  send(entries: AsyncIterable<Entry> | Iterable<Entry>): Promise<number>
  /** There may be room now. */
  poke(): void
  close(): void
}

/** Few, because what is in flight is ahead of the next alarm. */
const IN_FLIGHT_MAX = 16
/** Connections that may break while a message is in flight. */
const TRIES = 3
/** Room is also looked for when nobody says that there is some. */
const LOOK_MS = 200

export function createSideFeed(deps: {
  /** Rejects when the connection broke. */
  publish: (entry: Entry) => Promise<void>
  /** The link stands, and nothing waits that goes first. */
  isFree: () => boolean
}): SideFeed {
  let inFlight = 0
  const waiting: Array<() => void> = []
  let isClosed = false
  let timer: ReturnType<typeof setTimeout> | undefined

  function serve(): void {
    while (waiting.length > 0 && (isClosed || (inFlight < IN_FLIGHT_MAX && deps.isFree()))) {
      // Counted here, so that the next one in line sees it.
      inFlight += 1
      waiting.shift()?.()
    }
    clearTimeout(timer)
    if (waiting.length > 0) timer = setTimeout(serve, LOOK_MS)
  }

  function room(): Promise<void> {
    return new Promise((resolve) => {
      waiting.push(resolve)
      serve()
    })
  }

  async function deliver(entry: Entry): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      if (tries > 1) await room()
      try {
        if (isClosed) throw new LinliError('UPSTREAM_LOST', 'the hub is stopping', { kind: 'fault' })
        await deps.publish(entry)
        return
      } catch (error) {
        if (isClosed || tries >= TRIES) throw refused(entry, error)
      } finally {
        inFlight -= 1
        serve()
      }
    }
  }

  return {
    async send(entries) {
      const flights = new Set<Promise<void>>()
      let sent = 0
      let failure: { error: unknown } | undefined
      for await (const entry of entries) {
        await room()
        if (failure) {
          inFlight -= 1
          break
        }
        const flight = deliver(entry).then(
          () => {
            sent += 1
          },
          (error: unknown) => {
            failure ??= { error }
          },
        )
        flights.add(flight)
        void flight.finally(() => flights.delete(flight))
      }
      await Promise.all(flights)
      if (failure) throw failure.error
      return sent
    },
    poke: serve,
    close() {
      isClosed = true
      serve()
    },
  }
}

function refused({ topic }: Entry, cause: unknown): LinliError {
  const message = `the upstream did not acknowledge a message on ${topic}: ${reasonOf(cause)}`
  return new LinliError('UPSTREAM_REFUSES', message, { kind: 'fault', cause })
}
