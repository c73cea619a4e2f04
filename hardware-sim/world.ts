import type { Board } from './boards/board.ts'
import { FirmwareBoard } from './boards/firmware/board.ts'
import { ProtocolBoard } from './boards/protocol/board.ts'
import type { BoardConfig, SimConfig } from './config.ts'
import type { Device } from './devices/device.ts'
import { DEVICE_KINDS } from './devices/kinds.ts'
import { SimError } from './error.ts'
import type { Emit } from './events.ts'
import { forkRandom, type Random } from './random.ts'
import { runScenario } from './scenario/runner.ts'
import type { BoardStep, Scenario, Step } from './scenario/steps.ts'
import { MemoryEndpoint } from './serial/duplex.ts'
import type { SerialEndpoint } from './serial/endpoint.ts'
import { createLine, type Line } from './serial/line.ts'
import { createPtyEndpoint } from './serial/pty.ts'
import { createTimeline, type Timeline } from './time/timeline.ts'

export interface World<E extends SerialEndpoint = SerialEndpoint> {
  /** Plugs every board, says `ready`, then switches them on. @throws SimError SIM_PORT_UNAVAILABLE */
  start(): void
  /** Applies a step now; its `at_ms` is ignored. @throws SimError SIM_TARGET_UNKNOWN, SIM_PORT_UNAVAILABLE on a replug */
  apply(step: Step): void
  /** Plays a scenario from now on. @throws SimError SIM_TARGET_UNKNOWN before anything happens */
  run(scenario: Scenario): void
  /** @throws SimError SIM_TARGET_UNKNOWN */
  board(id: string): Board
  device(id: string): Device
  /** The serial endpoint of a board. */
  endpoint(id: string): E
  /** Unplugs everything and stops all timers. */
  close(): void
}

export interface WorldDeps {
  random: Random
  emit: Emit
}

interface Rig<E extends SerialEndpoint> {
  config: BoardConfig
  board: Board
  endpoint: E
  line: Line
  devices: Device[]
}

/** StandardFirmata speaks 8N1: a start bit, eight data bits, a stop bit. */
const BITS_PER_BYTE = 10
const BOOT_MS = 50
const NOISE_MS = 100
const NOISE_ERROR_RATE = 0.05
const NOISE_BYTES = 8

/** The physical world of one configuration: boards on serial lines, devices on their pins. */
export function createWorld(config: SimConfig, deps: WorldDeps & { endpoints: 'pty' }): World
export function createWorld(config: SimConfig, deps: WorldDeps & { endpoints: 'memory' }): World<MemoryEndpoint>
export function createWorld(config: SimConfig, deps: WorldDeps & { endpoints: 'pty' | 'memory' }): World {
  const timeline = createTimeline()
  const rigs = new Map(
    config.boards.map((board) => {
      const endpoint =
        deps.endpoints === 'pty' ? createPtyEndpoint(board.port, board.baud) : new MemoryEndpoint(board.port)
      return [board.id, createRig(board, endpoint, timeline, deps)]
    }),
  )
  const deviceHomes = new Map([...rigs.values()].flatMap((rig) => rig.devices.map((device) => [device.id, device])))

  const rig = (id: string) => found(rigs, id, 'board')
  const device = (id: string) => found(deviceHomes, id, 'device')

  function applyAt(step: Step, at_ms: number): void {
    if ('device' in step) device(step.device).apply(step, at_ms)
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

  function checkTarget(step: Step): void {
    if ('device' in step) device(step.device)
    else rig(step.board)
  }

  function close(): void {
    for (const { endpoint, line } of rigs.values()) {
      line.clear()
      endpoint.unplug()
    }
    timeline.close()
  }

  return {
    start() {
      try {
        for (const { endpoint } of rigs.values()) endpoint.plug()
      } catch (cause) {
        close()
        throw cause
      }
      deps.emit({ type: 'ready', boards: config.boards.map(({ id, port }) => ({ id, port })) })
      const now_ms = timeline.now()
      for (const { board, devices } of rigs.values()) {
        for (const each of devices) each.start(now_ms)
        board.powerOn(now_ms)
      }
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
    endpoint: (id) => rig(id).endpoint,
    close,
  }
}

function createRig<E extends SerialEndpoint>(
  config: BoardConfig,
  endpoint: E,
  timeline: Timeline,
  deps: WorldDeps,
): Rig<E> {
  // Streams of their own, in a fixed order, so that more noise on one line changes no bounce elsewhere.
  const lineRandom = forkRandom(deps.random)
  const boardRandom = forkRandom(deps.random)
  const line = createLine(
    { timeline, endpoint, random: lineRandom, receive: (...heard) => board.receive(...heard) },
    { baud: config.baud, bits_per_byte: BITS_PER_BYTE, paceToHost: config.kind === 'protocol' },
  )
  const boardDeps = {
    timeline,
    random: boardRandom,
    send: line.send,
    pinChanged: (pin: number, level: number, at_ms: number) => {
      for (const device of devices) device.pinChanged(pin, level, at_ms)
    },
    stateChanged: (state: 'booting' | 'running' | 'hung', at_ms: number) =>
      deps.emit({ type: 'board', board: config.id, state, at_ms: timeline.wall_ms(at_ms) }),
  }
  const board: Board =
    config.kind === 'protocol'
      ? new ProtocolBoard(boardDeps, { id: config.id, boot_ms: config.boot_ms ?? BOOT_MS })
      : new FirmwareBoard(boardDeps, { id: config.id })
  const devices = config.devices.map((device) =>
    DEVICE_KINDS[device.kind].create(
      {
        timeline,
        random: forkRandom(deps.random),
        emit: deps.emit,
        drive: (pin, volts, at_ms) => board.drive(pin, volts, at_ms),
      },
      device,
    ),
  )
  return { config, board, endpoint, line, devices }
}

function applyToBoard(
  { board, endpoint, line }: Rig<SerialEndpoint>,
  step: BoardStep,
  at_ms: number,
  announce: (state: 'unplugged' | 'plugged') => void,
): void {
  switch (step.do) {
    case 'unplug':
      if (!endpoint.plugged) return
      board.powerOff(at_ms)
      line.clear()
      endpoint.unplug()
      announce('unplugged')
      break
    case 'replug':
      if (endpoint.plugged) return
      endpoint.plug()
      announce('plugged')
      board.powerOn(at_ms)
      break
    case 'hang':
      board.hang(at_ms)
      break
    case 'reset':
      board.reset(at_ms)
      break
    case 'noise':
      line.disturb(
        {
          for_ms: step.for_ms ?? NOISE_MS,
          error_rate: step.error_rate ?? NOISE_ERROR_RATE,
          bytes: step.bytes ?? NOISE_BYTES,
        },
        at_ms,
      )
      break
  }
}

function found<T>(all: ReadonlyMap<string, T>, id: string, what: string): T {
  const one = all.get(id)
  if (one) return one
  throw new SimError('SIM_TARGET_UNKNOWN', `${what} "${id}" is not configured; there are ${[...all.keys()].join(', ')}`)
}
