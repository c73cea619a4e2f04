import type { BusConfig } from '../config.ts'
import type { Emit } from '../events.ts'
import type { City } from '../park/city.ts'
import { forkRandom, type Random } from '../random.ts'
import type { BusStep } from '../scenario/steps.ts'
import type { SerialEndpoint } from '../serial/endpoint.ts'
import { createLine } from '../serial/line.ts'
import type { Timeline } from '../time/timeline.ts'
import type { BusDevice } from './bus-device.ts'
import { BUS_DEVICE_KINDS } from './kinds.ts'

/** Start bit and data bits. */
const PLAIN_BITS = 9
/** Due times are sums of fractions. */
const ROUNDING_MS = 0.001
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
  deps: { timeline: Timeline; random: Random; emit: Emit; city: City },
): Bus<E> {
  const { timeline, emit } = deps
  const { baud, parity = 'none', stop_bits = 1 } = config
  const bits_per_byte = PLAIN_BITS + (parity === 'none' ? 0 : 1) + stop_bits
  const byte_ms = (bits_per_byte * 1000) / baud
  let echoes = false
  const devices: BusDevice[] = []
  let busy_until_ms = Number.NEGATIVE_INFINITY
  const line = createLine(
    {
      timeline,
      endpoint,
      random: forkRandom(deps.random),
      receive: (bytes, first_ms, each_ms) => {
        if (echoes) endpoint.write(bytes)
        const overlap_ms = busy_until_ms - (first_ms - each_ms)
        const heard = overlap_ms > ROUNDING_MS ? garbled(bytes, first_ms, overlap_ms) : bytes
        for (const device of devices) device.receive(heard, first_ms, each_ms)
      },
    },
    { baud, bits_per_byte, paceToHost: true },
  )

  /** The host speaks while a device does: neither is understood. */
  function garbled(bytes: Uint8Array, at_ms: number, for_ms: number): Uint8Array {
    line.disturb({ for_ms, error_rate: 1, bytes: 0 }, at_ms)
    return bytes.map((byte) => byte ^ 0xff)
  }

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
    const created: BusDevice = BUS_DEVICE_KINDS[device.kind].create(
      {
        timeline,
        random: forkRandom(deps.random),
        emit,
        send: (bytes, at_ms) => send(created, bytes, at_ms),
        baud,
        byte_ms,
        city: deps.city,
      },
      device,
    )
    devices.push(created)
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
      case 'echo':
        echoes = step.on ?? true
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
