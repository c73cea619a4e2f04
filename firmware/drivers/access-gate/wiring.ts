import { Segment } from '../../../hub/contract/topic.ts'
import { type TObject, type TProperties, type TSchema, Type } from '../../../hub/contract/type.ts'
import type { LineGateWiring } from '../../adapters/gpio-gate-io.ts'
import type { BusGateWiring } from '../../adapters/modbus-gate-io.ts'
import type { PinGateWiring } from '../../adapters/pin-gate-io.ts'
import { BIASES, type Bias } from '../../ports/line-chip.ts'

/**
 * What the inputs and outputs of a gate may be wired to. A gate names exactly one carrier: a `board` of pins, a `bus` of
 * Modbus modules, or a `chip` of GPIO lines; the shape of its inputs and outputs follows from that.
 */

/** 69 is the last digital pin of a Mega 2560; 0 and 1 carry the serial line itself. */
const Pin = Type.Integer({ minimum: 2, maximum: 69, description: 'digital pin of the board' })

const PinInput = Type.Object(
  {
    pin: Pin,
    onWhen: Type.Optional(Type.Enum(['low', 'high'])),
    pairPin: Type.Optional(Pin),
  },
  { additionalProperties: false },
)
export interface PinInputWiring {
  pin: number
  onWhen?: 'low' | 'high'
  pairPin?: number
}

/** 1–247 (Modbus over serial line v1.02, §2.2). */
const Unit = Type.Integer({ minimum: 1, maximum: 247, description: 'address of the module on its bus' })
const BitAddress = Type.Integer({ minimum: 0, maximum: 0xffff, description: 'address on the wire, from 0' })

const BusInput = Type.Object(
  {
    unit: Unit,
    input: BitAddress,
    onWhen: Type.Optional(Type.Enum(['on', 'off'])),
    pairInput: Type.Optional(BitAddress),
  },
  { additionalProperties: false },
)
export interface BusInputWiring {
  unit: number
  input: number
  onWhen?: 'on' | 'off'
  pairInput?: number
}
const BusOutput = Type.Object({ unit: Unit, coil: BitAddress }, { additionalProperties: false })
export interface BusOutputWiring {
  unit: number
  coil: number
}

/** The kernel numbers the lines of a chip from 0; on a Pi these are the BCM numbers. */
const Line = Type.Integer({ minimum: 0, maximum: 1023, description: 'line of the chip; BCM number on a Pi' })

const LineInput = Type.Object(
  {
    line: Line,
    onWhen: Type.Optional(Type.Enum(['low', 'high'])),
    pairLine: Type.Optional(Line),
    bias: Type.Optional(Type.Enum([...BIASES])),
  },
  { additionalProperties: false },
)
export interface LineInputWiring {
  line: number
  onWhen?: 'low' | 'high'
  pairLine?: number
  bias?: Bias
}
const LineOutput = Type.Object({ line: Line }, { additionalProperties: false })
export interface LineOutputWiring {
  line: number
}

type Names = Readonly<Record<string, 'needed' | 'optional'>>

function named(names: Names, schema: TSchema): TObject {
  const fields: TProperties = {}
  for (const [name, need] of Object.entries(names)) fields[name] = need === 'needed' ? schema : Type.Optional(schema)
  return Type.Object(fields, { additionalProperties: false })
}

/** The schemas of one kind of gate, by the carrier that it names. */
export function gateSchemas(common: TProperties, inputs: Names, outputs: Names) {
  const on = (carrier: string, input: TSchema, output: TSchema) =>
    Type.Object(
      { ...common, [carrier]: Segment, inputs: named(inputs, input), outputs: named(outputs, output) },
      { additionalProperties: false },
    )
  return {
    board: on('board', PinInput, Pin),
    bus: on('bus', BusInput, BusOutput),
    chip: on('chip', LineInput, LineOutput),
  }
}

type Wired<Names extends string, Needed extends Names, Of> = Readonly<Record<Needed, Of> & Partial<Record<Names, Of>>>

/** What a gate's configuration says about its wires, whatever carries them. */
export type GateWires<In extends string, InNeeded extends In, Out extends string, OutNeeded extends Out> =
  | { board: string; inputs: Wired<In, InNeeded, PinInputWiring>; outputs: Wired<Out, OutNeeded, number> }
  | { bus: string; inputs: Wired<In, InNeeded, BusInputWiring>; outputs: Wired<Out, OutNeeded, BusOutputWiring> }
  | { chip: string; inputs: Wired<In, InNeeded, LineInputWiring>; outputs: Wired<Out, OutNeeded, LineOutputWiring> }

type Some<T> = Readonly<Partial<Record<string, T>>>

function present<T>(wires: Some<T>): Array<[string, T]> {
  return Object.entries(wires).filter((one): one is [string, T] => one[1] !== undefined)
}

/** What each kind of gate says of its inputs, unless the configuration says otherwise. */
export interface WiringDefaults {
  /** At a pin that a closed contact pulls low. */
  onWhen: Readonly<Record<string, 'low' | 'high'>>
  settle_ms: Readonly<Record<string, number>>
}

export function pinWiring(
  inputs: Some<PinInputWiring>,
  outputs: Some<number>,
  { onWhen, settle_ms }: WiringDefaults,
): PinGateWiring {
  return {
    inputs: Object.fromEntries(
      present(inputs).map(([name, one]) => [
        name,
        { onWhen: onWhen[name] ?? 'low', ...one, settle_ms: settle_ms[name] ?? 0 },
      ]),
    ),
    outputs: Object.fromEntries(present(outputs)),
  }
}

/** An input module is on while the contact is closed, which is what a low pin says. */
export function busWiring(
  inputs: Some<BusInputWiring>,
  outputs: Some<BusOutputWiring>,
  { onWhen, settle_ms }: WiringDefaults,
): Omit<BusGateWiring, 'failSafes'> {
  return {
    inputs: Object.fromEntries(
      present(inputs).map(([name, one]) => [
        name,
        { onWhen: onWhen[name] === 'high' ? 'off' : 'on', ...one, settle_ms: settle_ms[name] ?? 0 },
      ]),
    ),
    outputs: Object.fromEntries(present(outputs)),
  }
}

/** A contact is between line and ground: pulled up, a cut cable reads high like an open contact. */
export function lineWiring(
  inputs: Some<LineInputWiring>,
  outputs: Some<LineOutputWiring>,
  { onWhen, settle_ms }: WiringDefaults,
): LineGateWiring {
  return {
    inputs: Object.fromEntries(
      present(inputs).map(([name, one]) => [
        name,
        { onWhen: onWhen[name] ?? 'low', bias: 'pull-up', ...one, settle_ms: settle_ms[name] ?? 0 },
      ]),
    ),
    outputs: Object.fromEntries(present(outputs).map(([name, { line }]) => [name, line])),
  }
}

/** A place that only one master can have, and the field that claims it. */
export interface PlaceUse {
  field: string
  /** Name of the place, e.g. `pin 2` or `coil 3 of unit 5`. */
  use: string
}

export function pinUses(inputs: Some<PinInputWiring>, outputs: Some<number>): PlaceUse[] {
  const used = present(inputs).flatMap(([name, { pin, pairPin }]) => [
    { field: `inputs/${name}/pin`, use: `pin ${pin}` },
    ...(pairPin === undefined ? [] : [{ field: `inputs/${name}/pairPin`, use: `pin ${pairPin}` }]),
  ])
  return [...used, ...present(outputs).map(([name, pin]) => ({ field: `outputs/${name}`, use: `pin ${pin}` }))]
}

export function busUses(inputs: Some<BusInputWiring>, outputs: Some<BusOutputWiring>): PlaceUse[] {
  const used = present(inputs).flatMap(([name, { unit, input, pairInput }]) => [
    { field: `inputs/${name}/input`, use: `input ${input} of unit ${unit}` },
    ...(pairInput === undefined
      ? []
      : [{ field: `inputs/${name}/pairInput`, use: `input ${pairInput} of unit ${unit}` }]),
  ])
  const driven = present(outputs).map(([name, { unit, coil }]) => ({
    field: `outputs/${name}/coil`,
    use: `coil ${coil} of unit ${unit}`,
  }))
  return [...used, ...driven]
}

export function lineUses(inputs: Some<LineInputWiring>, outputs: Some<LineOutputWiring>): PlaceUse[] {
  const used = present(inputs).flatMap(([name, { line, pairLine }]) => [
    { field: `inputs/${name}/line`, use: `line ${line}` },
    ...(pairLine === undefined ? [] : [{ field: `inputs/${name}/pairLine`, use: `line ${pairLine}` }]),
  ])
  const driven = present(outputs).map(([name, { line }]) => ({ field: `outputs/${name}/line`, use: `line ${line}` }))
  return [...used, ...driven]
}
