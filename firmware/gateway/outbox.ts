import type { Availability } from '../../hub/contract/availability.ts'
import type { Result } from '../../hub/contract/command.ts'
import { encodeJson } from '../../hub/contract/encode.ts'
import { LinliError, reasonOf } from '../../hub/contract/errors.ts'
import { type LinliEvent, makeEvent, type Severity, type TimeQuality } from '../../hub/contract/event.ts'
import type { Meta } from '../../hub/contract/meta.ts'
import type { SenmlPack } from '../../hub/contract/senml.ts'
import { type Address, addressPath, type Channel, formatTopic } from '../../hub/contract/topic.ts'
import type { Append, LaneConfig, Log } from '../../hub/journal/types.ts'
import { CREDENTIAL_USE_LANE } from '../credentials/ledger.ts'
import { type Moment, momentAt } from '../moment.ts'
import type { Logger } from '../ports/logger.ts'
import { PROBE_LANE } from './alarm-way.ts'
import { COMMAND_LANE, type MemoryAppend } from './command-memory.ts'
import { RefusedEntries } from './refused.ts'

/**
 * What the gateway has to say, on its way into the spool: numbers and dates events, and holds on to what the disk
 * refuses until it takes it. Appends of one turn of the event loop share a commit.
 */

/** Most urgent first. The gateway's own memory of commands and credentials is never sent. */
export const SPOOL_LANES: LaneConfig[] = [
  { name: 'alarm', kind: 'queue', evict: 'never' },
  { name: 'state', kind: 'compacted' },
  { name: 'telemetry', kind: 'queue', evict: { oldest: { entries_max: 100_000 } } },
  CREDENTIAL_USE_LANE,
  COMMAND_LANE,
  PROBE_LANE,
]
export const SENT_LANES = ['alarm', 'state', 'telemetry'] as const
type Lane = 'alarm' | 'state' | 'telemetry'

export interface OutboxDeps {
  log: Log
  logger: Logger
  bootid: string
  startedAt: Moment
  timeQuality: () => TimeQuality
  /** The spool began to refuse, or takes entries again. */
  onFault: (fault: LinliError | undefined) => void
  /** An alarm is on disk. */
  onKept?: () => void
}

export class Outbox {
  readonly #deps: OutboxDeps
  readonly #refused: RefusedEntries
  #sequence = 0
  #alarmCount = 0
  #fault: LinliError | undefined
  #telemetryRefused = 0
  /** The newest entry of each state topic: an older one that the disk refused late must not come after it. */
  readonly #latest = new Map<string, Append>()
  /** Each device's availability and since when, to say it again once the clock is right. */
  readonly #availabilities = new Map<string, { address: Address; value: Omit<Availability, 'since'>; at: Moment }>()

  constructor(deps: OutboxDeps) {
    this.#deps = deps
    this.#refused = new RefusedEntries(deps.log, deps.logger, () => this.#setFault(undefined))
  }

  event(address: Address, event: { type: string; severity: Severity; at: Moment; data: unknown }): void {
    const { type, severity, at, data } = event
    this.#put('alarm', address, { channel: 'evt', type }, this.#envelope(address, type, severity, at, data), at.wall_ms)
  }

  telemetry(address: Address, at: Moment, pack: SenmlPack): void {
    const event = this.#envelope(address, 'telemetry', 'notice', at, pack)
    this.#put('telemetry', address, { channel: 'tele' }, event, at.wall_ms)
  }

  result(address: Address, result: Result): void {
    this.#put('alarm', address, { channel: 'res', id: result.id }, result, Date.parse(result.at))
  }

  state(address: Address, state: unknown): void {
    this.#put('state', address, { channel: 'state' }, state, Date.now())
  }

  availability(address: Address, availability: Omit<Availability, 'since'>, at: Moment): void {
    this.#availabilities.set(addressPath(address), { address, value: availability, at })
    const value = { ...availability, since: new Date(at.wall_ms).toISOString() }
    this.#put('state', address, { channel: 'avail' }, value, at.wall_ms)
  }

  meta(address: Address, meta: Meta): void {
    this.#put('state', address, { channel: 'meta' }, meta, Date.now())
  }

  /** Says every availability again: the hub took all of them for offline while the gateway was away. */
  repeatAvailability(): void {
    for (const { topic, payload } of [...this.#latest.values()]) {
      if (topic.endsWith('/avail')) this.#append('state', { topic, payload, time_ms: Date.now() })
    }
  }

  /**
   * The clock was set: availabilities told before are told again with their true `since`.
   * @param synced both clocks side by side, the wall clock being right
   */
  clockSet(synced: Moment): void {
    for (const { address, value, at } of [...this.#availabilities.values()])
      if (at.monotonic_ms < synced.monotonic_ms) this.availability(address, value, momentAt(synced, at.monotonic_ms))
  }

  /** What was said last on a topic of the state lane, since the start. */
  said(topic: string): Uint8Array | undefined {
    return this.#latest.get(topic)?.payload
  }

  /** A device is no longer configured: what is retained of it goes. */
  forget(address: Address): void {
    this.#availabilities.delete(addressPath(address))
    for (const channel of ['state', 'avail', 'meta'] as const) {
      const topic = formatTopic({ ...address, channel })
      if (this.#latest.has(topic)) this.clear(topic)
    }
  }

  /** Clears what is retained on a topic: its device is no longer configured. */
  clear(topic: string): void {
    this.#append('state', { topic, payload: new Uint8Array(), time_ms: Date.now() })
  }

  /** The gateway's own memory of commands, never sent. Appends at once; rejects as the spool does. */
  async remember(append: MemoryAppend): Promise<void> {
    await this.#deps.log.append({ ...append, time_ms: Date.now() })
  }

  /** Readings lost to a full spool: evicted while nobody came for them, or refused. */
  telemetryDropped(): number {
    return (this.#deps.log.stats().lanes.telemetry?.dropped ?? 0) + this.#telemetryRefused
  }

  /** Alarms that the disk has not taken. */
  get holdsAlarms(): boolean {
    return this.#refused.holdsAlarms
  }

  /** How alarms go out while the disk refuses them. */
  setDirect(send: (append: Append) => Promise<void>): void {
    this.#refused.setDirect(send)
  }

  close(): void {
    this.#refused.close()
  }

  #put(lane: Lane, address: Address, channel: Channel, value: unknown, time_ms: number): void {
    const topic = formatTopic({ ...address, ...channel })
    this.#append(lane, { topic, payload: encodeJson(value), time_ms })
  }

  #append(lane: Lane, entry: Pick<Append, 'topic' | 'payload' | 'time_ms'>): void {
    switch (lane) {
      case 'state': {
        const append = { ...entry, lane, key: entry.topic }
        this.#latest.set(entry.topic, append)
        this.#refused.forgetState(entry.topic)
        this.#write(append)
        return
      }
      case 'alarm': {
        // The stream makes the journal keep the order over a refusal.
        const append = { ...entry, lane, stream: this.#deps.bootid, sequence: ++this.#alarmCount }
        if (this.#refused.holdsAlarms) this.#refused.holdAlarm(append)
        else this.#write(append)
        return
      }
      default:
        this.#write({ ...entry, lane })
    }
  }

  #write(append: Append): void {
    this.#deps.log.append(append).then(
      () => {
        if (this.#refused.isEmpty) this.#setFault(undefined)
        if (append.lane === 'alarm') this.#deps.onKept?.()
      },
      (error: unknown) => this.#onRefused(append, error),
    )
  }

  #onRefused(append: Append, error: unknown): void {
    if (error instanceof LinliError && error.code === 'JOURNAL_CLOSED') return
    if (append.lane === 'telemetry') this.#telemetryRefused++
    if (append.lane !== 'alarm' && append.lane !== 'state') return
    this.#setFault(
      error instanceof LinliError ? error : new LinliError('JOURNAL_IO', reasonOf(error), { kind: 'fault' }),
    )
    if (append.lane === 'alarm') this.#refused.holdAlarm(append)
    else if (this.#latest.get(append.topic) === append) this.#refused.holdState(append)
  }

  #setFault(next: LinliError | undefined): void {
    if (this.#fault?.code === next?.code) return
    this.#fault = next
    if (next) this.#deps.logger.error({ code: next.code, error: next.message }, 'the spool refuses entries')
    else this.#deps.logger.info({}, 'the spool takes entries again')
    this.#deps.onFault(next)
  }

  #envelope<D>(address: Address, type: string, severity: Severity, at: Moment, data: D): LinliEvent<D> {
    const { bootid, startedAt, timeQuality } = this.#deps
    const stamp = {
      wall_ms: at.wall_ms,
      monotonic_ms: at.monotonic_ms - startedAt.monotonic_ms,
      quality: timeQuality(),
    }
    return makeEvent({ address, bootid, sequence: ++this.#sequence }, type, severity, stamp, data)
  }
}
