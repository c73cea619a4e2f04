import type { Meta } from '../../../../hub/contract/meta.ts'
import { momentNow } from '../../../moment.ts'
import type { AccessGateDriver } from '../access.ts'
import type { GateMachine } from '../exchange.ts'
import { createGateShell, type GateDeps, restoredGate } from '../shell.ts'
import { type DoorDeviceConfig, doorDefaults } from './config.ts'
import { nextDeadline, step } from './machine.ts'
import { availabilityOf, createDoorState, DOOR_INPUTS, type DoorConfig, type DoorState, publicState } from './state.ts'

/** A door of the configuration, on whatever its inputs and outputs are wired to. */
export function createDoor(deps: GateDeps, device: DoorDeviceConfig): AccessGateDriver {
  const config: DoorConfig = {
    ...doorDefaults,
    ...device,
    inputs: DOOR_INPUTS.filter((name) => device.inputs[name] !== undefined),
  }
  const machine: GateMachine<DoorState> = {
    step: (state, input, now) => step(config, state, input, now),
    nextDeadline: (state) => nextDeadline(config, state),
    publicState,
    availability: availabilityOf,
    // A lock has nothing to wait for.
    isPending: () => false,
  }
  const initial = createDoorState(config, restoredGate(deps.restored, 'door'), momentNow())
  return createGateShell(deps, machine, initial, metaOf(device, deps.version))
}

function metaOf(device: DoorDeviceConfig, version: string): Meta {
  const commands = ['open', 'close', 'hold-open', 'lock', 'unlock', 'set-mode', 'release-all', 'reset']
  return {
    class: 'access-gate',
    model: device.model ?? `door, ${device.strike} strike`,
    driver: { name: 'door', version },
    place: device.place,
    capabilities: ['door', ...commands, ...Object.keys(device.inputs)],
  }
}
