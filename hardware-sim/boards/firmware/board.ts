import type { Cancel } from '../../time/timeline.ts'
import { type Board, type BoardDeps, VCC_V } from '../board.ts'
import { loadEmulator, loadStandardFirmata } from './hex.ts'
import { CYCLES_PER_MS, createMcu, type Mcu, PIN_COUNT } from './mcu.ts'

/** The emulated processor runs in slices of this length; within a slice every event has its exact cycle. */
const SLICE_MS = 1
/** After a longer stall of the process the processor skips the time instead of racing after it. */
const BEHIND_MS_MAX = 250

/** A board on which the real StandardFirmata runs, instruction by instruction, at 16 MHz of the world's time. */
export class FirmwareBoard implements Board {
  readonly id: string
  readonly #deps: BoardDeps
  readonly #program: Uint16Array
  readonly #volts = new Map<number, number>()
  readonly #outputs: number[] = new Array(PIN_COUNT).fill(0)
  #mcu: Mcu | undefined
  #started_ms = 0
  #booting = false
  #slice: Cancel | undefined
  #sent: number[] = []

  /** @throws SimError if the emulator or the firmware is not installed: when the world is built, not in the middle of a run */
  constructor(deps: BoardDeps, options: { id: string }) {
    this.id = options.id
    this.#deps = deps
    loadEmulator()
    this.#program = loadStandardFirmata()
  }

  powerOn(at_ms: number): void {
    this.#stop()
    this.#dropOutputs(at_ms)
    // A copy: the program could write into its own flash.
    this.#mcu = createMcu(this.#program.slice(), this.#volts, this.#deps.random, (byte) => this.#sent.push(byte))
    this.#started_ms = at_ms
    this.#booting = true
    this.#deps.stateChanged('booting', at_ms)
    this.#slice = this.#deps.timeline.at(at_ms + SLICE_MS, (due_ms) => this.#runSlice(due_ms))
  }

  powerOff(at_ms: number): void {
    this.#stop()
    this.#dropOutputs(at_ms)
  }

  hang(at_ms: number): void {
    if (!this.#slice) return
    this.#runTo(at_ms)
    this.#stop()
    this.#deps.stateChanged('hung', at_ms)
  }

  reset(at_ms: number): void {
    if (this.#mcu) this.powerOn(at_ms)
  }

  receive(bytes: Uint8Array, first_ms: number, byte_ms: number): void {
    if (!this.#mcu || !this.#slice) return
    for (const [index, byte] of bytes.entries()) {
      const ended_ms = first_ms + index * byte_ms - this.#started_ms
      this.#mcu.receiveAt(Math.floor(ended_ms * CYCLES_PER_MS), byte)
    }
  }

  drive(pin: number, volts: number, at_ms: number): void {
    this.#runTo(at_ms)
    const value = Math.max(0, Math.min(VCC_V, volts))
    this.#volts.set(pin, value)
    this.#mcu?.drive(pin, value)
  }

  #runSlice(due_ms: number): void {
    const behind_ms = this.#deps.timeline.now() - due_ms
    const skipped_ms = behind_ms > BEHIND_MS_MAX ? behind_ms : 0
    this.#started_ms += skipped_ms
    const now_ms = due_ms + skipped_ms
    this.#slice = this.#deps.timeline.at(now_ms + SLICE_MS, (next_ms) => this.#runSlice(next_ms))
    this.#runTo(now_ms)
  }

  #runTo(at_ms: number): void {
    if (!this.#mcu || !this.#slice) return
    this.#mcu.runTo(Math.floor((at_ms - this.#started_ms) * CYCLES_PER_MS))
    for (let pin = 2; pin < PIN_COUNT; pin++) this.#setOutput(pin, this.#mcu.outputLevel(pin), at_ms)
    if (this.#sent.length > 0) this.#flush(at_ms)
  }

  #flush(at_ms: number): void {
    const bytes = Uint8Array.from(this.#sent)
    this.#sent = []
    if (this.#booting) {
      this.#booting = false
      this.#deps.stateChanged('running', at_ms)
    }
    this.#deps.send(bytes, at_ms)
  }

  #setOutput(pin: number, level: number, at_ms: number): void {
    if (this.#outputs[pin] === level) return
    this.#outputs[pin] = level
    this.#deps.pinChanged(pin, level, at_ms)
  }

  #stop(): void {
    this.#slice?.()
    this.#slice = undefined
    this.#sent = []
  }

  #dropOutputs(at_ms: number): void {
    this.#mcu = undefined
    for (let pin = 0; pin < PIN_COUNT; pin++) this.#setOutput(pin, 0, at_ms)
  }
}
