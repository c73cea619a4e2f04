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

/** Firmata moves digital pins in ports of eight. */
export function portOf(pin: number): number {
  return pin >> 3
}

/** One pin of each port that has watched pins: reporting is switched per port. */
export function onePinPerPort(pins: Iterable<number>): number[] {
  return [...new Map([...pins].map((pin) => [portOf(pin), pin])).values()]
}
