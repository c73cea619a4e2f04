import type { Meta } from '../../../../hub/contract/meta.ts'
import { momentNow } from '../../../moment.ts'
import type { AccessGateDriver } from '../access.ts'
import type { GateMachine } from '../exchange.ts'
import { createGateShell, type GateDeps, restoredGate } from '../shell.ts'
import { type BarrierDeviceConfig, barrierDefaults } from './config.ts'
import { nextDeadline, step } from './machine.ts'
import { barrierRules } from './rules.ts'
import { BARRIER_INPUTS, BARRIER_LAMPS, type BarrierConfig, type BarrierState, createBarrierState } from './state.ts'
import { availabilityOf, publicState } from './view.ts'

/** A barrier of the configuration, on whatever its inputs and outputs are wired to. */
export function createBarrier(deps: GateDeps, device: BarrierDeviceConfig): AccessGateDriver {
  const config: BarrierConfig = {
    ...barrierDefaults,
    ...device,
    inputs: BARRIER_INPUTS.filter((name) => device.inputs[name] !== undefined),
    hasStop: device.outputs.stop !== undefined,
    hasBeamTest: device.outputs['beam-test'] !== undefined && device.inputs.beam !== undefined,
    lamps: BARRIER_LAMPS.filter((name) => device.outputs[name] !== undefined),
  }
  const machine: GateMachine<BarrierState> = {
    step: (state, input, now) => step(config, state, input, now),
    nextDeadline: (state) => nextDeadline(config, state),
    publicState: (state) => publicState(config, barrierRules, state),
    availability: availabilityOf,
    isPending: (state, id) => state.pending?.id === id,
  }
  const initial = createBarrierState(config, restoredGate(deps.restored, 'barrier'), momentNow())
  return createGateShell(deps, machine, initial, metaOf(device, deps.version))
}

function metaOf(device: BarrierDeviceConfig, version: string): Meta {
  const commands = ['open', 'close', 'hold-open', 'lock', 'unlock', 'set-mode', 'release-all', 'reset']
  return {
    class: 'access-gate',
    model: device.model ?? 'vehicle barrier',
    driver: { name: 'barrier', version },
    place: device.place,
    capabilities: ['barrier', ...commands, ...Object.keys(device.inputs)],
  }
}
