import type { Availability } from '../contract/availability.ts'
import type { Message } from '../contract/decode.ts'
import { type Address, addressPath, formatTopic } from '../contract/topic.ts'
import type { Devices } from '../devices/devices.ts'
import {
  createWatch,
  FLAPPING,
  type FlappingConfig,
  nextDeadline,
  step,
  type WatchInput,
  type WatchState,
} from './machine.ts'

/** The shell around the availability of every device: it owns the clock and the timer, and says what is to be shown. */

export interface AvailabilityRoom {
  /**
   * An availability on its way in. @returns what goes on in its place, or undefined while it is held back
   */
  onSaid(address: Address, availability: Availability): Availability | undefined
  /** The hub's own conclusion, such as from the death of a gateway. */
  conclude(address: Address, availability: Availability): void
  /** Something was accepted. */
  heard(message: Message): void
  /** Takes up what was retained, with the silence counted from now. */
  start(): void
  close(): void
}

export interface AvailabilityDeps {
  devices: Pick<Devices, 'all' | 'said'>
  /** Says a retained availability in the hub's own name. */
  say: (topic: string, availability: Availability) => void
  /** Wall clock, epoch ms. */
  now_ms: () => number
}

interface Watched {
  address: Address
  state: WatchState
}

export function createAvailabilityRoom(deps: AvailabilityDeps, config: FlappingConfig = FLAPPING): AvailabilityRoom {
  const watched = new Map<string, Watched>()
  let timer: ReturnType<typeof setTimeout> | undefined
  let armedFor_ms = Number.POSITIVE_INFINITY
  let closed = false

  const clock = () => ({ monotonic_ms: performance.now(), wall_ms: deps.now_ms() })

  function watchOf(address: Address): Watched {
    const path = addressPath(address)
    const known = watched.get(path)
    if (known) return known
    const made = { address, state: createWatch(undefined, clock()) }
    watched.set(path, made)
    return made
  }

  function run(one: Watched, input: WatchInput): Availability | undefined {
    const { state, show } = step(config, one.state, input, clock())
    one.state = state
    arm(nextDeadline(config, state))
    return show
  }

  function say(one: Watched, input: WatchInput): void {
    const show = run(one, input)
    if (show) deps.say(formatTopic({ ...one.address, channel: 'avail' }), show)
  }

  /** A deadline that moved away is found out when the timer rings: messages are many, and deadlines few. */
  function arm(due_ms: number | undefined): void {
    if (closed || due_ms === undefined || due_ms >= armedFor_ms) return
    clearTimeout(timer)
    armedFor_ms = due_ms
    timer = setTimeout(ring, Math.max(1, Math.ceil(due_ms - performance.now())))
  }

  function ring(): void {
    armedFor_ms = Number.POSITIVE_INFINITY
    const now_ms = performance.now()
    for (const one of watched.values()) {
      const due_ms = nextDeadline(config, one.state)
      if (due_ms !== undefined && due_ms <= now_ms) say(one, { type: 'tick' })
      else arm(due_ms)
    }
  }

  return {
    onSaid(address, availability) {
      deps.devices.said(address, availability)
      const one = watchOf(address)
      // What a gateway says of itself is a sign of its own life.
      if (address.class === 'gateway' && availability.status === 'online')
        one.state = { ...one.state, silent: undefined }
      return run(one, { type: 'said', availability })
    },
    conclude(address, availability) {
      deps.devices.said(address, availability)
      say(watchOf(address), { type: 'said', availability })
    },
    heard(message) {
      if (message.kind === 'meta') {
        const { expireafter_s } = message.meta
        const expireafter_ms = expireafter_s === undefined ? undefined : expireafter_s * 1000
        say(watchOf(message.topic), { type: 'interval', expireafter_ms })
      } else if (message.kind === 'cleared' && message.topic.channel === 'avail')
        watched.delete(addressPath(message.topic))
      else if (message.kind === 'telemetry' || message.kind === 'event' || message.kind === 'state') {
        const one = watched.get(addressPath(message.topic))
        if (one?.state.expireafter_ms !== undefined) say(one, { type: 'heard' })
      }
    },
    start() {
      for (const { address, availability, meta } of deps.devices.all()) {
        const one = { address, state: createWatch(availability, clock()) }
        watched.set(addressPath(address), one)
        const expireafter_s = meta?.expireafter_s
        if (expireafter_s !== undefined) say(one, { type: 'interval', expireafter_ms: expireafter_s * 1000 })
        arm(nextDeadline(config, one.state))
      }
    },
    close() {
      closed = true
      clearTimeout(timer)
    },
  }
}
