import { type Moment, momentNow } from '../moment.ts'
import type { GateIo, GateIoStatus, GateLevels } from '../ports/gate-io.ts'
import type { ReadResult, RegisterBus } from '../ports/register-bus.ts'
import { createBusInputs } from './modbus-gate-inputs.ts'

/** The inputs and outputs of a gate on Modbus input and relay modules. */

export interface BusGateInput {
  unit: number
  /** Address of the discrete input. */
  input: number
  onWhen: 'on' | 'off'
  /** A second contact of the same sensor that is always opposite; equal levels are a failed sensor or cable. */
  pairInput?: number
  /** A mechanical contact bounces: a change counts when it has been read for this long. */
  settle_ms?: number
}

/** A holding register that makes a module switch its outputs off when its master is silent, and what to write there. */
export interface FailSafe {
  unit: number
  register: number
  value: number
}

export interface BusGateWiring {
  inputs: Readonly<Record<string, BusGateInput>>
  outputs: Readonly<Record<string, { unit: number; coil: number }>>
  failSafes: readonly FailSafe[]
}

/** Outputs are read back this often: a module that restarted or was switched by somebody else is found out. */
const READ_BACK_MS = 250
/** A write that has not begun by then is dropped: late is worse than never. Room for one repetition. */
const WRITE_MS = 400
const RETRY_MS = 500
const WAITING_MAX = 32

type Phase = 'lost' | 'switching-off' | 'ready'

export function createModbusGateIo(bus: RegisterBus, wiring: BusGateWiring): GateIo {
  return new ModbusGateIo(bus, wiring)
}

class ModbusGateIo implements GateIo {
  readonly #bus: RegisterBus
  readonly #wiring: BusGateWiring
  readonly #units: ReadonlySet<number>
  readonly #levelListeners: Array<(report: GateLevels) => void> = []
  readonly #statusListeners: Array<(status: GateIoStatus) => void> = []
  readonly #alive = new Set<number>()
  /** What the modules have answered that their outputs are. */
  readonly #confirmed = new Map<string, boolean>()
  readonly #inputs
  #phase: Phase = 'lost'
  /** Whoever waited for an answer through a loss finds another round. */
  #round = 0
  #waiting: Array<{ output: string; on: boolean; until_ms: number }> = []
  #isWriting = false
  #retryAt_ms = 0
  #stops: Array<() => void> = []
  #isRunning = false

  constructor(bus: RegisterBus, wiring: BusGateWiring) {
    this.#bus = bus
    this.#wiring = wiring
    this.#units = new Set([...Object.values(wiring.inputs), ...Object.values(wiring.outputs)].map(({ unit }) => unit))
    this.#inputs = createBusInputs(bus, wiring.inputs, {
      levels: (levels, at) => this.#onLevels(levels, at),
      alive: (unit) => this.#onAlive(unit),
    })
    bus.onStatus((status) => {
      if (!this.#isRunning) return
      if (status.type === 'line' && !status.up) this.#onLost('bus-absent', status.at)
      if (status.type === 'unit' && !status.online && this.#units.has(status.unit)) {
        this.#alive.delete(status.unit)
        this.#onLost('module-silent', status.at)
      }
    })
  }

  onLevels(listener: (report: GateLevels) => void): void {
    this.#levelListeners.push(listener)
  }

  onStatus(listener: (status: GateIoStatus) => void): void {
    this.#statusListeners.push(listener)
  }

  set(output: string, on: boolean): boolean {
    const wired = this.#wiring.outputs[output]
    if (!wired || this.#phase !== 'ready' || !this.#bus.isReachable(wired.unit)) return false
    if (this.#waiting.length >= WAITING_MAX) return false
    this.#waiting.push({ output, on, until_ms: performance.now() + WRITE_MS })
    void this.#writeNext()
    return true
  }

  start(): void {
    if (this.#isRunning) return
    this.#isRunning = true
    const coils = Map.groupBy(Object.entries(this.#wiring.outputs), ([, { unit }]) => unit)
    for (const [unit, outputs] of coils) {
      for (const [name, { coil }] of outputs) {
        const plan = { unit, table: 'coil', address: coil, count: 1, every_ms: READ_BACK_MS } as const
        this.#stops.push(this.#bus.poll(plan, (result) => this.#onReadBack(name, unit, result)))
      }
    }
    this.#stops.push(this.#inputs.start())
  }

  close(): void {
    if (!this.#isRunning) return
    this.#isRunning = false
    for (const stop of this.#stops.splice(0)) stop()
    this.#phase = 'lost'
    this.#round++
    this.#waiting = []
    // Whoever closes the bus lets what waits go out.
    for (const { unit, coil } of Object.values(this.#wiring.outputs))
      if (this.#bus.isReachable(unit)) void this.#write(unit, coil, false, WRITE_MS)
  }

  #onLevels(levels: GateLevels['levels'], at: Moment): void {
    if (this.#phase === 'ready') for (const listener of this.#levelListeners) listener({ levels, at })
  }

  #onReadBack(output: string, unit: number, result: ReadResult): void {
    if (!result.ok) return
    const is = result.values[0] === 1
    const isBusy = this.#isWriting || this.#waiting.length > 0
    if (this.#phase === 'ready' && !isBusy && this.#confirmed.get(output) !== is)
      this.#onLost('output-mismatch', result.at)
    this.#onAlive(unit)
  }

  #onAlive(unit: number): void {
    this.#alive.add(unit)
    if (this.#phase !== 'lost' || this.#alive.size < this.#units.size || performance.now() < this.#retryAt_ms) return
    void this.#switchOff()
  }

  /** Everything off and answered, before anybody is told that the gate works. */
  async #switchOff(): Promise<void> {
    this.#phase = 'switching-off'
    const round = ++this.#round
    const failSafes = this.#wiring.failSafes
      .filter(({ unit }) => this.#units.has(unit))
      .map(({ unit, register, value }) =>
        this.#bus.write({ unit, table: 'holding', address: register, values: [value] }),
      )
    const off = Object.values(this.#wiring.outputs).map(({ unit, coil }) => this.#write(unit, coil, false))
    const results = await Promise.all([...off, ...failSafes])
    if (round !== this.#round) return
    if (results.some(({ ok }) => !ok)) {
      this.#phase = 'lost'
      this.#retryAt_ms = performance.now() + RETRY_MS
      return
    }
    for (const output of Object.keys(this.#wiring.outputs)) this.#confirmed.set(output, false)
    this.#phase = 'ready'
    this.#inputs.forget()
    this.#tell({ ready: true, at: momentNow() })
  }

  #write(unit: number, coil: number, on: boolean, expires_ms?: number) {
    return this.#bus.write(
      { unit, table: 'coil', address: coil, values: [on ? 1 : 0] },
      { urgent: true, ...(expires_ms === undefined ? {} : { expires_ms }) },
    )
  }

  /** One after the other: what was ordered first has been carried out before the next begins, or the next never does. */
  async #writeNext(): Promise<void> {
    if (this.#isWriting) return
    this.#isWriting = true
    const round = this.#round
    for (let next = this.#waiting.shift(); next && round === this.#round; next = this.#waiting.shift()) {
      const { output, on, until_ms } = next
      const { unit, coil } = this.#wiring.outputs[output] as { unit: number; coil: number }
      const result = await this.#write(unit, coil, on, until_ms - performance.now())
      if (round !== this.#round) break
      if (!result.ok) {
        this.#onLost('output-failed', momentNow())
        break
      }
      this.#confirmed.set(output, on)
    }
    this.#isWriting = false
  }

  #onLost(reason: string, at: Moment): void {
    if (reason === 'bus-absent') this.#alive.clear()
    const wasReady = this.#phase === 'ready'
    this.#phase = 'lost'
    this.#round++
    this.#waiting = []
    this.#confirmed.clear()
    this.#inputs.forget()
    if (wasReady || reason === 'bus-absent' || reason === 'module-silent') this.#tell({ ready: false, reason, at })
  }

  #tell(status: GateIoStatus): void {
    for (const listener of this.#statusListeners) listener(status)
  }
}
