import type { BusConfig } from '../config.ts'
import type { Emit } from '../events.ts'
import { forkRandom, type Random } from '../random.ts'
import type { BusStep } from '../scenario/steps.ts'
import type { SerialEndpoint } from '../serial/endpoint.ts'
import { createLine } from '../serial/line.ts'
import type { Timeline } from '../time/timeline.ts'
import type { BusDevice } from './bus-device.ts'
import { OsdpReader } from './osdp-reader/reader.ts'

/** OSDP speaks 8N1. */
const BITS_PER_BYTE = 10
const NOISE_MS = 100
const NOISE_ERROR_RATE = 0.05
const NOISE_BYTES = 8

export interface Bus<E extends SerialEndpoint = SerialEndpoint> {
  readonly config: BusConfig
  readonly endpoint: E
  readonly devices: readonly BusDevice[]
  start(at_ms: number): void
  /** @throws SimError SIM_PORT_UNAVAILABLE on a replug */
  apply(step: BusStep, at_ms: number): void
  clear(): void
}

/**
 * An RS-485 line of two wires behind a serial endpoint: all hear what one says, and two that speak at once destroy what both say.
 */
export function createBus<E extends SerialEndpoint>(
  config: BusConfig,
  endpoint: E,
  deps: { timeline: Timeline; random: Random; emit: Emit },
): Bus<E> {
  const { timeline, emit } = deps
  const byte_ms = (BITS_PER_BYTE * 1000) / config.baud
  const devices: BusDevice[] = []
  let busy_until_ms = Number.NEGATIVE_INFINITY
  const line = createLine(
    {
      timeline,
      endpoint,
      random: forkRandom(deps.random),
      receive: (bytes, first_ms, each_ms) => {
        for (const device of devices) device.receive(bytes, first_ms, each_ms)
      },
    },
    { baud: config.baud, bits_per_byte: BITS_PER_BYTE, paceToHost: true },
  )

  function send(from: BusDevice, bytes: Uint8Array, at_ms: number): void {
    const ends_ms = at_ms + bytes.length * byte_ms
    if (at_ms < busy_until_ms) {
      // Nobody can tell what either said.
      line.disturb({ for_ms: Math.max(ends_ms, busy_until_ms) - at_ms, error_rate: 1, bytes: 0 }, at_ms)
      busy_until_ms = Math.max(busy_until_ms, ends_ms)
      return
    }
    busy_until_ms = ends_ms
    line.send(bytes, at_ms)
    timeline.at(ends_ms, (due_ms) => {
      const first_ms = due_ms - (bytes.length - 1) * byte_ms
      for (const device of devices) if (device !== from) device.receive(bytes, first_ms, byte_ms)
    })
  }

  for (const device of config.devices) {
    const reader: BusDevice = new OsdpReader(
      { timeline, random: forkRandom(deps.random), emit, send: (bytes, at_ms) => send(reader, bytes, at_ms) },
      device,
    )
    devices.push(reader)
  }

  const announce = (state: 'plugged' | 'unplugged', at_ms: number) =>
    emit({ type: 'bus', bus: config.id, state, at_ms: timeline.wall_ms(at_ms) })

  function apply(step: BusStep, at_ms: number): void {
    switch (step.do) {
      case 'unplug':
        if (!endpoint.plugged) return
        line.clear()
        endpoint.unplug()
        announce('unplugged', at_ms)
        break
      case 'replug':
        if (endpoint.plugged) return
        endpoint.plug()
        announce('plugged', at_ms)
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
    }
  }

  return {
    config,
    endpoint,
    devices,
    start: (at_ms) => {
      for (const device of devices) device.start(at_ms)
    },
    apply,
    clear: line.clear,
  }
}
