import { type Static, type TSchema, Type } from 'typebox'
import { SLAVE_STEPS } from '../buses/modbus/steps.ts'
import { OSDP_READER_STEPS } from '../buses/osdp-reader/steps.ts'
import { CAMERA_STEPS, type CameraStep } from '../cameras/onvif/config.ts'
import { decode } from '../decode.ts'
import { ALARM_BUTTON_STEPS } from '../devices/alarm-button/steps.ts'
import { BARRIER_STEPS } from '../devices/barrier/steps.ts'
import { DOOR_STEPS } from '../devices/door/steps.ts'
import { SimError } from '../error.ts'
import { PARK_STEPS } from '../park/steps.ts'
import { PIN_SENSOR_STEPS, SENSOR_STEPS } from '../sensors/steps.ts'
import { at_ms, DAY_MS, id, strict } from './fields.ts'

const onBus = <Name extends string>(name: Name) => Type.Object({ do: Type.Literal(name), bus: id, at_ms }, strict)
const onBoard = <Name extends string>(name: Name) => Type.Object({ do: Type.Literal(name), board: id, at_ms }, strict)

/** What can happen to a device, by the kinds that know it. A name that several kinds know has one schema. */
const DEVICE_STEPS = { ...ALARM_BUTTON_STEPS, ...DOOR_STEPS, ...BARRIER_STEPS, ...PIN_SENSOR_STEPS } as const

/** For `for_ms` (100) a byte has one bit flipped with probability `error_rate` (0.05); `bytes` (8) stray bytes come first. */
const noise = {
  do: Type.Literal('noise'),
  at_ms,
  for_ms: Type.Optional(Type.Number({ minimum: 0, maximum: DAY_MS })),
  error_rate: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
  bytes: Type.Optional(Type.Integer({ minimum: 0, maximum: 1024 })),
}

/** What can happen to a board and its line. */
const BOARD_STEPS = {
  unplug: onBoard('unplug'),
  replug: onBoard('replug'),
  hang: onBoard('hang'),
  /** Brown-out: outputs drop, the board boots. */
  reset: onBoard('reset'),
  noise: Type.Object({ ...noise, board: id }, strict),
} as const

/** What can happen to a bus. */
const BUS_STEPS = {
  unplug: onBus('unplug'),
  replug: onBus('replug'),
  noise: Type.Object({ ...noise, bus: id }, strict),
  /** The adapter repeats what it sends, or (`on` false) no longer. */
  echo: Type.Object({ do: Type.Literal('echo'), bus: id, at_ms, on: Type.Optional(Type.Boolean()) }, strict),
} as const

type StepOf<Table extends Record<string, TSchema>> = { [Name in keyof Table]: Static<Table[Name]> }[keyof Table]
export type DeviceStep = StepOf<typeof DEVICE_STEPS>
export type BoardStep = StepOf<typeof BOARD_STEPS>
export type BusStep = StepOf<typeof BUS_STEPS>
export type ReaderStep = StepOf<typeof OSDP_READER_STEPS>
export type SlaveStep = StepOf<typeof SLAVE_STEPS> | StepOf<typeof SENSOR_STEPS>
export type ParkStep = StepOf<typeof PARK_STEPS>
export type Step = DeviceStep | BoardStep | BusStep | ReaderStep | SlaveStep | ParkStep | CameraStep
/** A step of a scenario says when it happens, in ms after the scenario's start. */
export type TimedStep = Step & { at_ms: number }

export interface Scenario {
  name: string
  steps: TimedStep[]
}

/** What may be named as the target, with the steps that it knows. */
const STEPS_OF: Record<string, Record<string, TSchema>> = {
  device: DEVICE_STEPS,
  reader: OSDP_READER_STEPS,
  slave: { ...SLAVE_STEPS, ...SENSOR_STEPS },
  park: PARK_STEPS,
  camera: CAMERA_STEPS,
  board: BOARD_STEPS,
  bus: BUS_STEPS,
}
/** Without a target; what several know counts as that of the last. */
const STEPS: Record<string, TSchema> = {
  ...DEVICE_STEPS,
  ...SENSOR_STEPS,
  ...SLAVE_STEPS,
  ...PARK_STEPS,
  ...CAMERA_STEPS,
  ...BUS_STEPS,
  ...OSDP_READER_STEPS,
  ...BOARD_STEPS,
}
const STEPS_MAX = 100_000

/** @throws SimError SIM_STEP_INVALID naming the step and the field */
export function decodeStep(data: unknown, at: string): Step {
  const name = (data as { do?: unknown } | null)?.do
  const schema = schemaOf(name, data)
  if (!schema) {
    const allowed = Object.keys(STEPS).join(', ')
    throw new SimError(
      'SIM_STEP_INVALID',
      `${at}.do: must be one of ${allowed}, found ${JSON.stringify(name) ?? 'nothing'}`,
    )
  }
  return decode(schema, data, at, 'SIM_STEP_INVALID') as Step
}

/** Several targets share the names of some steps: what is named decides. */
function schemaOf(name: unknown, data: unknown): TSchema | undefined {
  if (typeof name !== 'string') return undefined
  for (const [target, steps] of Object.entries(STEPS_OF)) {
    if (Object.hasOwn(Object(data), target) && Object.hasOwn(steps, name)) return steps[name]
  }
  return Object.hasOwn(STEPS, name) ? STEPS[name] : undefined
}

const ScenarioFrame = Type.Object(
  {
    name: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
    steps: Type.Array(Type.Unknown(), { maxItems: STEPS_MAX }),
  },
  strict,
)

/** Steps may stand in any order; they come out in the order of time. @throws SimError SIM_STEP_INVALID naming the step */
export function decodeScenario(data: unknown): Scenario {
  const frame = decode(ScenarioFrame, data, '', 'SIM_STEP_INVALID')
  const steps = frame.steps.map((raw, index) => {
    const at = `steps[${index}]`
    const step = decodeStep(raw, at)
    if (step.at_ms === undefined) throw new SimError('SIM_STEP_INVALID', `${at}.at_ms: missing`)
    return step as TimedStep
  })
  return { name: frame.name ?? 'unnamed', steps: steps.sort((left, right) => left.at_ms - right.at_ms) }
}
