import { createPinGateIo } from '../../../firmware/adapters/pin-gate-io.ts'
import { readPlate } from '../../../firmware/credentials/plates.ts'
import type { AccessDecision, AccessGateDriver } from '../../../firmware/drivers/access-gate/access.ts'
import {
  type BarrierDeviceConfig,
  barrierDefaults,
  barrierOnWhen,
  barrierSchemas,
  barrierSettle_ms,
} from '../../../firmware/drivers/access-gate/barrier/config.ts'
import { createBarrier } from '../../../firmware/drivers/access-gate/barrier/driver.ts'
import { pinWiring } from '../../../firmware/drivers/access-gate/wiring.ts'
import { momentNow } from '../../../firmware/moment.ts'
import { createPlateCamera } from '../../../hardware-sim/cameras/plate-camera.ts'
import { Barrier } from '../../../hardware-sim/devices/barrier/barrier.ts'
import type { SimEvent } from '../../../hardware-sim/events.ts'
import { forkRandom, type Random } from '../../../hardware-sim/random.ts'
import type { DeviceStep } from '../../../hardware-sim/scenario/steps.ts'
import type { Timeline } from '../../../hardware-sim/time/timeline.ts'
import type { AccessGateState } from '../../../hub/contract/access-gate.ts'
import { checker } from '../../../hub/contract/schema.ts'
import { createWiredBoard } from './wired-board.ts'

/** One lane with its barrier: the simulator's vehicles, boom, loops and cameras under the gateway's own driver. */

const PINS = {
  inputs: { up: 5, down: 6, safety: 7, approach: 8, exit: 9, beam: 10 },
  outputs: { raise: 2, lower: 3, stop: 4 },
  lights: { lamp: 12, 'lamp-exit': 13 },
}

/** How a lane is run, and what it is fitted with for that. */
export interface Manner {
  policy: 'plain' | 'flow'
  /** Lights, or else a sign that says: one vehicle for each opening. */
  lights: boolean
  /** How far before the boom a plate is read. */
  camera_m: number
}

export interface LaneConfig {
  id: string
  direction: 'in' | 'out'
  /** The direction changes by this schedule. */
  schedule?: BarrierDeviceConfig['schedule']
  /** How long its boom needs from one end to the other; 1.8 s up and 2.2 s down if not given. */
  travel_ms?: number
}

export interface Lane {
  /** Events that the gate told. */
  told: Array<{ type: string; data: Record<string, unknown> }>
  /** What really happens. */
  onSim(listener: (event: SimEvent) => void): void
  /** Vehicles of this direction that are not yet under the boom. */
  standing(direction: 'in' | 'out'): number
  /** What the gate says of itself. */
  shown(): AccessGateState
  /** On its own side for vehicles of this direction. */
  arrive(step: DeviceStep & { do: 'vehicle' }, direction: 'in' | 'out', at_ms: number): void
  start(): void
  close(): void
}

export interface LaneDeps {
  timeline: Timeline
  random: Random
  isKnown: (plate: string) => boolean
}

/** A camera that reads a vehicle again until it drives on, as those with a video stream do. */
const AGAIN_MS = 2000
/** A vehicle that does not come loses its right: short, so that one that waits for its own opening gets it soon. */
const PASS_TIMEOUT_MS = 10_000

const BOOT_MS = 100

type PinBarrier = Extract<BarrierDeviceConfig, { board: string }>

const checkDevice = checker(barrierSchemas.board)
const ADDRESS = { street: 's', community: 'c', estate: 'e', gateway: 'bench', class: 'access-gate' } as const
const silent = { trace() {}, debug() {}, info() {}, warn() {}, error() {}, fatal() {} }

export function createLane(deps: LaneDeps, config: LaneConfig, manner: Manner): Lane {
  const { timeline, random } = deps
  const told: Lane['told'] = []
  const listeners: Array<(event: SimEvent) => void> = []
  const standing = { approach: 0, exit: 0 }
  let state: AccessGateState | undefined
  const wired = createWiredBoard(timeline, (pin, level, at_ms) => barrier.pinChanged(pin, level, at_ms))
  const barrier = new Barrier(
    { timeline, random: forkRandom(random), emit, drive: wired.drive },
    simConfig(config, manner),
  )
  function emit(event: SimEvent): void {
    if (event.type === 'vehicle') {
      if (event.state === 'arrived') standing[event.side]++
      else if (['entered', 'turned-back', 'turned-away'].includes(event.state)) standing[event.side]--
    }
    for (const listener of listeners) listener(event)
  }
  const device = deviceConfig(config, manner)
  const driver = createBarrier(
    {
      host: {
        event: ({ type, data }) => told.push({ type, data: data as Record<string, unknown> }),
        state(value) {
          state = value as AccessGateState
        },
        telemetry() {},
        availability() {},
        failed(error) {
          throw error
        },
        log: silent,
      },
      io: createPinGateIo(
        wired.board,
        pinWiring(device.inputs, device.outputs, { onWhen: barrierOnWhen, settle_ms: barrierSettle_ms }),
      ),
      address: { ...ADDRESS, device: config.id },
      version: 'bench',
      restored: undefined,
    },
    device,
  )
  const directions = config.schedule ? (['in', 'out'] as const) : [config.direction]
  for (const direction of directions)
    addCamera(deps, { barrier, driver, side: sideOf(config, direction), direction, at_m: manner.camera_m })
  return {
    told,
    onSim: (listener) => void listeners.push(listener),
    standing: (direction) => standing[sideOf(config, direction)],
    shown() {
      if (!state) throw new Error('the gate has not said anything')
      return state
    },
    arrive: (step, direction, at_ms) => barrier.apply({ ...step, from: sideOf(config, direction) }, at_ms),
    start() {
      barrier.start(timeline.now())
      driver.start()
      // When its pins have their voltages.
      timeline.at(timeline.now() + BOOT_MS, () => wired.board.start())
    },
    close() {
      driver.close()
      void wired.board.close()
    },
  }
}

/** Approach is where those come from for whom the lane is; in a lane that turns, those who come in. */
function sideOf({ schedule }: LaneConfig, direction: 'in' | 'out') {
  return schedule && direction === 'out' ? 'exit' : 'approach'
}

function simConfig({ id, travel_ms }: LaneConfig, { lights }: Manner) {
  const { inputs, outputs } = PINS
  return {
    kind: 'barrier' as const,
    id,
    raisePin: outputs.raise,
    lowerPin: outputs.lower,
    stopPin: outputs.stop,
    upPin: inputs.up,
    downPin: inputs.down,
    safetyPin: inputs.safety,
    approachPin: inputs.approach,
    exitPin: inputs.exit,
    beamPin: inputs.beam,
    ...(travel_ms !== undefined && { raise_ms: travel_ms, lower_ms: travel_ms }),
    ...(lights
      ? { lampPin: PINS.lights.lamp, exitLampPin: PINS.lights['lamp-exit'] }
      : { sign: 'one-by-one' as const }),
  }
}

/** As an installer would write it, and checked as theirs is. */
function deviceConfig({ id, direction, schedule }: LaneConfig, { policy, lights }: Manner): PinBarrier {
  // The relays of these detectors let go when a vehicle comes.
  const loops = {
    approach: { pin: PINS.inputs.approach, onWhen: 'high' },
    exit: { pin: PINS.inputs.exit, onWhen: 'high' },
  }
  const contacts = Object.fromEntries(Object.entries(PINS.inputs).map(([name, pin]) => [name, { pin }]))
  const inputs = { ...contacts, ...loops }
  const checked = checkDevice({
    ...barrierDefaults,
    kind: 'barrier',
    id,
    board: 'wired',
    place: {},
    direction: schedule ? 'both' : direction,
    policy,
    inputs,
    outputs: { ...PINS.outputs, ...(lights ? PINS.lights : {}) },
    passTimeout_ms: PASS_TIMEOUT_MS,
    ...(schedule ? { schedule } : {}),
  })
  if (!checked.ok) throw checked.error
  return checked.value as PinBarrier
}

function addCamera(
  { timeline, random, isKnown }: LaneDeps,
  at: { barrier: Barrier; driver: AccessGateDriver; side: 'approach' | 'exit'; direction: 'in' | 'out'; at_m: number },
): void {
  const { barrier, driver, side, direction, at_m } = at
  const decide = (text: string, confidence: number): AccessDecision => {
    const read = readPlate({ text, confidence })
    if (typeof read === 'string') return { granted: false, direction, by: 'plate', reason: read }
    if (!isKnown(read.text)) return { granted: false, direction, by: 'plate', reason: 'unknown' }
    return { granted: true, direction, by: 'plate', credential: read.text }
  }
  createPlateCamera({ id: `camera-${side}`, device: barrier.id, side, at_m, again_ms: AGAIN_MS }, barrier, {
    timeline,
    random: forkRandom(random),
    emit: (event) => {
      if (event.type === 'plate') driver.access(decide(event.plate, event.confidence), momentNow())
    },
    post() {},
  })
}
