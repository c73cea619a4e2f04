import type { Cancel } from '../../time/timeline.ts'
import { type Board, type BoardDeps, VCC_V } from '../board.ts'
import { loadEmulator, loadStandardFirmata } from './hex.ts'
import { CYCLES_PER_MS, createMcu, type Mcu, PIN_COUNT } from './mcu.ts'

export interface FirmwareBoardOptions {
  id: string
}

/** The emulated processor runs in slices of this length; within a slice every event has its exact cycle. */
const SLICE_MS = 1
/** After a longer stall of the process the processor skips the time instead of racing after it. */
const BEHIND_MS_MAX = 250

/** A board on which the real StandardFirmata runs, instruction by instruction, at 16 MHz of the world's time. */
export function createFirmwareBoard(deps: BoardDeps, options: FirmwareBoardOptions): Board {
  const { timeline, random } = deps
  // Missing development dependencies are named when the world is built, not in the middle of a run.
  loadEmulator()
  const program = loadStandardFirmata()
  const volts = new Map<number, number>()
  const outputs: number[] = new Array(PIN_COUNT).fill(0)
  let mcu: Mcu | undefined
  let started_ms = 0
  let booting = false
  let slice: Cancel | undefined
  let sent: number[] = []

  function runTo(at_ms: number): void {
    if (!mcu || !slice) return
    const target = Math.floor((at_ms - started_ms) * CYCLES_PER_MS)
    if (target > mcu.cycle) mcu.runTo(target)
    report(at_ms)
  }

  function report(at_ms: number): void {
    for (let pin = 2; pin < PIN_COUNT; pin++) setOutput(pin, mcu?.outputLevel(pin) ?? 0, at_ms)
    if (sent.length === 0) return
    const bytes = Uint8Array.from(sent)
    sent = []
    if (booting) {
      booting = false
      deps.stateChanged('running', at_ms)
    }
    deps.send(bytes, at_ms)
  }

  function setOutput(pin: number, level: number, at_ms: number): void {
    if (outputs[pin] === level) return
    outputs[pin] = level
    deps.pinChanged(pin, level, at_ms)
  }

  function runSlice(due_ms: number): void {
    const behind_ms = timeline.now() - due_ms
    const skipped_ms = behind_ms > BEHIND_MS_MAX ? behind_ms : 0
    started_ms += skipped_ms
    slice = timeline.at(due_ms + skipped_ms + SLICE_MS, runSlice)
    runTo(due_ms + skipped_ms)
  }

  function stop(): void {
    slice?.()
    slice = undefined
    sent = []
  }

  function dropOutputs(at_ms: number): void {
    mcu = undefined
    for (let pin = 0; pin < PIN_COUNT; pin++) setOutput(pin, 0, at_ms)
  }

  function start(at_ms: number): void {
    stop()
    dropOutputs(at_ms)
    // A copy: the program could write into its own flash.
    mcu = createMcu(program.slice(), volts, random, (byte) => sent.push(byte))
    started_ms = at_ms
    booting = true
    deps.stateChanged('booting', at_ms)
    slice = timeline.at(at_ms + SLICE_MS, runSlice)
  }

  return {
    id: options.id,
    powerOn: start,
    powerOff(at_ms) {
      stop()
      dropOutputs(at_ms)
    },
    hang(at_ms) {
      if (!slice) return
      runTo(at_ms)
      stop()
      deps.stateChanged('hung', at_ms)
    },
    reset(at_ms) {
      if (mcu) start(at_ms)
    },
    receive(bytes, first_ms, byte_ms) {
      if (!mcu || !slice) return
      for (const [index, byte] of bytes.entries()) {
        mcu.receiveAt(Math.floor((first_ms + index * byte_ms - started_ms) * CYCLES_PER_MS), byte)
      }
    },
    drive(pin, voltage, at_ms) {
      runTo(at_ms)
      const value = Math.max(0, Math.min(VCC_V, voltage))
      volts.set(pin, value)
      mcu?.drive(pin, value)
    },
  }
}
