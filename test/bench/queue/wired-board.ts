import { type Moment, momentNow } from '../../../firmware/moment.ts'
import type { DigitalReport, PinBoard, StatusReport } from '../../../firmware/ports/pin-board.ts'
import type { Timeline } from '../../../hardware-sim/time/timeline.ts'

/**
 * A board of pins between a simulated device and the gateway's adapter, without the bytes of a serial line: what a pin
 * does is known a fixed time later on the other side.
 */

/** About what a Firmata board on USB needs from edge to report. */
const WIRE_MS = 5
/** As often as a Firmata board is asked for its pins. */
const CONFIRM_MS = 250
const VOLTS_HIGH = 2.5

export interface WiredBoard {
  board: PinBoard
  /** The device puts a voltage on a pin. */
  drive(pin: number, volts: number, at_ms: number): void
}

export function createWiredBoard(
  timeline: Timeline,
  toDevice: (pin: number, level: 0 | 1, at_ms: number) => void,
): WiredBoard {
  const high = new Map<number, boolean>()
  const watchers = new Map<number, Array<(report: DigitalReport) => void>>()
  const statusListeners: Array<(report: StatusReport) => void> = []
  let polling: ReturnType<typeof setInterval> | undefined
  const confirmed: Array<(pins: ReadonlySet<number>, at: Moment) => void> = []
  let status: StatusReport = { status: 'starting', at: momentNow() }

  function tell(pin: number, kind: DigitalReport['kind'], at: Moment): void {
    for (const watcher of watchers.get(pin) ?? []) watcher({ high: high.get(pin) ?? true, kind, at })
  }

  const board: PinBoard = {
    id: 'wired',
    get status() {
      return status
    },
    watchDigital(pin, listener) {
      watchers.set(pin, [...(watchers.get(pin) ?? []), listener])
    },
    watchAnalog() {
      throw new Error('a gate has no analog inputs')
    },
    output: (pin) => ({
      set(on) {
        timeline.at(timeline.now() + WIRE_MS, (due_ms) => toDevice(pin, on ? 1 : 0, due_ms))
        return true
      },
    }),
    onConfirmed: (listener) => void confirmed.push(listener),
    onStatus: (listener) => void statusListeners.push(listener),
    start() {
      status = { status: 'ready', at: momentNow() }
      for (const listener of statusListeners) listener(status)
      for (const pin of watchers.keys()) tell(pin, 'found', momentNow())
      const pins = new Set(watchers.keys())
      polling = setInterval(() => {
        for (const listener of confirmed) listener(pins, momentNow())
      }, CONFIRM_MS)
    },
    close: async () => clearInterval(polling),
  }

  return {
    board,
    drive(pin, volts, at_ms) {
      const isHigh = volts > VOLTS_HIGH
      if (high.get(pin) === isHigh) return
      timeline.at(at_ms + WIRE_MS, () => {
        high.set(pin, isHigh)
        if (status.status === 'ready') tell(pin, 'edge', momentNow())
      })
    },
  }
}
