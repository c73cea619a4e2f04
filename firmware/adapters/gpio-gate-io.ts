import type { GateIo } from '../ports/gate-io.ts'
import type { Bias, LineChip } from '../ports/line-chip.ts'
import { createPinGateIo } from './pin-gate-io.ts'

/** The inputs and outputs of a gate on GPIO lines of the box. */

export interface LineWiring {
  line: number
  /** The electrical level that means `true`. */
  onWhen: 'low' | 'high'
  /** What pulls the line while its contact is open. */
  bias: Bias
  /** A second contact of the same sensor that is always opposite; equal levels are a failed sensor or cable. */
  pairLine?: number
  /** A mechanical contact bounces: the kernel tells a change when it has held this long. Absent: at once. */
  settle_ms?: number
}

export interface LineGateWiring {
  inputs: Readonly<Record<string, LineWiring>>
  /** Line of each output: high is on. */
  outputs: Readonly<Record<string, number>>
}

export function createGpioGateIo(chip: LineChip, wiring: LineGateWiring): GateIo {
  const inputs = Object.entries(wiring.inputs).map(([name, { line, onWhen, bias, pairLine, settle_ms = 0 }]) => {
    chip.setInput(line, { bias, settle_ms })
    if (pairLine === undefined) return [name, { pin: line, onWhen }] as const
    chip.setInput(pairLine, { bias, settle_ms })
    return [name, { pin: line, onWhen, pairPin: pairLine }] as const
  })
  return createPinGateIo(chip, { inputs: Object.fromEntries(inputs), outputs: wiring.outputs })
}
