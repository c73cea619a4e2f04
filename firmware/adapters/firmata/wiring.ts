import type { Firmata } from 'firmata-io'
import type { AnalogReport, DigitalReport } from '../../ports/pin-board.ts'

/** What is connected to one board; declared before it starts, unchanged afterwards. */
export interface Wiring {
  digital: Map<number, (report: DigitalReport) => void>
  analog: Map<number, (report: AnalogReport) => void>
  outputs: Set<number>
}

export function createWiring(): Wiring {
  return { digital: new Map(), analog: new Map(), outputs: new Set() }
}

/** The Firmata mode that a pin must be in; undefined for a pin that nobody uses. */
export function modeOf(io: Firmata, wiring: Wiring, pin: number): number | undefined {
  if (wiring.digital.has(pin)) return io.MODES.INPUT
  return wiring.outputs.has(pin) ? io.MODES.OUTPUT : undefined
}

/** Firmata moves digital pins in ports of eight. */
export function portOf(pin: number): number {
  return pin >> 3
}

/** The outputs of a port, as the bits of a port write. */
export function outputMask(wiring: Wiring, port: number): number {
  let mask = 0
  for (const pin of wiring.outputs) if (portOf(pin) === port) mask |= 1 << (pin & 7)
  return mask
}

/** One pin of each port that has watched pins: reporting is switched per port. */
export function onePinPerPort(pins: Iterable<number>): number[] {
  return [...new Map([...pins].map((pin) => [portOf(pin), pin])).values()]
}
