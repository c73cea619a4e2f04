import type { ConfigurationHave } from '../../hub/contract/configuration.ts'
import type { CredentialsHave } from '../../hub/contract/credentials.ts'
import type { TimeQuality } from '../../hub/contract/event.ts'
import type { GatewayState, ReaderState } from '../../hub/contract/gateway.ts'
import type { SenmlPack } from '../../hub/contract/senml.ts'
import type { Address } from '../../hub/contract/topic.ts'
import type { Log } from '../../hub/journal/types.ts'
import { type Moment, momentAt, momentNow } from '../moment.ts'
import type { PinBoard, StatusReport } from '../ports/pin-board.ts'
import type { Outbox } from './outbox.ts'

/** What the gateway says of itself: that it started, its boards, how it is doing. */

export interface SelfDeps {
  outbox: Outbox
  address: Address
  startedAt: Moment
  bootid: string
  version: string
  rss_bytes: () => number
  boards: () => readonly PinBoard[]
  timeQuality: () => TimeQuality
  /** What of its hub's configuration it runs on, where that can send one. */
  configuration?: { have(): ConfigurationHave }
}

/** So many vital signs in a row that do not come are silence. */
const SILENT_AFTER = 3
/** The contract's longest reason. */
const REASON_CHARS_MAX = 200
const UNITS = { rss: 'B', uptime: 's', 'spool/alarm': 'count', 'spool/telemetry': 'count', 'spool/size': 'B' }

export class Self {
  readonly #deps: SelfDeps
  #credentials: CredentialsHave | undefined
  #readers: ReaderState[] | undefined
  #droppedTold = 0
  #startedAt: Moment
  #timequality: TimeQuality

  constructor(deps: SelfDeps) {
    this.#deps = deps
    this.#startedAt = deps.startedAt
    this.#timequality = deps.timeQuality()
  }

  begin(): void {
    const { outbox, address, version } = this.#deps
    this.#droppedTold = outbox.telemetryDropped()
    outbox.event(address, { type: 'started', severity: 'notice', at: momentNow(), data: { version } })
  }

  /** A configuration is in use now. */
  onConfiguration(telemetryEvery_ms: number): void {
    const { outbox, address, version } = this.#deps
    outbox.meta(address, {
      class: 'gateway',
      model: `${process.platform} ${process.arch}`,
      driver: { name: 'linli-gateway', version },
      place: {},
      capabilities: [],
      units: UNITS,
      expireafter_s: Math.ceil((SILENT_AFTER * telemetryEvery_ms) / 1000),
    })
    this.#reportState()
  }

  /** @param change set when a board begins or stops to work */
  onBoard(board: PinBoard, report: StatusReport, change: 'ready' | 'lost' | undefined): void {
    if (change) {
      const severity = change === 'lost' ? 'warning' : 'notice'
      const data = { board: board.id, ...shortReason(report.reason) }
      this.#deps.outbox.event(this.#deps.address, { type: `board-${change}`, severity, at: report.at, data })
    }
    this.#reportState()
  }

  /** Which credentials this gateway decides by; the hub sends what is newer. */
  onCredentials(have: CredentialsHave | undefined): void {
    this.#credentials = have
    this.#reportState()
  }

  onTimeQuality(quality: TimeQuality): void {
    this.#timequality = quality
    this.#reportState()
  }

  /**
   * The clock was set for the first time since the start.
   * @param synced both clocks side by side, the wall clock being right
   */
  clockSet(synced: Moment): void {
    const { outbox, address, startedAt } = this.#deps
    this.#startedAt = momentAt(synced, startedAt.monotonic_ms)
    const data = { stepped_ms: Math.round(this.#startedAt.wall_ms - startedAt.wall_ms) }
    outbox.event(address, { type: 'clock-set', severity: 'notice', at: momentNow(), data })
  }

  onReaders(readers: ReaderState[] | undefined): void {
    this.#readers = readers
    this.#reportState()
  }

  /** Telemetry, and what was lost of it since the last time. */
  reportVitals(spool: Log): void {
    const { outbox, address } = this.#deps
    const at = momentNow()
    outbox.telemetry(address, at, this.#vitals(spool, at))
    const dropped = outbox.telemetryDropped()
    if (dropped > this.#droppedTold) {
      const data = { count: dropped - this.#droppedTold }
      outbox.event(address, { type: 'telemetry-dropped', severity: 'notice', at, data })
    }
    this.#droppedTold = dropped
  }

  /** SenML (RFC 8428); the unit B is of RFC 8798. */
  #vitals(spool: Log, at: Moment): SenmlPack {
    const { lanes, bytes } = spool.stats()
    const uptime_s = Math.round((at.monotonic_ms - this.#deps.startedAt.monotonic_ms) / 1000)
    const bn = `${this.#deps.address.gateway}/`
    return [
      { bn, bt: Math.round(at.wall_ms) / 1000, n: 'rss', u: UNITS.rss, v: this.#deps.rss_bytes() },
      { n: 'uptime', u: UNITS.uptime, v: uptime_s },
      { n: 'spool/alarm', u: UNITS['spool/alarm'], v: lanes.alarm?.depth ?? 0 },
      { n: 'spool/telemetry', u: UNITS['spool/telemetry'], v: lanes.telemetry?.depth ?? 0 },
      { n: 'spool/size', u: UNITS['spool/size'], v: bytes },
    ]
  }

  #reportState(): void {
    const { outbox, address, bootid, version, configuration } = this.#deps
    const state: GatewayState = {
      version,
      bootid,
      startedat: new Date(this.#startedAt.wall_ms).toISOString(),
      timequality: this.#timequality,
      boards: this.#deps
        .boards()
        .map(({ id, status }) => ({ id, status: status.status, ...shortReason(status.reason) })),
      ...(configuration === undefined ? {} : { configuration: configuration.have() }),
      ...(this.#credentials === undefined ? {} : { credentials: this.#credentials }),
      ...(this.#readers === undefined ? {} : { readers: this.#readers }),
    }
    outbox.state(address, state)
  }
}

function shortReason(reason: string | undefined): { reason?: string } {
  return reason === undefined ? {} : { reason: reason.slice(0, REASON_CHARS_MAX) }
}
