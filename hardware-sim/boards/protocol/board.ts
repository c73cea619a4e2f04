import type { Cancel } from '../../time/timeline.ts'
import { type Board, type BoardDeps, VCC_V } from '../board.ts'
import { adcReading, digitalLevel } from '../input-pin.ts'
import { createParser } from './parser.ts'
import { createResponder } from './responder.ts'
import { isDigital, PIN_COUNT, pinOf } from './uno.ts'

export interface ProtocolBoardOptions {
  id: string
  /** From power to the first byte. A real Uno takes about 2100 ms. */
  boot_ms: number
}

type Power = 'off' | 'booting' | 'running' | 'hung'

/** A board whose firmware is the hand-written responder: no instruction is emulated, an idle board costs nothing. */
export function createProtocolBoard(deps: BoardDeps, options: ProtocolBoardOptions): Board {
  const { timeline, random } = deps
  const volts = new Map<number, number>()
  const inputs: boolean[] = new Array(PIN_COUNT).fill(false)
  const outputs: number[] = new Array(PIN_COUNT).fill(0)
  let power: Power = 'off'
  let now_ms = 0
  let boot: Cancel | undefined
  let sampling: Cancel | undefined

  function writePin(pin: number, level: number): void {
    if (outputs[pin] === level) return
    outputs[pin] = level
    deps.pinChanged(pin, level, now_ms)
  }

  function sampleEvery(interval_ms: number | undefined): void {
    sampling?.()
    sampling = undefined
    if (interval_ms === undefined) return
    const next = (due_ms: number) => {
      now_ms = due_ms
      sampling = timeline.at(due_ms + interval_ms, next)
      responder.sample()
    }
    sampling = timeline.at(now_ms + interval_ms, next)
  }

  const responder = createResponder({
    readDigital: (pin, pullup) => (volts.has(pin) ? inputs[pin] === true : pullup),
    readAnalog: (channel) => adcReading(volts.get(pinOf(channel)) ?? 0, random),
    writePin,
    send: (bytes) => deps.send(bytes, now_ms),
    sampleEvery,
  })
  const parser = createParser(responder.handle)

  function stop(at_ms: number, next: Power): void {
    now_ms = at_ms
    boot?.()
    sampling?.()
    boot = sampling = undefined
    power = next
  }

  function start(at_ms: number): void {
    stop(at_ms, 'booting')
    for (let pin = 0; pin < PIN_COUNT; pin++) writePin(pin, 0)
    parser.reset()
    deps.stateChanged('booting', at_ms)
    boot = timeline.at(at_ms + options.boot_ms, (due_ms) => {
      now_ms = due_ms
      power = 'running'
      deps.stateChanged('running', due_ms)
      responder.boot()
    })
  }

  return {
    id: options.id,
    powerOn: start,
    powerOff(at_ms) {
      stop(at_ms, 'off')
      for (let pin = 0; pin < PIN_COUNT; pin++) writePin(pin, 0)
    },
    hang(at_ms) {
      if (power === 'off' || power === 'hung') return
      stop(at_ms, 'hung')
      deps.stateChanged('hung', at_ms)
    },
    reset(at_ms) {
      if (power !== 'off') start(at_ms)
    },
    receive(bytes, first_ms, byte_ms) {
      if (power !== 'running') return
      now_ms = first_ms + (bytes.length - 1) * byte_ms
      parser.push(bytes)
    },
    drive(pin, voltage, at_ms) {
      volts.set(pin, Math.max(0, Math.min(VCC_V, voltage)))
      if (!isDigital(pin)) return
      const level = digitalLevel(inputs[pin] === true, voltage)
      if (level === inputs[pin]) return
      inputs[pin] = level
      if (power !== 'running') return
      now_ms = at_ms
      responder.checkInputs()
    },
  }
}
