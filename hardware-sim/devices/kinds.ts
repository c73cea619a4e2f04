import type { Static, TSchema } from 'typebox'
import { decode } from '../decode.ts'
import { SimError } from '../error.ts'
import { AlarmButton } from './alarm-button/button.ts'
import { AlarmButtonConfig, alarmButtonPins } from './alarm-button/config.ts'
import type { Device, DeviceDeps } from './device.ts'

/** One row per kind of device; a new kind is a folder beside `alarm-button` and a row here. */
interface Kind<S extends TSchema> {
  schema: S
  create: (deps: DeviceDeps, config: Static<S>) => Device
  /** Header pins that the device occupies, by the field that names them. */
  pins: (config: Static<S>) => Record<string, number>
}

const alarmButton: Kind<typeof AlarmButtonConfig> = {
  schema: AlarmButtonConfig,
  create: (deps, config) => new AlarmButton(deps, config),
  pins: alarmButtonPins,
}

export const DEVICE_KINDS = { 'alarm-button': alarmButton } as const

export type DeviceConfig = AlarmButtonConfig

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
  return decode(DEVICE_KINDS[kind as DeviceConfig['kind']].schema, data, at, 'SIM_CONFIG_INVALID')
}
