import { createGpioGateIo } from '../adapters/gpio-gate-io.ts'
import { createModbusGateIo } from '../adapters/modbus-gate-io.ts'
import { createPinGateIo } from '../adapters/pin-gate-io.ts'
import {
  type BusInputWiring,
  type BusOutputWiring,
  busUses,
  busWiring,
  type LineInputWiring,
  type LineOutputWiring,
  lineUses,
  lineWiring,
  type PinInputWiring,
  type PlaceUse,
  pinUses,
  pinWiring,
  type WiringDefaults,
} from '../drivers/access-gate/wiring.ts'
import type { GateIo } from '../ports/gate-io.ts'
import type { Hardware } from './hardware.ts'

/** The inputs and outputs of a gate on whatever its configuration names: the pins of a board, the modules of a bus or the lines of a chip. */

type Some<T> = Readonly<Partial<Record<string, T>>>

type GateDevice = { fresh_ms?: number } & (
  | { board: string; inputs: Some<PinInputWiring>; outputs: Some<number> }
  | { bus: string; inputs: Some<BusInputWiring>; outputs: Some<BusOutputWiring> }
  | { chip: string; inputs: Some<LineInputWiring>; outputs: Some<LineOutputWiring> }
)

/** What a gate occupies, for finding places with two masters. */
export function gateUses(gate: GateDevice): PlaceUse[] {
  if ('chip' in gate) return lineUses(gate.inputs, gate.outputs)
  return 'bus' in gate ? busUses(gate.inputs, gate.outputs) : pinUses(gate.inputs, gate.outputs)
}

export function createGateIo(hardware: Hardware, gate: GateDevice, defaults: WiringDefaults): GateIo {
  if ('board' in gate)
    return createPinGateIo(hardware.board(gate.board), pinWiring(gate.inputs, gate.outputs, defaults))
  if ('chip' in gate) return createGpioGateIo(hardware.chip(gate.chip), lineWiring(gate.inputs, gate.outputs, defaults))
  const { bus, failSafes } = hardware.bus(gate.bus)
  const wiring = busWiring(gate.inputs, gate.outputs, defaults)
  return createModbusGateIo(bus, { ...wiring, failSafes })
}
