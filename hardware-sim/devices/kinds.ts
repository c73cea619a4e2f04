import type { Static, TSchema } from 'typebox'
import { decode } from '../decode.ts'
import { SimError } from '../error.ts'
import type { City } from '../park/city.ts'
import { PinSensorConfig, pinSensorPins } from '../sensors/config.ts'
import { PinSensor } from '../sensors/pin-sensor.ts'
import { PIN_SENSOR_STEPS } from '../sensors/steps.ts'
import { AlarmButton } from './alarm-button/button.ts'
import { AlarmButtonConfig, alarmButtonPins } from './alarm-button/config.ts'
import { ALARM_BUTTON_STEPS } from './alarm-button/steps.ts'
import { Barrier } from './barrier/barrier.ts'
import { BarrierConfig, barrierPins } from './barrier/config.ts'
import { BARRIER_STEPS } from './barrier/steps.ts'
import type { Device, DeviceDeps } from './device.ts'
import { DoorConfig, doorPins } from './door/config.ts'
import { Door } from './door/door.ts'
import { DOOR_STEPS } from './door/steps.ts'

type PlacedDeps = DeviceDeps & { city: City }

/** One row per kind of device; a new kind is a folder beside `alarm-button` and a row here. */
interface Kind {
  schema: TSchema
  create: (deps: PlacedDeps, config: DeviceConfig) => Device
  /** Header pins that the device occupies, by the field that names them. */
  pins: (config: DeviceConfig) => Record<string, number>
  /** The steps that it knows. */
  steps: readonly string[]
}

/** A row whose functions take the configuration of its own kind: the schema has told them apart by then. */
function kind<S extends TSchema>(
  schema: S,
  create: (deps: PlacedDeps, config: Static<S>) => Device,
  pins: (config: Static<S>) => Record<string, number>,
  steps: readonly string[],
): Kind {
  return {
    schema,
    create: (deps, config) => create(deps, config as Static<S>),
    pins: (config) => pins(config as Static<S>),
    steps,
  }
}

export type DeviceConfig = AlarmButtonConfig | DoorConfig | BarrierConfig | PinSensorConfig

export const DEVICE_KINDS: Record<DeviceConfig['kind'], Kind> = {
  'alarm-button': kind(
    AlarmButtonConfig,
    (deps, config) => new AlarmButton(deps, config),
    alarmButtonPins,
    Object.keys(ALARM_BUTTON_STEPS),
  ),
  door: kind(DoorConfig, (deps, config) => new Door(deps, config), doorPins, [
    ...Object.keys(DOOR_STEPS),
    'cut',
    'short',
    'stick',
    'heal',
  ]),
  barrier: kind(BarrierConfig, (deps, config) => new Barrier(deps, config), barrierPins, [
    ...Object.keys(BARRIER_STEPS),
    'break-glass',
    'open-enclosure',
    'close-enclosure',
    'power-loss',
    'power-return',
    'heal',
  ]),
  'park-pins': kind(
    PinSensorConfig,
    (deps, config) => new PinSensor(deps, config),
    pinSensorPins,
    Object.keys(PIN_SENSOR_STEPS),
  ),
}

/** @throws SimError SIM_CONFIG_INVALID naming the field and what is allowed */
export function decodeDevice(data: unknown, at: string): DeviceConfig {
  const kind = (data as { kind?: unknown } | null)?.kind
  if (typeof kind !== 'string' || !Object.hasOwn(DEVICE_KINDS, kind)) {
    const allowed = Object.keys(DEVICE_KINDS).map((name) => JSON.stringify(name))
    throw new SimError(
      'SIM_CONFIG_INVALID',
      `${at}.kind: must be one of ${allowed.join(', ')}, found ${JSON.stringify(kind) ?? 'nothing'}`,
    )
  }
  return decode(DEVICE_KINDS[kind as DeviceConfig['kind']].schema, data, at, 'SIM_CONFIG_INVALID') as DeviceConfig
}
