import type { Answered } from '../journal/shipper/outgoing.ts'
import type { PumpStats } from '../journal/shipper/pump.ts'
import type { Entry, Log } from '../journal/types.ts'

/**
 * Sends an event upstream in the turn in which it is appended, while the disk writes it: its publisher has its PUBACK only
 * when it is on disk, and an event of a gateway comes again, with the same id, until then. What no stream counts (results, what
 * the hub says itself) would come again with another id, so it waits for the disk, and is overtaken; what a stream counts never
 * is: it goes ahead only when everything before it in its lane has. When the pump comes to it, it finds it sent.
 */
export interface Ahead {
  /** Gives the answer to what went ahead, now or when it comes; false: it did not, or the connection broke meanwhile. */
  answerTo(entry: Entry, answered: Answered): boolean
  /** What was sent on the connection that ended is open again: nothing goes ahead of it. */
  down(): void
  close(): void
}

interface Flight {
  isAnswered: boolean
  error: unknown
  tell: Answered | undefined
}

export function createAhead(
  deps: {
    log: Pick<Log, 'onAppend'>
    pump: { drained(): boolean; stats(): Pick<PumpStats, 'inFlight'> }
    /** The upstream takes it, and nothing speaks against sending it now. */
    mayGo: () => boolean
    wants: (entry: Entry) => boolean
    publish: (entry: Entry, answered: Answered) => void
  },
  config: { lanes: readonly string[]; window: number },
): Ahead {
  const { pump } = deps
  /** Lanes with counted entries that did not go ahead and may not have been sent yet. */
  const held = new Set(config.lanes)
  let answers = new Map<Entry, Flight>()

  const hold = () => {
    for (const lane of config.lanes) held.add(lane)
  }
  const stop = deps.log.onAppend((entry, isAlone) => {
    const { lane, stream } = entry
    if (!config.lanes.includes(lane) || !deps.wants(entry)) return
    const isDrained = pump.drained()
    if (isAlone && isDrained) {
      // What is left was refused by the disk.
      answers.clear()
      held.clear()
    }
    if (stream === undefined) return
    const mayGo = isDrained && !held.has(lane) && deps.mayGo()
    if (!mayGo || answers.size + pump.stats().inFlight >= config.window) {
      held.add(lane)
      return
    }
    const mine = answers
    const flight: Flight = { isAnswered: false, error: undefined, tell: undefined }
    mine.set(entry, flight)
    deps.publish(entry, (error) => {
      flight.isAnswered = true
      flight.error = error
      if (error !== undefined && mine === answers) hold()
      flight.tell?.(error)
    })
  })

  return {
    answerTo(entry, answered) {
      const flight = answers.get(entry)
      if (!flight) return false
      answers.delete(entry)
      if (flight.isAnswered) answered(flight.error)
      else flight.tell = answered
      return true
    },
    down() {
      answers = new Map()
      hold()
    },
    close: stop,
  }
}
