import type { Static, TSchema } from 'typebox'
import { decode } from '../decode.ts'
import { SimError } from '../error.ts'
import { ParkSensorConfig } from '../sensors/config.ts'
import { ParkSensor } from '../sensors/park-sensor.ts'
import type { BusDevice } from './bus-device.ts'
import { InputModuleConfig, ModbusSlaveConfig, RelayModuleConfig } from './modbus/config.ts'
import { InputModule } from './modbus/input-module.ts'
import { createPlainSlave } from './modbus/plain-slave.ts'
import { RelayModule } from './modbus/relay-module.ts'
import type { SlaveDeps } from './modbus/slave.ts'
import { OsdpReaderConfig } from './osdp-reader/config.ts'
import { OsdpReader } from './osdp-reader/reader.ts'

/** One row per kind of device on a bus; a new kind of Modbus unit is a file beside `relay-module.ts` and a row here. */
interface Kind {
  schema: TSchema
  create: (deps: SlaveDeps, config: BusDeviceConfig) => BusDevice
  /** Its address on the line. */
  address: (config: BusDeviceConfig) => number
  addressField: 'address' | 'unit'
}

export type BusDeviceConfig =
  | OsdpReaderConfig
  | ModbusSlaveConfig
  | RelayModuleConfig
  | InputModuleConfig
  | ParkSensorConfig

/** A row whose functions take the configuration of its own kind: the schema has told them apart by then. */
function kind<S extends TSchema>(
  schema: S,
  create: (deps: SlaveDeps, config: Static<S>) => BusDevice,
  address: (config: Static<S>) => number,
  addressField: Kind['addressField'] = 'unit',
): Kind {
  return {
    schema,
    create: (deps, config) => create(deps, config as Static<S>),
    address: (config) => address(config as Static<S>),
    addressField,
  }
}

export const BUS_DEVICE_KINDS: Record<BusDeviceConfig['kind'], Kind> = {
  'osdp-reader': kind(
    OsdpReaderConfig,
    (deps, config) => new OsdpReader(deps, config),
    ({ address }) => address,
    'address',
  ),
  'modbus-slave': kind(ModbusSlaveConfig, createPlainSlave, ({ unit }) => unit),
  'relay-module': kind(
    RelayModuleConfig,
    (deps, config) => new RelayModule(deps, config),
    ({ unit }) => unit,
  ),
  'input-module': kind(
    InputModuleConfig,
    (deps, config) => new InputModule(deps, config),
    ({ unit }) => unit,
  ),
  'park-sensor': kind(
    ParkSensorConfig,
    (deps, config) => new ParkSensor(deps, config),
    ({ unit }) => unit,
  ),
}

/** @throws SimError SIM_CONFIG_INVALID naming the field and what is allowed */
export function decodeBusDevice(data: unknown, at: string): BusDeviceConfig {
  const name = (data as { kind?: unknown } | null)?.kind
  if (typeof name !== 'string' || !Object.hasOwn(BUS_DEVICE_KINDS, name)) {
    const allowed = Object.keys(BUS_DEVICE_KINDS).map((each) => JSON.stringify(each))
    throw new SimError(
      'SIM_CONFIG_INVALID',
      `${at}.kind: must be one of ${allowed.join(', ')}, found ${JSON.stringify(name) ?? 'nothing'}`,
    )
  }
  const { schema } = BUS_DEVICE_KINDS[name as BusDeviceConfig['kind']]
  return decode(schema, data, at, 'SIM_CONFIG_INVALID') as BusDeviceConfig
}
