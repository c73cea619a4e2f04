import type { Cancel } from '../../time/timeline.ts'
import { type Board, type BoardDeps, VCC_V } from '../board.ts'
import { adcReading, digitalLevel } from '../input-pin.ts'
import { createParser } from './parser.ts'
import { Responder } from './responder.ts'
import { isDigital, PIN_COUNT, pinOf } from './uno.ts'

export interface ProtocolBoardOptions {
  id: string
  /** From power to the first byte. A real Uno takes about 2100 ms. */
  boot_ms: number
}

/** One turn of the firmware's loop on a Uno, about: an input that changes and changes back within it goes unseen. */
const LOOP_MS = 0.1

/** A board whose firmware is the hand-written responder: no instruction is emulated, an idle board costs nothing. */
export class ProtocolBoard implements Board {
  readonly id: string
  readonly #deps: BoardDeps
  readonly #boot_ms: number
  readonly #volts = new Map<number, number>()
  readonly #inputs: boolean[] = new Array(PIN_COUNT).fill(false)
  readonly #outputs: number[] = new Array(PIN_COUNT).fill(0)
  readonly #responder: Responder
  readonly #parser: ReturnType<typeof createParser>
  #power: 'off' | 'booting' | 'running' | 'hung' = 'off'
  #now_ms = 0
  #boot: Cancel | undefined
  #sampling: Cancel | undefined
  #look: Cancel | undefined

  constructor(deps: BoardDeps, options: ProtocolBoardOptions) {
    this.id = options.id
    this.#deps = deps
    this.#boot_ms = options.boot_ms
    this.#responder = new Responder({
      readDigital: (pin, pullup) => (this.#volts.has(pin) ? this.#inputs[pin] === true : pullup),
      readAnalog: (channel) => adcReading(this.#volts.get(pinOf(channel)) ?? 0, deps.random),
      writePin: (pin, level) => this.#writePin(pin, level),
      send: (bytes) => deps.send(bytes, this.#now_ms),
      sampleEvery: (interval_ms) => this.#sampleEvery(interval_ms),
    })
    this.#parser = createParser((message) => this.#responder.handle(message))
  }

  powerOn(at_ms: number): void {
    this.#stop(at_ms, 'booting')
    this.#dropOutputs()
    this.#parser.reset()
    this.#deps.stateChanged('booting', at_ms)
    this.#boot = this.#deps.timeline.at(at_ms + this.#boot_ms, (due_ms) => {
      this.#now_ms = due_ms
      this.#power = 'running'
      this.#deps.stateChanged('running', due_ms)
      this.#responder.boot()
    })
  }

  powerOff(at_ms: number): void {
    this.#stop(at_ms, 'off')
    this.#dropOutputs()
  }

  hang(at_ms: number): void {
    if (this.#power === 'off' || this.#power === 'hung') return
    this.#stop(at_ms, 'hung')
    this.#deps.stateChanged('hung', at_ms)
  }

  reset(at_ms: number): void {
    if (this.#power !== 'off') this.powerOn(at_ms)
  }

  receive(bytes: Uint8Array, first_ms: number, byte_ms: number): void {
    if (this.#power !== 'running') return
    this.#now_ms = first_ms + (bytes.length - 1) * byte_ms
    this.#parser.push(bytes)
  }

  drive(pin: number, volts: number, at_ms: number): void {
    this.#volts.set(pin, Math.max(0, Math.min(VCC_V, volts)))
    if (!isDigital(pin)) return
    const level = digitalLevel(this.#inputs[pin] === true, volts)
    if (level === this.#inputs[pin]) return
    this.#inputs[pin] = level
    if (this.#power !== 'running') return
    this.#look ??= this.#deps.timeline.at(at_ms + LOOP_MS, (due_ms) => {
      this.#look = undefined
      this.#now_ms = due_ms
      this.#responder.checkInputs()
    })
  }

  #writePin(pin: number, level: number): void {
    if (this.#outputs[pin] === level) return
    this.#outputs[pin] = level
    this.#deps.pinChanged(pin, level, this.#now_ms)
  }

  #dropOutputs(): void {
    for (let pin = 0; pin < PIN_COUNT; pin++) this.#writePin(pin, 0)
  }

  #sampleEvery(interval_ms: number | undefined): void {
    this.#sampling?.()
    this.#sampling = undefined
    if (interval_ms === undefined) return
    const next = (due_ms: number) => {
      this.#now_ms = due_ms
      this.#sampling = this.#deps.timeline.at(due_ms + interval_ms, next)
      this.#responder.sample()
    }
    this.#sampling = this.#deps.timeline.at(this.#now_ms + interval_ms, next)
  }

  #stop(at_ms: number, next: 'off' | 'booting' | 'hung'): void {
    this.#now_ms = at_ms
    this.#boot?.()
    this.#sampling?.()
    this.#look?.()
    this.#boot = undefined
    this.#sampling = undefined
    this.#look = undefined
    this.#power = next
  }
}
