import { DEVICE_KINDS } from '../../hub/contract/kinds.ts'
import type { Place } from '../../hub/contract/meta.ts'
import type { Address, DeviceClass } from '../../hub/contract/topic.ts'
import type { TSchema } from '../../hub/contract/type.ts'
import {
  type BarrierDeviceConfig,
  barrierOnWhen,
  barrierSchemas,
  barrierSettle_ms,
} from '../drivers/access-gate/barrier/config.ts'
import { createBarrier } from '../drivers/access-gate/barrier/driver.ts'
import { type DoorDeviceConfig, doorOnWhen, doorSchemas, doorSettle_ms } from '../drivers/access-gate/door/config.ts'
import { createDoor } from '../drivers/access-gate/door/driver.ts'
import type { PlaceUse } from '../drivers/access-gate/wiring.ts'
import { AlarmButtonConfig, AlarmButtonOnChip, buttonOnPins } from '../drivers/alarm-button/config.ts'
import { createAlarmButton } from '../drivers/alarm-button/driver.ts'
import type { Driver, DriverHost } from '../drivers/driver.ts'
import { type ParkDevice, ParkOnBoard, ParkOnBus } from '../drivers/park-sensor/config.ts'
import { createParkSensor } from '../drivers/park-sensor/driver.ts'
import type { Parks } from '../drivers/park-sensor/park.ts'
import type { Profiles } from '../drivers/park-sensor/profile/folder.ts'
import { createGateIo, gateUses } from './gate-io.ts'
import type { Hardware } from './hardware.ts'
import { createParkHardware, parkUses } from './parks.ts'

/** Every kind of device that a gateway can have: one entry is all that a new driver adds here. */

/** What carries the wires of a device. */
export const CARRIERS = ['board', 'bus', 'chip'] as const
export type Carrier = (typeof CARRIERS)[number]

export type DeviceConfig = {
  kind: string
  id: string
  place: Place
} & Partial<Record<Carrier, string>>

export interface DriverDeps {
  host: DriverHost
  hardware: Hardware
  profiles: Profiles
  /** What the park sensors of one park share. */
  parks: Parks
  address: Address
  version: string
  restored: unknown
}

export interface DeviceKind {
  class: DeviceClass
  /** By what carries its wires: a device names exactly one of these. */
  schemas: Readonly<Partial<Record<Carrier, TSchema>>>
  /** Places on its carrier that only one device can have. */
  uses(device: DeviceConfig): PlaceUse[]
  create(deps: DriverDeps, device: DeviceConfig): Driver
}

function defineKind<C extends { kind: string; id: string; place: Place }>(kind: {
  class: DeviceClass
  schemas: DeviceKind['schemas']
  uses(device: C): PlaceUse[]
  create(deps: DriverDeps, device: C): Driver
}): DeviceKind {
  // The schema has been checked before either is called, so the device is a C.
  return {
    class: kind.class,
    schemas: kind.schemas,
    uses: (device) => kind.uses(device as unknown as C),
    create: (deps, device) => kind.create(deps, device as unknown as C),
  }
}

function use(field: string, name: string, value: number | undefined): PlaceUse[] {
  return value === undefined ? [] : [{ field, use: `${name} ${value}` }]
}

export const deviceKinds: ReadonlyMap<string, DeviceKind> = new Map([
  [
    'alarm-button',
    defineKind<AlarmButtonConfig | AlarmButtonOnChip>({
      class: DEVICE_KINDS['alarm-button'],
      schemas: { board: AlarmButtonConfig, chip: AlarmButtonOnChip },
      uses(button) {
        if ('chip' in button)
          return [
            ...use('contactLine', 'line', button.contactLine),
            ...use('lampLine', 'line', button.lampLine),
            ...use('sirenLine', 'line', button.sirenLine),
          ]
        return [
          ...use('contactPin', 'pin', button.contactPin),
          ...use('loopPin', 'analog channel', button.loopPin),
          ...use('lampPin', 'pin', button.lampPin),
          ...use('sirenPin', 'pin', button.sirenPin),
        ]
      },
      create(deps, button) {
        const { hardware } = deps
        const board = 'chip' in button ? hardware.chip(button.chip) : hardware.board(button.board)
        return createAlarmButton({ ...deps, board }, 'chip' in button ? buttonOnPins(button) : button)
      },
    }),
  ],
  [
    'door',
    defineKind<DoorDeviceConfig>({
      class: DEVICE_KINDS.door,
      schemas: doorSchemas,
      uses: gateUses,
      create(deps, door) {
        const io = createGateIo(deps.hardware, door, { onWhen: doorOnWhen, settle_ms: doorSettle_ms })
        return createDoor({ ...deps, io }, door)
      },
    }),
  ],
  [
    'barrier',
    defineKind<BarrierDeviceConfig>({
      class: DEVICE_KINDS.barrier,
      schemas: barrierSchemas,
      uses: gateUses,
      create(deps, barrier) {
        const io = createGateIo(deps.hardware, barrier, { onWhen: barrierOnWhen, settle_ms: barrierSettle_ms })
        return createBarrier({ ...deps, io }, barrier)
      },
    }),
  ],
  [
    'park-sensor',
    defineKind<ParkDevice>({
      class: DEVICE_KINDS['park-sensor'],
      schemas: { bus: ParkOnBus, board: ParkOnBoard },
      uses: parkUses,
      create(deps, sensor) {
        const { side, profile } = createParkHardware(deps.hardware, deps.profiles, sensor)
        return createParkSensor({ ...deps, side, profile, park: deps.parks.park(sensor.park) }, sensor)
      },
    }),
  ],
])
