import { type Moment, momentNow } from '../moment.ts'
import type { GateIo, GateIoStatus, GateLevels } from '../ports/gate-io.ts'
import type { DigitalOutput, DigitalReport, PinBoard } from '../ports/pin-board.ts'

/** The inputs and outputs of a gate on the pins of a board. */

export interface PinInput {
  pin: number
  /** The electrical level that means `true`. */
  onWhen: 'low' | 'high'
  /** A second contact of the same sensor that is always opposite; equal levels are a failed sensor or cable. */
  pairPin?: number
  /** A mechanical contact bounces: a change counts when it has held this long. Absent: at once, as safety inputs must. */
  settle_ms?: number
}

export interface PinGateWiring {
  inputs: Readonly<Record<string, PinInput>>
  /** Pin of each output: high is on, so that a board that restarts leaves it off. */
  outputs: Readonly<Record<string, number>>
}

export function createPinGateIo(board: PinBoard, wiring: PinGateWiring): GateIo {
  const high = new Map<number, boolean>()
  const levelListeners: Array<(report: GateLevels) => void> = []
  const statusListeners: Array<(status: GateIoStatus) => void> = []
  const outputs = new Map<string, DigitalOutput>()
  for (const [name, pin] of Object.entries(wiring.outputs)) outputs.set(name, board.output(pin))

  function levelOf({ pin, onWhen, pairPin }: PinInput): boolean | undefined {
    const level = high.get(pin)
    if (level === undefined) return undefined
    if (pairPin !== undefined && high.get(pairPin) !== !level) return undefined
    return level === (onWhen === 'high')
  }

  function report(names: string[], at: Moment): void {
    const levels = Object.fromEntries(names.map((name) => [name, levelOf(wiring.inputs[name] as PinInput)]))
    for (const listener of levelListeners) listener({ levels, at })
  }

  const settling = new Map<number, ReturnType<typeof setTimeout>>()
  function unsettle(pin: number): void {
    clearTimeout(settling.get(pin))
    settling.delete(pin)
  }

  function onLevel(name: string, pin: number, settle_ms: number, seen: DigitalReport): void {
    unsettle(pin)
    const take = () => {
      settling.delete(pin)
      high.set(pin, seen.high)
      report([name], seen.kind === 'found' || settle_ms === 0 ? seen.at : momentNow())
    }
    if (seen.kind === 'found' || settle_ms === 0) take()
    else if (high.get(pin) !== seen.high) settling.set(pin, setTimeout(take, settle_ms))
  }

  for (const [name, { pin, pairPin, settle_ms = 0 }] of Object.entries(wiring.inputs)) {
    for (const watched of pairPin === undefined ? [pin] : [pin, pairPin])
      board.watchDigital(watched, (seen) => onLevel(name, watched, settle_ms, seen))
  }
  board.onStatus(({ status, at }) => {
    // What was read before counts no more; the board tells every pin anew after each `ready`.
    for (const pin of [...settling.keys()]) unsettle(pin)
    high.clear()
    const told = status === 'ready' ? { ready: true, at } : { ready: false, reason: `board-${status}`, at }
    for (const listener of statusListeners) listener(told)
  })

  // A level that has not changed is told again only when the hardware has just shown it: the gate's age limit does the rest.
  board.onConfirmed((pins, at) => {
    const holds = (pin: number | undefined) => pin === undefined || (pins.has(pin) && !settling.has(pin))
    const names = Object.entries(wiring.inputs).filter(([, { pin, pairPin }]) => holds(pin) && holds(pairPin))
    if (names.length > 0)
      report(
        names.map(([name]) => name),
        at,
      )
  })

  return {
    onLevels: (listener) => void levelListeners.push(listener),
    onStatus: (listener) => void statusListeners.push(listener),
    set: (output, on) => outputs.get(output)?.set(on) ?? false,
    start() {},
    close() {
      for (const pin of [...settling.keys()]) unsettle(pin)
    },
  }
}
