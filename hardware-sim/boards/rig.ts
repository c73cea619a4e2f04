import type { BoardConfig } from '../config.ts'
import type { Device } from '../devices/device.ts'
import { DEVICE_KINDS } from '../devices/kinds.ts'
import type { Emit } from '../events.ts'
import type { City } from '../park/city.ts'
import { forkRandom, type Random } from '../random.ts'
import type { BoardStep } from '../scenario/steps.ts'
import type { SerialEndpoint } from '../serial/endpoint.ts'
import { createLine, type Line } from '../serial/line.ts'
import type { Timeline } from '../time/timeline.ts'
import type { Board } from './board.ts'
import { FirmwareBoard } from './firmware/board.ts'
import { ProtocolBoard } from './protocol/board.ts'

/** A board with its line and what is wired to it. */
export interface Rig<E extends SerialEndpoint> {
  config: BoardConfig
  board: Board
  endpoint: E
  line: Line
  devices: Device[]
}

export interface RigDeps {
  timeline: Timeline
  random: Random
  emit: Emit
  city: City
}

/** StandardFirmata speaks 8N1: a start bit, eight data bits, a stop bit. */
const BITS_PER_BYTE = 10
const BOOT_MS = 50
const NOISE_MS = 100
const NOISE_ERROR_RATE = 0.05
const NOISE_BYTES = 8

/** Wires a board: line, pins, devices. */
export function createRig<E extends SerialEndpoint>(config: BoardConfig, endpoint: E, deps: RigDeps): Rig<E> {
  const { timeline } = deps
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
        city: deps.city,
        drive: (pin, volts, at_ms) => board.drive(pin, volts, at_ms),
      },
      device,
    ),
  )
  return { config, board, endpoint, line, devices }
}

/** What happens to a board and its line. @throws SimError SIM_PORT_UNAVAILABLE on a replug */
export function applyToBoard(
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
