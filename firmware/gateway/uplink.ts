import type { Availability } from '../../hub/contract/availability.ts'
import { encodeJson } from '../../hub/contract/encode.ts'
import { reasonOf } from '../../hub/contract/errors.ts'
import { payloadToSend } from '../../hub/contract/replayed.ts'
import type { Append, Entry, Log } from '../../hub/journal/types.ts'
import { type Moment, momentAt, momentNow } from '../moment.ts'
import type { Logger } from '../ports/logger.ts'
import { SENT_LANES } from './outbox.ts'
import type { Corrected } from './time-correction.ts'

/**
 * The gateway's connection to its hub: says that the gateway is there, sends what the spool holds, takes commands.
 * Nothing is sent from memory: after an outage everything unacknowledged comes from the spool again.
 */

/** The MQTT session below: hub/journal/shipper/mqtt-link.ts. */
export interface Link {
  start(): void
  close(): Promise<void>
  publish(topic: string, payload: Uint8Array, options: { qos: 0 | 1; retain: boolean }): Promise<void>
  subscribe(filter: string, qos: 0 | 1): Promise<unknown>
  unsubscribe(filter: string): Promise<unknown>
  onMessage(listener: (message: { topic: string; payload: Uint8Array; retain: boolean }) => void): unknown
  onUp(listener: () => void): unknown
  onDown(listener: (reason: string) => void): unknown
}

/** What drains the spool: hub/journal/shipper/pump.ts. */
export interface SpoolPump {
  start(): void
  stop(): Promise<void>
}

export interface UplinkDeps {
  log: Pick<Log, 'last'>
  link: Link
  /** @param onError the pump has stopped */
  createPump(send: (entry: Entry) => Promise<void>, onError: (error: unknown) => void): SpoolPump
  logger: Logger
  /** The connection came up: what has to be said at each connection goes to the spool now. */
  onConnected(): void
  onMessage(topic: string, payload: Uint8Array, retain: boolean): void
  /** The hub has an alarm on its disk. */
  onAcknowledged?(): void
  /** What was dated by a clock that was not set yet, with its true time; undefined for everything else. */
  correctTime(payload: Uint8Array): Corrected | undefined
}

export interface UplinkConfig {
  /** Where the gateway's own availability goes. */
  availabilityTopic: string
  /** The gateway's commands. */
  commands: string
  /** The plates of its cameras, listened to only while it has some. */
  plates: string
}

/** A hub that refused the subscription is asked again this often while the connection lasts. */
const SUBSCRIBE_RETRY_MS = 5000
/** A pump that stopped although the connection stands is started again after this. */
const PUMP_RETRY_MS = 1000
/** A clean goodbye must not hold up the end of the process. */
const GOODBYE_TIMEOUT_MS = 1000

type OwnAvailability = Omit<Availability, 'since'>

export class Uplink {
  readonly #deps: UplinkDeps
  readonly #config: UplinkConfig
  readonly #pump: SpoolPump
  /** Newest entry of each lane when the connection came up: all until there were delayed by the outage. */
  readonly #delayed = new Map<string, number>()
  #connected = false
  #hasCameras = false
  /** A pump is started again only after it has stopped. */
  #stopping: Promise<void> = Promise.resolve()
  #subscribeTimer: ReturnType<typeof setTimeout> | undefined
  #pumpTimer: ReturnType<typeof setTimeout> | undefined
  #availability: OwnAvailability = { status: 'online' }
  #since: Moment = momentNow()

  constructor(deps: UplinkDeps, config: UplinkConfig) {
    this.#deps = deps
    this.#config = config
    this.#pump = deps.createPump(
      (entry) => this.#send(entry),
      (error) => this.#onPumpError(error),
    )
    deps.link.onUp(() => this.#onUp())
    deps.link.onDown((reason) => this.#onDown(reason))
    deps.link.onMessage(({ topic, payload, retain }) => deps.onMessage(topic, payload, retain))
  }

  start(): void {
    this.#deps.link.start()
  }

  /** Plates are nobody's but those of a gateway that reads them. */
  setCameras(hasCameras: boolean): void {
    if (this.#hasCameras === hasCameras) return
    this.#hasCameras = hasCameras
    if (!this.#connected) return
    if (hasCameras) this.#subscribe()
    else this.#deps.link.unsubscribe(this.#config.plates).catch(() => {})
  }

  /** The gateway's own condition, told now and at every connection. */
  setAvailability(next: OwnAvailability): void {
    this.#availability = next
    this.#since = momentNow()
    if (this.#connected) this.#announce().catch(() => {})
  }

  /**
   * The clock was set: since when the gateway is available was told by the old one.
   * @param synced both clocks side by side, the wall clock being right
   */
  clockSet(synced: Moment): void {
    this.#since = momentAt(synced, this.#since.monotonic_ms)
    if (this.#connected) this.#announce().catch(() => {})
  }

  /** Past the spool, for alarms that the disk refused. */
  sendDirect(append: Append): Promise<void> {
    const payload = this.#deps.correctTime(append.payload)?.payload ?? append.payload
    return this.#deps.link.publish(append.topic, payload, { qos: 1, retain: false })
  }

  async close(): Promise<void> {
    this.#clearTimers()
    await this.#stopping.then(() => this.#pump.stop())
    if (this.#connected) {
      // A clean end sends no will, so it is said.
      this.#availability = { status: 'offline', reason: 'gateway-stopped' }
      this.#since = momentNow()
      await within(GOODBYE_TIMEOUT_MS, this.#announce())
    }
    this.#connected = false
    this.#clearTimers()
    await this.#deps.link.close()
  }

  #clearTimers(): void {
    clearTimeout(this.#subscribeTimer)
    clearTimeout(this.#pumpTimer)
  }

  async #send(entry: Entry): Promise<void> {
    const waited = (this.#delayed.get(entry.lane) ?? 0) >= entry.position
    const { payload: said, time_ms } = this.#deps.correctTime(entry.payload) ?? entry
    const payload = payloadToSend(said, waited, Date.now() - time_ms)
    await this.#deps.link.publish(entry.topic, payload, { qos: 1, retain: entry.lane === 'state' })
    if (entry.lane === 'alarm') this.#deps.onAcknowledged?.()
  }

  #onUp(): void {
    this.#connected = true
    this.#since = momentNow()
    this.#deps.logger.info({}, 'uplink is up')
    for (const lane of SENT_LANES) this.#delayed.set(lane, this.#deps.log.last(lane))
    // A failure shows as the connection going down, and all of this comes again.
    this.#announce().catch(() => {})
    this.#deps.onConnected()
    this.#startPump()
    this.#subscribe()
  }

  #startPump(): void {
    void this.#stopping.then(() => {
      if (this.#connected) this.#pump.start()
    })
  }

  #onPumpError(error: unknown): void {
    // Usually the connection is going down, and everything is sent again when it is back.
    this.#deps.logger.debug({ error: reasonOf(error) }, 'the pump stopped')
    clearTimeout(this.#pumpTimer)
    this.#pumpTimer = setTimeout(() => this.#startPump(), PUMP_RETRY_MS)
  }

  #onDown(reason: string): void {
    this.#connected = false
    this.#clearTimers()
    this.#deps.logger.warn({ reason }, 'uplink is down')
    this.#stopping = this.#stopping.then(() => this.#pump.stop())
  }

  #announce(): Promise<void> {
    const value = { ...this.#availability, since: new Date(this.#since.wall_ms).toISOString() }
    return this.#deps.link.publish(this.#config.availabilityTopic, encodeJson(value), { qos: 1, retain: true })
  }

  #subscribe(): void {
    const { link, logger } = this.#deps
    const { commands, plates } = this.#config
    for (const filter of this.#hasCameras ? [commands, plates] : [commands]) {
      link.subscribe(filter, 1).catch((error: unknown) => {
        if (!this.#connected) return
        logger.error({ filter, error: reasonOf(error) }, 'nothing comes in: the hub refused the subscription')
        clearTimeout(this.#subscribeTimer)
        this.#subscribeTimer = setTimeout(() => this.#subscribe(), SUBSCRIBE_RETRY_MS)
      })
    }
  }
}

/** Resolves when the promise has settled, or after the timeout. */
function within(timeout_ms: number, promise: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, timeout_ms)
    const settle = () => {
      clearTimeout(timer)
      resolve()
    }
    promise.then(settle, settle)
  })
}
