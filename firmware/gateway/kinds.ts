import type { TSchema } from 'typebox'
import type { Place } from '../../hub/contract/meta.ts'
import type { Address, DeviceClass } from '../../hub/contract/topic.ts'
import { createPinGateIo } from '../adapters/pin-gate-io.ts'
import { BarrierDeviceConfig, barrierOnWhen, barrierSettle_ms } from '../drivers/access-gate/barrier/config.ts'
import { createBarrier } from '../drivers/access-gate/barrier/driver.ts'
import { DoorDeviceConfig, doorOnWhen, doorSettle_ms } from '../drivers/access-gate/door/config.ts'
import { createDoor } from '../drivers/access-gate/door/driver.ts'
import { type InputWiring, pinsOf, wiringOf } from '../drivers/access-gate/wiring.ts'
import { AlarmButtonConfig } from '../drivers/alarm-button/config.ts'
import { createAlarmButton } from '../drivers/alarm-button/driver.ts'
import type { Driver, DriverHost } from '../drivers/driver.ts'
import type { PinBoard } from '../ports/pin-board.ts'

/** Every kind of device that a gateway can have: one entry is all that a new driver adds here. */

export interface DeviceConfig {
  kind: string
  id: string
  board: string
  place: Place
}

/** A place on a board that only one device can have. */
export interface PinUse {
  field: string
  /** Name of the place, e.g. `pin 2` or `analog channel 0`. */
  use: string
}

export interface DriverDeps {
  host: DriverHost
  board: PinBoard
  address: Address
  version: string
  restored: unknown
}

export interface DeviceKind {
  class: DeviceClass
  schema: TSchema
  pins(device: DeviceConfig): PinUse[]
  create(deps: DriverDeps, device: DeviceConfig): Driver
}

function defineKind<C extends DeviceConfig>(kind: {
  class: DeviceClass
  schema: TSchema & { static?: C }
  pins(device: C): Array<PinUse | undefined>
  create(deps: DriverDeps, device: C): Driver
}): DeviceKind {
  // The schema has been checked before either is called, so the device is a C.
  return {
    class: kind.class,
    schema: kind.schema,
    pins: (device) => kind.pins(device as C).filter((use) => use !== undefined),
    create: (deps, device) => kind.create(deps, device as C),
  }
}

function use(field: string, name: string, value: number | undefined): PinUse | undefined {
  return value === undefined ? undefined : { field, use: `${name} ${value}` }
}

interface GateWiring {
  inputs: Readonly<Partial<Record<string, InputWiring>>>
  outputs: Readonly<Partial<Record<string, number>>>
}

function gatePins(gate: GateWiring): Array<PinUse | undefined> {
  return pinsOf(gate).map(({ field, pin }) => use(field, 'pin', pin))
}

/** A gate's inputs and outputs on the pins of its board. */
function onPins(
  deps: DriverDeps,
  gate: GateWiring,
  onWhen: Readonly<Record<string, 'low' | 'high'>>,
  settle_ms: Readonly<Record<string, number>> = {},
) {
  const { board, ...rest } = deps
  const wiring = wiringOf(gate.inputs, gate.outputs, onWhen)
  const inputs = Object.fromEntries(
    Object.entries(wiring.inputs).map(([name, input]) => [name, { ...input, settle_ms: settle_ms[name] ?? 0 }]),
  )
  return { ...rest, io: createPinGateIo(board, { ...wiring, inputs }) }
}

export const deviceKinds: ReadonlyMap<string, DeviceKind> = new Map([
  [
    'alarm-button',
    defineKind<AlarmButtonConfig>({
      class: 'alarm-button',
      schema: AlarmButtonConfig,
      pins: (button) => [
        use('contactPin', 'pin', button.contactPin),
        use('loopPin', 'analog channel', button.loopPin),
        use('lampPin', 'pin', button.lampPin),
        use('sirenPin', 'pin', button.sirenPin),
      ],
      create: createAlarmButton,
    }),
  ],
  [
    'door',
    defineKind<DoorDeviceConfig>({
      class: 'access-gate',
      schema: DoorDeviceConfig,
      pins: gatePins,
      create: (deps, door) => createDoor(onPins(deps, door, doorOnWhen, doorSettle_ms), door),
    }),
  ],
  [
    'barrier',
    defineKind<BarrierDeviceConfig>({
      class: 'access-gate',
      schema: BarrierDeviceConfig,
      pins: gatePins,
      create: (deps, barrier) => createBarrier(onPins(deps, barrier, barrierOnWhen, barrierSettle_ms), barrier),
    }),
  ],
])
