import type { Availability } from '../../hub/contract/availability.ts'
import type { Result } from '../../hub/contract/command.ts'
import { encodeJson } from '../../hub/contract/encode.ts'
import { LinliError, reasonOf } from '../../hub/contract/errors.ts'
import { makeEvent, type Severity, type TimeQuality } from '../../hub/contract/event.ts'
import type { Meta } from '../../hub/contract/meta.ts'
import type { SenmlPack } from '../../hub/contract/senml.ts'
import { type Address, type Channel, formatTopic } from '../../hub/contract/topic.ts'
import type { Append, LaneConfig, Log } from '../../hub/journal/types.ts'
import type { Logger } from '../ports/logger.ts'
import type { Moment } from '../ports/moment.ts'

/**
 * What the gateway has to say, on its way into the spool: numbers and dates events, and holds on to what the disk
 * refuses until it takes it. Appends of one turn of the event loop share a commit.
 */

/** Most urgent first. `handled` is the gateway's own memory of commands and is never sent. */
export const SPOOL_LANES: LaneConfig[] = [
  { name: 'alarm', kind: 'queue', evict: 'never' },
  { name: 'state', kind: 'compacted' },
  { name: 'telemetry', kind: 'queue', evict: { oldest: { entries_max: 100_000 } } },
  { name: 'handled', kind: 'queue', evict: { oldest: { entries_max: 1000 } } },
]
export const SENT_LANES = ['alarm', 'state', 'telemetry'] as const

/** Refused entries held in memory while the disk does not work (about 5 MB). */
const REFUSED_MAX = 10_000
const RETRY_MS = 250

interface Refused {
  append: Append
  /** Went out directly, without the disk. */
  sent: boolean
}

export interface OutboxDeps {
  log: Log
  logger: Logger
  bootid: string
  startedAt: Moment
  timeQuality: () => TimeQuality
}

export type Outbox = ReturnType<typeof createOutbox>

export function createOutbox(deps: OutboxDeps) {
  const { log, logger, bootid } = deps
  let sequence = 0
  let alarmCount = 0
  /** In the order in which they must be written. */
  let refused: Refused[] = []
  /** States that were refused, the latest of each topic. */
  const refusedStates = new Map<string, Append>()
  let retryTimer: ReturnType<typeof setTimeout> | undefined
  let fault: LinliError | undefined
  let telemetryLost = 0
  let closed = false
  const faultListeners: Array<(fault: LinliError | undefined) => void> = []
  let sendDirect: ((append: Append) => Promise<void>) | undefined

  function setFault(next: LinliError | undefined): void {
    if (fault?.code === next?.code) return
    fault = next
    if (next) logger.error({ code: next.code, error: next.message }, 'the spool refuses entries')
    else logger.info({}, 'the spool takes entries again')
    for (const listener of faultListeners) listener(next)
  }

  function append(entry: Append): void {
    if (entry.lane === 'alarm' && refused.length > 0) {
      // Order: nothing overtakes what is waiting for the disk.
      hold({ append: entry, sent: false })
      return
    }
    write(entry)
  }

  function write(entry: Append): void {
    log.append(entry).then(
      () => {
        if (refused.length === 0 && refusedStates.size === 0) setFault(undefined)
      },
      (error: unknown) => onRefused({ append: entry, sent: false }, error),
    )
  }

  function onRefused(item: Refused, error: unknown): void {
    const { append: entry } = item
    if (error instanceof LinliError && error.code === 'JOURNAL_CLOSED') return
    if (entry.lane === 'telemetry' || entry.lane === 'handled') {
      if (entry.lane === 'telemetry') telemetryLost++
      return
    }
    setFault(error instanceof LinliError ? error : new LinliError('JOURNAL_IO', reasonOf(error), { kind: 'fault' }))
    if (entry.lane === 'alarm') hold(item)
    else if (!refusedStates.has(entry.topic)) refusedStates.set(entry.topic, entry)
    scheduleRetry()
  }

  function hold(item: Refused): void {
    if (refused.length >= REFUSED_MAX) {
      logger.error({ topic: item.append.topic }, 'the spool has refused too much for memory: this entry is lost')
      return
    }
    refused.push(item)
    refused.sort((a, b) => (a.append.sequence ?? 0) - (b.append.sequence ?? 0))
    // A dead disk must not silence an alarm: it goes out at once, and is written when that works again.
    if (!item.sent)
      sendDirect?.(item.append).then(
        () => {
          item.sent = true
        },
        () => {},
      )
    scheduleRetry()
  }

  function scheduleRetry(): void {
    if (closed) return
    retryTimer ??= setTimeout(() => {
      retryTimer = undefined
      void retry()
    }, RETRY_MS)
  }

  async function retry(): Promise<void> {
    while (refused.length > 0 && !closed) {
      const [next] = refused
      if (!next) break
      try {
        // What was acknowledged meanwhile needs no disk any more.
        if (!next.sent) await log.append(next.append)
        refused = refused.filter((item) => item !== next)
      } catch {
        scheduleRetry()
        return
      }
    }
    const states = [...refusedStates.values()]
    refusedStates.clear()
    for (const state of states) write(state)
    if (states.length === 0) setFault(undefined)
  }

  function put(lane: string, address: Address, channel: Channel, value: unknown, time_ms: number): void {
    const topic = formatTopic({ ...address, ...channel })
    const entry: Append = { lane, topic, payload: encodeJson(value), time_ms }
    if (lane === 'state') {
      refusedStates.delete(topic)
      append({ ...entry, key: topic })
    } else if (lane === 'alarm') {
      // The stream makes the journal keep the order over a refusal.
      append({ ...entry, stream: bootid, sequence: ++alarmCount })
    } else append(entry)
  }

  function envelope<D>(address: Address, type: string, severity: Severity, at: Moment, data: D) {
    const stamp = {
      wall_ms: at.wall_ms,
      monotonic_ms: at.monotonic_ms - deps.startedAt.monotonic_ms,
      quality: deps.timeQuality(),
    }
    return makeEvent({ address, bootid, sequence: ++sequence }, type, severity, stamp, data)
  }

  return {
    event(address: Address, event: { type: string; severity: Severity; at: Moment; data: unknown }): void {
      const { type, severity, at, data } = event
      put('alarm', address, { channel: 'evt', type }, envelope(address, type, severity, at, data), at.wall_ms)
    },
    telemetry(address: Address, at: Moment, pack: SenmlPack): void {
      put('telemetry', address, { channel: 'tele' }, envelope(address, 'telemetry', 'notice', at, pack), at.wall_ms)
    },
    result(address: Address, result: Result): void {
      put('alarm', address, { channel: 'res', id: result.id }, result, Date.parse(result.at))
    },
    state(address: Address, state: unknown): void {
      put('state', address, { channel: 'state' }, state, Date.now())
    },
    availability(address: Address, availability: Omit<Availability, 'since'>, at: Moment): void {
      const value = { ...availability, since: new Date(at.wall_ms).toISOString() }
      put('state', address, { channel: 'avail' }, value, at.wall_ms)
    },
    meta(address: Address, meta: Meta): void {
      put('state', address, { channel: 'meta' }, meta, Date.now())
    },
    /** Clears what is retained on a topic: its device is no longer configured. */
    clear(topic: string): void {
      append({ lane: 'state', topic, key: topic, payload: new Uint8Array(), time_ms: Date.now() })
    },
    /** The gateway's own memory: which commands were handled, with what result. */
    remember(topic: string, value: unknown): void {
      append({ lane: 'handled', topic, payload: encodeJson(value), time_ms: Date.now() })
    },
    /** Readings lost to a full spool: evicted while nobody came for them, or refused. */
    telemetryDropped: () => (log.stats().lanes.telemetry?.dropped ?? 0) + telemetryLost,
    /** How alarms go out while the disk refuses them. */
    setDirect(send: (append: Append) => Promise<void>): void {
      sendDirect = send
    },
    onFault(listener: (fault: LinliError | undefined) => void): void {
      faultListeners.push(listener)
    },
    get fault() {
      return fault
    },
    close(): void {
      closed = true
      clearTimeout(retryTimer)
    },
  }
}
