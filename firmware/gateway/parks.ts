import { LinliError } from '../../hub/contract/errors.ts'
import type { PlaceUse } from '../drivers/access-gate/wiring.ts'
import { createBusSide } from '../drivers/park-sensor/bus-side.ts'
import type { ParkDevice, ParkOnBoard, ParkOnBus } from '../drivers/park-sensor/config.ts'
import { boardQuantity, createPinSide } from '../drivers/park-sensor/pin-side.ts'
import type { Profiles } from '../drivers/park-sensor/profile/folder.ts'
import type { Profile } from '../drivers/park-sensor/profile/load.ts'
import type { ParkSide } from '../drivers/park-sensor/side.ts'
import type { Hardware } from './hardware.ts'
import type { DeviceConfig } from './kinds.ts'

/** The park sensors of a gateway: their profiles, and what they hang on. */

export type ReadProfiles = (folder?: string) => Profiles

/**
 * The profiles that the configuration needs, with every device checked against its own.
 * @throws {LinliError} PROFILE_INVALID with file and line; CONFIG_INVALID with the field of a device
 */
export function openProfiles(
  config: { profiles?: string; devices: readonly DeviceConfig[] },
  read: ReadProfiles,
): Profiles {
  if (config.profiles === undefined && !config.devices.some(isPark)) return new Map()
  const profiles = read(config.profiles)
  for (const [index, one] of config.devices.entries()) {
    if (!isPark(one)) continue
    // The schema of its kind has been checked.
    const device = one as unknown as ParkDevice
    const path = `/devices/${index}`
    const fault = 'bus' in device ? busFault(device, profiles, path) : boardFault(device, path)
    if (fault !== undefined)
      throw new LinliError('CONFIG_INVALID', `${fault.path} ${fault.message}`, { kind: 'caller', path: fault.path })
  }
  return profiles
}

function isPark({ kind }: DeviceConfig): boolean {
  return kind === 'park-sensor'
}

type Fault = { path: string; message: string } | undefined

function busFault(device: ParkOnBus, profiles: Profiles, path: string): Fault {
  const profile = profiles.get(device.profile)
  if (profile === undefined)
    return { path: `${path}/profile`, message: `is ${device.profile}; profiles: ${[...profiles.keys()].join(', ')}` }
  const names = profile.quantities.map(({ quantity }) => quantity.name)
  const named = [
    ...(device.without ?? []).map((name) => ({ field: 'without', name })),
    ...Object.keys(device.intervals_ms ?? {}).map((name) => ({ field: 'intervals_ms', name })),
    ...Object.keys(device.summaries_ms ?? {}).map((name) => ({ field: 'summaries_ms', name })),
    ...Object.keys(device.deadbands ?? {}).map((name) => ({ field: 'deadbands', name })),
  ]
  const stranger = named.find(({ name }) => !names.includes(name))
  if (stranger !== undefined) return unknownQuantity(`${path}/${stranger.field}`, stranger.name, names)
  return (
    coilFault(device, profile, path) ??
    sharedFault(
      device,
      names.filter((name) => device.without?.includes(name) !== true),
      path,
    )
  )
}

function coilFault({ outputs = [] }: ParkOnBus, { name, coils }: Profile, path: string): Fault {
  const wrong = outputs.findIndex(
    ({ coil }) => coils === undefined || coil < coils.first || coil >= coils.first + coils.count,
  )
  if (wrong < 0) return undefined
  const has = coils === undefined ? 'no coils' : `coils ${coils.first} to ${coils.first + coils.count - 1}`
  return { path: `${path}/outputs/${wrong}/coil`, message: `is ${outputs[wrong]?.coil}; ${name} has ${has}` }
}

function boardFault(device: ParkOnBoard, path: string): Fault {
  const names: string[] = []
  for (const [index, sensor] of device.sensors.entries()) {
    const quantity = boardQuantity(sensor, `${path}/sensors/${index}`)
    if ('message' in quantity) return quantity
    if (names.includes(quantity.name))
      return { path: `${path}/sensors/${index}/name`, message: `is ${quantity.name}, which is there twice` }
    names.push(quantity.name)
  }
  return sharedFault(device, names, path)
}

function sharedFault({ thresholds = [], outputs = [] }: ParkDevice, names: string[], path: string): Fault {
  for (const [index, { name, quantity }] of thresholds.entries()) {
    if (!names.includes(quantity)) return unknownQuantity(`${path}/thresholds/${index}/quantity`, quantity, names)
    if (thresholds.findIndex((one) => one.name === name && one.quantity === quantity) !== index)
      return { path: `${path}/thresholds/${index}/name`, message: `is ${name}, which ${quantity} has twice` }
  }
  const twice = outputs.findIndex(({ name }, index) => outputs.findIndex((one) => one.name === name) !== index)
  if (twice >= 0)
    return { path: `${path}/outputs/${twice}/name`, message: `is ${outputs[twice]?.name}, which is there twice` }
  if (names.length > 0 || outputs.length > 0) return undefined
  return { path, message: ': it measures nothing and has no outputs; a relay module needs outputs' }
}

function unknownQuantity(path: string, name: string, names: string[]): Fault {
  return { path, message: `names ${name}; quantities: ${names.join(', ') || 'none'}` }
}

/** What a park sensor occupies on its carrier. */
export function parkUses(device: ParkDevice): PlaceUse[] {
  if ('bus' in device)
    return (device.outputs ?? []).map(({ coil }, index) => ({
      field: `outputs/${index}/coil`,
      use: `coil ${coil} of unit ${device.unit}`,
    }))
  const sensors = device.sensors.flatMap(({ pin, channel }, index) => [
    ...(pin === undefined ? [] : [{ field: `sensors/${index}/pin`, use: `pin ${pin}` }]),
    ...(channel === undefined ? [] : [{ field: `sensors/${index}/channel`, use: `analog channel ${channel}` }]),
  ])
  const driven = (device.outputs ?? []).map(({ pin }, index) => ({ field: `outputs/${index}/pin`, use: `pin ${pin}` }))
  return [...sensors, ...driven]
}

interface ParkHardware {
  side: ParkSide
  profile: { name: string; model: string }
}

export function createParkHardware(hardware: Hardware, profiles: Profiles, device: ParkDevice): ParkHardware {
  if ('board' in device) {
    const side = createPinSide(hardware.board(device.board), device)
    return { side, profile: { name: 'board', model: 'sensors on a board' } }
  }
  const profile = profiles.get(device.profile)
  if (profile === undefined)
    throw new LinliError('CONFIG_UNCHECKED', `the profile of ${device.id} was not checked`, { kind: 'bug' })
  const { bus, failSafes } = hardware.bus(device.bus)
  const side = createBusSide({ bus, failSafes, profile }, device)
  return { side, profile: { name: profile.name, model: `${profile.maker} ${profile.model}`.slice(0, 80) } }
}
