import { readFileSync } from 'node:fs'
import type { Board } from './boards/board.ts'
import { applyToBoard, createRig } from './boards/rig.ts'
import { createBus } from './buses/bus.ts'
import { ModbusSlave } from './buses/modbus/slave.ts'
import { OsdpReader } from './buses/osdp-reader/reader.ts'
import { createCabinet } from './cabinets/cabinet.ts'
import type { OnvifCameras } from './cameras/onvif/cameras.ts'
import { createPlateCamera } from './cameras/plate-camera.ts'
import type { SimConfig } from './config.ts'
import { Barrier } from './devices/barrier/barrier.ts'
import type { Device } from './devices/device.ts'
import { DEVICE_KINDS } from './devices/kinds.ts'
import { SimError } from './error.ts'
import type { Emit, SimEvent } from './events.ts'
import { applyToPark, createCity } from './park/city.ts'
import { linesOf } from './park/lines.ts'
import { connectOutputs } from './park/outputs.ts'
import { forkRandom, type Random } from './random.ts'
import { runScenario } from './scenario/runner.ts'
import type { Scenario, Step } from './scenario/steps.ts'
import { MemoryEndpoint } from './serial/duplex.ts'
import type { SerialEndpoint } from './serial/endpoint.ts'
import { createPtyEndpoint } from './serial/pty.ts'
import { createTimeline } from './time/timeline.ts'
import { createTraffic } from './traffic/source.ts'

export interface World<E extends SerialEndpoint = SerialEndpoint> {
  /** Plugs every board, says `ready`, then switches them on. @throws SimError SIM_PORT_UNAVAILABLE */
  start(): void
  /** Applies a step now; its `at_ms` is ignored. @throws SimError as `run`, and SIM_PORT_UNAVAILABLE on a replug */
  apply(step: Step): void
  /** Plays a scenario from now on. @throws SimError SIM_TARGET_UNKNOWN or SIM_STEP_INVALID before anything happens */
  run(scenario: Scenario): void
  /** @throws SimError SIM_TARGET_UNKNOWN */
  board(id: string): Board
  device(id: string): Device
  /** The serial endpoint of a board or a bus. */
  endpoint(id: string): E
  /** Unplugs everything and stops all timers. */
  close(): void
}

export interface WorldDeps {
  random: Random
  emit: Emit
  /** Posts what cameras read to where they are told to; without it nothing is posted. */
  post?: (url: string, body: object, token: string | undefined) => void
  /** Network cameras are there before the world is: they need no line. */
  onvif?: Pick<OnvifCameras, 'places' | 'discoveryPort' | 'check' | 'apply'>
}

/** The physical world of one configuration: boards and buses on serial lines, devices on pins or modules, readers on buses. */
export function createWorld(config: SimConfig, deps: WorldDeps & { endpoints: 'pty' }): World
export function createWorld(config: SimConfig, deps: WorldDeps & { endpoints: 'memory' }): World<MemoryEndpoint>
export function createWorld(config: SimConfig, deps: WorldDeps & { endpoints: 'pty' | 'memory' }): World {
  const timeline = createTimeline({ exact: deps.endpoints === 'pty' && config.exact_timing === true })
  const city = createCity(
    { config: config.city, parks: config.parks ?? [], seed: config.seed },
    { timeline, lines: linesOf },
  )
  const parts = { timeline, random: deps.random, emit: deps.emit, city }
  const endpointAt = ({ port, baud }: { port: string; baud: number }) =>
    deps.endpoints === 'pty' ? createPtyEndpoint(port, baud) : new MemoryEndpoint(port)
  const rigs = new Map(config.boards.map((board) => [board.id, createRig(board, endpointAt(board), parts)]))
  // After all boards: a bus that is added changes no bounce.
  const buses = new Map((config.buses ?? []).map((each) => [each.id, createBus(each, endpointAt(each), parts)]))
  const lines = new Map<string, { endpoint: SerialEndpoint }>([...rigs, ...buses])
  const onBuses = [...buses.values()].flatMap(({ devices }) => devices)
  const readerHomes = byId(onBuses.filter((each) => each instanceof OsdpReader))
  const slaveHomes = byId(onBuses.filter((each) => each instanceof ModbusSlave))
  const inCabinets = (config.cabinets ?? []).flatMap((each) => createCabinet(each, (id) => slaveHomes.get(id), parts))
  connectOutputs(config.parks ?? [], (id) => slaveHomes.get(id), parts)
  const deviceHomes = byId([...[...rigs.values()].flatMap(({ devices }) => devices), ...inCabinets])
  const kinds = new Map(
    [...config.boards, ...(config.cabinets ?? [])].flatMap(({ devices }) => devices.map(({ id, kind }) => [id, kind])),
  )

  const rig = (id: string) => found(rigs, id, 'board')
  const device = (id: string) => found(deviceHomes, id, 'device')
  const bus = (id: string) => found(buses, id, 'bus')
  const reader = (id: string) => found(readerHomes, id, 'reader')
  const slave = (id: string) => found(slaveHomes, id, 'slave')

  function applyAt(step: Step, at_ms: number): void {
    if ('device' in step) device(step.device).apply(step, at_ms)
    else if ('reader' in step) reader(step.reader).apply(step, at_ms)
    else if ('slave' in step) slave(step.slave).apply(step, at_ms)
    else if ('park' in step) applyToPark(city, step, at_ms)
    else if ('camera' in step) deps.onvif?.apply(step)
    else if ('bus' in step) bus(step.bus).apply(step, at_ms)
    else
      applyToBoard(rig(step.board), step, at_ms, (state) =>
        deps.emit({ type: 'board', board: step.board, state, at_ms: timeline.wall_ms(at_ms) }),
      )
  }

  /** In a scenario nobody waits for an answer: a port that cannot come back is told, and the rest of the story goes on. */
  function attemptAt(step: Step, at_ms: number): void {
    try {
      applyAt(step, at_ms)
    } catch (cause) {
      if (!(cause instanceof SimError)) throw cause
      deps.emit({ type: 'error', message: cause.message })
    }
  }

  for (const camera of config.cameras ?? []) {
    const barrier = device(camera.device)
    const post = deps.post ?? (() => {})
    if (barrier instanceof Barrier) {
      createPlateCamera(camera, barrier, { timeline, random: forkRandom(deps.random), emit: deps.emit, post })
    }
  }
  const traffic = (config.traffic ?? []).map((each) =>
    createTraffic(each, device(each.device) instanceof Barrier ? 'barrier' : 'door', {
      timeline,
      random: forkRandom(deps.random),
      act: attemptAt,
      readText,
    }),
  )

  function checkTarget(step: Step): void {
    if ('reader' in step) reader(step.reader)
    else if ('slave' in step) slave(step.slave)
    else if ('park' in step) city.park(step.park)
    else if ('camera' in step) (deps.onvif ?? NO_CAMERAS).check(step)
    else if ('bus' in step) bus(step.bus)
    else if ('board' in step) rig(step.board)
    if (!('device' in step)) return
    device(step.device)
    const kind = kinds.get(step.device)
    if (kind === undefined || DEVICE_KINDS[kind].steps.includes(step.do)) return
    const known = DEVICE_KINDS[kind].steps.join(', ')
    throw new SimError('SIM_STEP_INVALID', `${kind} "${step.device}" does not know "${step.do}", only ${known}`)
  }

  function close(): void {
    for (const { line } of rigs.values()) line.clear()
    for (const each of buses.values()) each.clear()
    for (const { endpoint } of lines.values()) endpoint.unplug()
    timeline.close()
  }

  return {
    start() {
      try {
        for (const { endpoint } of lines.values()) endpoint.plug()
      } catch (cause) {
        close()
        throw cause
      }
      deps.emit(ready(config, deps.onvif ?? NO_CAMERAS))
      const now_ms = timeline.now()
      for (const { board, devices } of rigs.values()) {
        for (const each of devices) each.start(now_ms)
        board.powerOn(now_ms)
      }
      for (const each of inCabinets) each.start(now_ms)
      for (const each of buses.values()) each.start(now_ms)
      for (const each of traffic) each.start(now_ms)
    },
    apply(step) {
      checkTarget(step)
      // What was due before this moment happens before it, or a press could overtake a byte.
      timeline.catchUp()
      applyAt(step, timeline.now())
    },
    run(scenario) {
      for (const step of scenario.steps) checkTarget(step)
      const { name } = scenario
      deps.emit({ type: 'scenario', name, state: 'started', at_ms: timeline.wall_ms(timeline.now()) })
      runScenario(timeline, scenario, attemptAt, (at_ms) =>
        deps.emit({ type: 'scenario', name, state: 'ended', at_ms: timeline.wall_ms(at_ms) }),
      )
    },
    board: (id) => rig(id).board,
    device,
    endpoint: (id) => found(lines, id, 'board or bus').endpoint,
    close,
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new SimError('SIM_CONFIG_INVALID', `${path}: ${(cause as Error).message}`)
  }
}

const NO_CAMERAS: Pick<OnvifCameras, 'places' | 'discoveryPort' | 'check'> = {
  places: [],
  discoveryPort: undefined,
  check({ camera }) {
    throw new SimError('SIM_TARGET_UNKNOWN', `camera "${camera}" is not configured; there are none`)
  },
}

function ready({ boards, buses }: SimConfig, cameras: Pick<OnvifCameras, 'places' | 'discoveryPort'>): SimEvent {
  const ports = (lines: { id: string; port: string }[]) => lines.map(({ id, port }) => ({ id, port }))
  const { places, discoveryPort } = cameras
  return {
    type: 'ready',
    boards: ports(boards),
    ...(buses && { buses: ports(buses) }),
    ...(places.length > 0 && { onvif: [...places] }),
    ...(discoveryPort !== undefined && { discovery: discoveryPort }),
  }
}

function byId<T extends { id: string }>(all: readonly T[]): Map<string, T> {
  return new Map(all.map((each) => [each.id, each]))
}

function found<T>(all: ReadonlyMap<string, T>, id: string, what: string): T {
  const one = all.get(id)
  if (one) return one
  throw new SimError('SIM_TARGET_UNKNOWN', `${what} "${id}" is not configured; there are ${[...all.keys()].join(', ')}`)
}
