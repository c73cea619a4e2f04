import { SimError } from '../../error.ts'
import type { City } from '../../park/city.ts'
import type { SlaveStep } from '../../scenario/steps.ts'
import type { Cancel } from '../../time/timeline.ts'
import type { BusDevice, BusDeviceDeps } from '../bus-device.ts'
import { type Block, type Table, writeRange } from './blocks.ts'
import { isIntact, withCheck } from './crc.ts'
import { FrameReader, type Silences, silencesOf } from './framing.ts'
import { FUNCTIONS, respond } from './functions.ts'
import { Misreplies, refusal } from './misreplies.ts'

const BROADCAST = 0
const POWER_OFF_MS = 500
const BOOT_MS = 200

export interface SlaveOptions {
  id: string
  /** Its address on the line, 1–247. */
  unit: number
  /** From the end of a request to the start of the reply, but not before the line has been silent for a frame's gap; 0 if not given. */
  reply_ms?: number | undefined
  /** Function codes that it knows; 1–6, 15, 16 and 23 if not given. */
  functions?: readonly number[] | undefined
}

/** What is behind the registers. */
export interface SlaveParts {
  blocks: readonly Block[]
  /** A sound request for it, or for all, was carried out. */
  asked?: (at_ms: number) => void
  powered?: (on: boolean, at_ms: number) => void
  /** Somebody at the unit itself changes a register; what the line may write if not given. @returns an exception code */
  set?: (table: Table, address: number, values: readonly number[], at_ms: number) => number | undefined
}

export interface SlaveDeps extends BusDeviceDeps {
  baud: number
  byte_ms: number
  /** Where park sensors stand. */
  city: City
}

/** A unit on a Modbus RTU line: hears frames by their silences, and answers those that are for it. */
export class ModbusSlave implements BusDevice {
  readonly id: string
  /** Its address; whoever sets it speaks for the unit itself, e.g. a register that holds the address. */
  unit: number
  readonly #deps: SlaveDeps
  readonly #options: SlaveOptions
  readonly #parts: SlaveParts
  readonly #silences: Silences
  readonly #frames: FrameReader
  readonly #misreplies: Misreplies
  #powered = false
  #connected = true
  #boot: Cancel | undefined

  /** @param make gets the slave, so that a register can change its address */
  constructor(deps: SlaveDeps, options: SlaveOptions, make: (slave: ModbusSlave) => SlaveParts) {
    this.id = options.id
    this.unit = options.unit
    this.#deps = deps
    this.#options = options
    this.#silences = silencesOf(deps.baud, deps.byte_ms)
    this.#misreplies = new Misreplies(deps.random)
    this.#frames = new FrameReader(
      deps.timeline,
      this.#silences,
      (unit) => unit === this.unit || unit === BROADCAST,
      (frame, ended_ms) => this.#request(frame, ended_ms),
    )
    this.#parts = make(this)
  }

  start(at_ms: number): void {
    this.#powered = true
    this.#parts.powered?.(true, at_ms)
  }

  receive(bytes: Uint8Array, first_ms: number, byte_ms: number): void {
    if (this.#powered && this.#connected) this.#frames.push(bytes, first_ms, byte_ms)
  }

  apply(step: SlaveStep, at_ms: number): void {
    switch (step.do) {
      case 'misreply':
        this.#misreplies.plan({ ...step, count: step.count ?? 1 })
        break
      case 'set-registers':
        this.#set(step, at_ms)
        break
      case 'set-unit':
        this.unit = step.unit
        break
      case 'power-cycle':
        this.#powerOff(at_ms)
        this.#boot = this.#deps.timeline.at(at_ms + (step.off_ms ?? POWER_OFF_MS) + BOOT_MS, (due_ms) =>
          this.start(due_ms),
        )
        break
      case 'disconnect':
      case 'reconnect':
        this.#connected = step.do === 'reconnect'
        this.#frames.reset()
        break
      default:
        throw new SimError(
          'SIM_STEP_INVALID',
          `slave "${this.id}" is no sensor of a park and does not know "${step.do}"`,
        )
    }
  }

  #set({ table, address, values }: SlaveStep & { do: 'set-registers' }, at_ms: number): void {
    const { blocks, set = (...place) => writeRange(blocks, ...place) } = this.#parts
    if (set(table, address, values, at_ms) === undefined) return
    const what = `${table} ${address}…${address + values.length - 1}`
    throw new SimError('SIM_STEP_INVALID', `slave "${this.id}" has no ${what} that could be set`)
  }

  #powerOff(at_ms: number): void {
    this.#boot?.()
    this.#powered = false
    this.#frames.reset()
    this.#parts.powered?.(false, at_ms)
  }

  /** Called when the line has been silent for a frame's gap behind it. */
  #request(frame: Uint8Array, ended_ms: number): void {
    if (!isIntact(frame)) return
    const unit = frame[0] ?? BROADCAST
    const at_ms = ended_ms + this.#silences.frame_ms
    const code = frame[1] ?? 0
    this.#parts.asked?.(at_ms)
    const refused = unit === BROADCAST ? undefined : this.#misreplies.refuses()
    if (refused !== undefined) {
      this.#reply(refusal(unit, code, refused), ended_ms)
      return
    }
    const { functions = FUNCTIONS } = this.#options
    const answer = respond({ blocks: this.#parts.blocks, functions }, frame.subarray(1, -2), at_ms)
    if (answer && unit !== BROADCAST) this.#reply(withCheck([unit, ...answer]), ended_ms)
  }

  #reply(reply: Uint8Array, ended_ms: number): void {
    const ready_ms = ended_ms + Math.max(this.#silences.frame_ms, this.#options.reply_ms ?? 0)
    let earliest_ms = ready_ms
    for (const { bytes, late_ms } of this.#misreplies.bend(reply)) {
      const start_ms = Math.max(ready_ms + late_ms, earliest_ms)
      earliest_ms = start_ms + bytes.length * this.#deps.byte_ms + this.#silences.frame_ms
      if (bytes.length === 0) continue
      this.#deps.timeline.at(start_ms, (due_ms) => {
        if (this.#powered && this.#connected) this.#deps.send(bytes, due_ms)
      })
    }
  }
}
