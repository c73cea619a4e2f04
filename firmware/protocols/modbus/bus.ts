import { reasonOf } from '../../../hub/contract/errors.ts'
import { createBackoff } from '../../adapters/backoff.ts'
import { momentAt, momentNow } from '../../moment.ts'
import type { ByteConnection, BytePort } from '../../ports/byte-port.ts'
import type { Logger } from '../../ports/logger.ts'
import type {
  BusFailure,
  BusStatus,
  ReadResult,
  RegisterBus,
  RequestOptions,
  UnitStats,
} from '../../ports/register-bus.ts'
import { isWriting, nextDeadline, step } from './bus-machine.ts'
import { type BusEffect, type BusInput, createBusState, type Outcome } from './bus-state.ts'
import { BROADCAST, type Request } from './frame.ts'
import { type BusConfig, timingOf } from './timing.ts'

/** The shell around the master of one line: port, timers, promises. */

export interface BusDeps {
  /** Already set to the speed and parity of the line. */
  port: BytePort
  /** Jitter for reopening the port. */
  random: () => number
  log: Logger
}

const EXPIRES_MS = 2000
const REOPEN = { first_ms: 250, max_ms: 5000 }
/** What waits to be written at the end has this long: room for a unit that has just died. */
const CLOSE_MS = 1000
/** A timer this late means that the process was held up, and bytes of the reply may still be unread. */
const LATE_MS = 5

const noCounts = (): Record<keyof UnitStats['counts'], number> => ({
  requests: 0,
  replies: 0,
  exceptions: 0,
  timeouts: 0,
  corrupted: 0,
  foreign: 0,
  late: 0,
  retries: 0,
})

/** @throws {LinliError} BUS_CONFIG */
export function createModbusBus(deps: BusDeps, config: BusConfig): RegisterBus {
  return new ModbusBus(deps, config)
}

class ModbusBus implements RegisterBus {
  readonly id: string
  readonly #deps: BusDeps
  readonly #timing
  readonly #reopen
  readonly #answers = new Map<number, (outcome: Outcome) => void>()
  readonly #readings = new Map<number, (outcome: Outcome) => void>()
  readonly #statusListeners: Array<(status: BusStatus) => void> = []
  readonly #counts = new Map<number, Record<keyof UnitStats['counts'], number>>()
  #state
  #connection: ByteConnection | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #reopenTimer: ReturnType<typeof setTimeout> | undefined
  #ids = 0
  #running = false
  #onWritten = () => {}
  #isStepping = false
  /** What listeners asked for while a step was under way. */
  #inputs: BusInput[] = []

  constructor(deps: BusDeps, config: BusConfig) {
    this.id = config.id
    this.#deps = deps
    this.#timing = timingOf(config)
    this.#state = createBusState(this.#timing)
    this.#reopen = createBackoff(REOPEN, deps.random)
  }

  start(): void {
    if (this.#running) return
    this.#running = true
    void this.#open()
  }

  async close(): Promise<void> {
    this.#running = false
    clearTimeout(this.#reopenTimer)
    this.#run({ type: 'finish' })
    await this.#written()
    const closing = this.#connection
    if (closing) this.#onLost('closed')
    await closing?.close()
  }

  /** Outputs are switched off at the end, and their writes still wait then. */
  async #written(): Promise<void> {
    if (this.#hasWritten()) return
    await new Promise<void>((resolve) => {
      const limit = setTimeout(resolve, CLOSE_MS)
      this.#onWritten = () => {
        clearTimeout(limit)
        resolve()
      }
    })
  }

  #hasWritten(): boolean {
    return !this.#connection || !isWriting(this.#state)
  }

  async read(
    range: Parameters<RegisterBus['read']>[0],
    options: RequestOptions & { maxAge_ms?: number } = {},
  ): Promise<ReadResult> {
    return this.#result(await this.#request({ type: 'read', ...range }, false, options))
  }

  async write(write: Parameters<RegisterBus['write']>[0], options: RequestOptions = {}) {
    const outcome = this.#result(await this.#request({ type: 'write', ...write }, true, options))
    return outcome.ok ? { ok: true as const, at: outcome.at } : outcome
  }

  async exchange(
    read: { unit: number; address: number; count: number },
    write: { address: number; values: readonly number[] },
    options: RequestOptions = {},
  ): Promise<ReadResult> {
    const { address: writeAddress, values } = write
    return this.#result(await this.#request({ type: 'exchange', ...read, writeAddress, values }, true, options))
  }

  poll(plan: Parameters<RegisterBus['poll']>[0], listener: (result: ReadResult) => void): () => void {
    const id = ++this.#ids
    const { every_ms, urgent = false, unit, table, address, count } = plan
    this.#readings.set(id, (outcome) => listener(this.#result(outcome)))
    this.#run({ type: 'watch', watch: { id, range: { unit, table, address, count }, every_ms, urgent } })
    return () => {
      this.#readings.delete(id)
      this.#run({ type: 'unwatch', id })
    }
  }

  isReachable(unit: number): boolean {
    return this.#state.up && (unit === BROADCAST || this.#state.units.get(unit)?.online === true)
  }

  onStatus(listener: (status: BusStatus) => void): void {
    this.#statusListeners.push(listener)
  }

  stats(): ReadonlyMap<number, UnitStats> {
    return new Map(
      [...this.#state.units].map(([number, { online, roundTrip_ms }]) => [
        number,
        { online: online === true, counts: { ...(this.#counts.get(number) ?? noCounts()) }, roundTrip_ms },
      ]),
    )
  }

  #request(request: Request, urgent: boolean, options: RequestOptions & { maxAge_ms?: number }): Promise<Outcome> {
    const ticket = ++this.#ids
    return new Promise((resolve) => {
      this.#answers.set(ticket, resolve)
      const expires_ms = performance.now() + (options.expires_ms ?? EXPIRES_MS)
      const { maxAge_ms = 0 } = options
      this.#run({ type: 'request', ticket, request, urgent: options.urgent ?? urgent, expires_ms, maxAge_ms })
    })
  }

  #result(outcome: Outcome): ReadResult | BusFailure {
    if (!outcome.ok) return outcome
    return { ok: true, values: outcome.values, at: momentAt(momentNow(), outcome.at_ms) }
  }

  #run(input: BusInput): void {
    this.#inputs.push(input)
    if (this.#isStepping) return
    this.#isStepping = true
    try {
      for (let next = this.#inputs.shift(); next; next = this.#inputs.shift()) {
        const { state, effects } = step(this.#timing, this.#state, next, performance.now())
        this.#state = state
        for (const effect of effects) this.#perform(effect)
      }
    } finally {
      this.#isStepping = false
    }
    this.#arm()
    if (this.#hasWritten()) this.#onWritten()
  }

  #perform(effect: BusEffect) {
    switch (effect.type) {
      case 'send':
        if (this.#connection?.write(effect.bytes) === false) {
          this.#deps.log.warn({ bus: this.id }, 'the line takes no bytes; it is opened again')
          void this.#connection.close()
        }
        return
      case 'answer':
        this.#answers.get(effect.ticket)?.(effect.outcome)
        this.#answers.delete(effect.ticket)
        return
      case 'reading':
        return this.#guard(() => this.#readings.get(effect.watch)?.(effect.outcome))
      case 'count': {
        const counts = this.#counts.get(effect.unit) ?? noCounts()
        this.#counts.set(effect.unit, counts)
        counts[effect.count]++
        return
      }
      default:
        this.#deps.log.warn({ bus: this.id, ...effect }, 'bus')
        return this.#tell({ ...effect, at: momentNow() })
    }
  }

  #tell(status: BusStatus): void {
    for (const listener of this.#statusListeners) this.#guard(() => listener(status))
  }

  /** An error of a listener must not reach the line. */
  #guard(call: () => void): void {
    try {
      call()
    } catch (error) {
      this.#deps.log.error({ bus: this.id, reason: reasonOf(error) }, 'a listener failed')
    }
  }

  #arm(): void {
    clearTimeout(this.#timer)
    if (!this.#connection) return
    const now_ms = performance.now()
    const due_ms = nextDeadline(this.#state, now_ms)
    if (due_ms === undefined) return
    const tick = () => this.#run({ type: 'tick' })
    const onTime = () => {
      if (!this.#state.exchange || performance.now() - due_ms <= LATE_MS) tick()
      else this.#timer = setTimeout(tick, LATE_MS)
    }
    this.#timer = setTimeout(onTime, Math.max(0, Math.ceil(due_ms - now_ms)))
  }

  async #open(): Promise<void> {
    try {
      const opened = await this.#deps.port.open()
      if (!this.#running) return await opened.close()
      this.#connection = opened
      this.#reopen.reset()
      opened.onData((bytes) => {
        if (this.#connection === opened) this.#run({ type: 'bytes', bytes })
      })
      opened.onClose((reason) => {
        if (this.#connection === opened) this.#onLost(reason)
      })
      if (this.#connection !== opened) return
      this.#run({ type: 'line', up: true })
      this.#tell({ type: 'line', up: true, at: momentNow() })
    } catch (error) {
      this.#onLost(reasonOf(error))
    }
  }

  #onLost(reason: string): void {
    this.#connection = undefined
    clearTimeout(this.#timer)
    this.#run({ type: 'line', up: false })
    this.#tell({ type: 'line', up: false, reason, at: momentNow() })
    if (!this.#running) return
    const wait_ms = this.#reopen.next_ms()
    this.#deps.log.warn({ bus: this.id, reason, wait_ms }, 'the bus was lost')
    this.#reopenTimer = setTimeout(() => void this.#open(), wait_ms)
  }
}
