import { type TEnum, Type } from 'typebox'
import type { PinGateWiring } from '../../adapters/pin-gate-io.ts'
import { DAYS, isTimeZone } from './schedule.ts'

/** The parts of a gate's configuration that doors and barriers share. Times are in ms. */

/** 69 is the last digital pin of a Mega 2560; 0 and 1 carry the serial line itself. */
export const Pin = Type.Integer({ minimum: 2, maximum: 69, description: 'digital pin of the board' })

export const Input = Type.Object(
  {
    pin: Pin,
    onWhen: Type.Optional(Type.Enum(['low', 'high'])),
    pairPin: Type.Optional(Pin),
  },
  { additionalProperties: false },
)
export interface InputWiring {
  pin: number
  onWhen?: 'low' | 'high'
  pairPin?: number
}

export const time = (minimum: number, maximum: number) => Type.Optional(Type.Integer({ minimum, maximum }))

const Direction = Type.Optional(Type.Enum(['in', 'out']))

/** Which names there are depends on the box. */
const TimeZone = Type.Refine(
  Type.String({ maxLength: 60, description: 'IANA name, e.g. Asia/Shanghai' }),
  (name) => isTimeZone(name as string),
  () => 'is not a time zone that this system knows',
)

export function scheduleSchema<M extends string>(modes: readonly M[]) {
  const Mode = Type.Enum([...modes]) as TEnum<M[]>
  return Type.Object(
    {
      timeZone: TimeZone,
      holidays: Type.Optional(Type.Array(Type.String({ format: 'date' }), { maxItems: 200 })),
      rules: Type.Array(
        Type.Object(
          {
            days: Type.Array(Type.Enum([...DAYS]), { minItems: 1, maxItems: DAYS.length }),
            from: Type.String({ pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$' }),
            to: Type.String({ pattern: '^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$' }),
            mode: Mode,
            direction: Direction,
          },
          { additionalProperties: false },
        ),
        { maxItems: 100 },
      ),
      otherwise: Type.Object({ mode: Mode, direction: Direction }, { additionalProperties: false }),
    },
    { additionalProperties: false },
  )
}

/** A gate's pins with the polarity that each input has unless the configuration says otherwise. */
export function wiringOf(
  inputs: Readonly<Partial<Record<string, InputWiring>>>,
  outputs: Readonly<Partial<Record<string, number>>>,
  onWhen: Readonly<Record<string, 'low' | 'high'>>,
): PinGateWiring {
  const wired = Object.entries(inputs).filter((one): one is [string, InputWiring] => one[1] !== undefined)
  return {
    inputs: Object.fromEntries(wired.map(([name, one]) => [name, { onWhen: onWhen[name] ?? 'low', ...one }])),
    outputs: Object.fromEntries(Object.entries(outputs).filter((one): one is [string, number] => one[1] !== undefined)),
  }
}

/** Field and pin of everything that is wired, for finding pins with two masters. */
export function pinsOf(device: {
  inputs: Readonly<Partial<Record<string, InputWiring>>>
  outputs: Readonly<Partial<Record<string, number>>>
}): Array<{ field: string; pin: number }> {
  const inputs = Object.entries(device.inputs).flatMap(([name, one]) => {
    if (one === undefined) return []
    const pins = [{ field: `inputs/${name}/pin`, pin: one.pin }]
    return one.pairPin === undefined ? pins : [...pins, { field: `inputs/${name}/pairPin`, pin: one.pairPin }]
  })
  const outputs = Object.entries(device.outputs).flatMap(([name, pin]) =>
    pin === undefined ? [] : [{ field: `outputs/${name}`, pin }],
  )
  return [...inputs, ...outputs]
}
