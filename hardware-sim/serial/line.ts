import { integerBetween, type Random } from '../random.ts'
import type { Timeline } from '../time/timeline.ts'
import type { SerialEndpoint } from './endpoint.ts'
import { baudsAgree, resample } from './garble.ts'
import { createPacer } from './pacer.ts'

export interface LineNoise {
  /** How long the disturbance lasts, in ms. */
  for_ms: number
  /** Chance that a byte passing during it has one bit flipped. */
  error_rate: number
  /** Stray bytes that the disturbance itself produces, towards the host. */
  bytes: number
}

export interface LineOptions {
  baud: number
  /** 10 for 8N1, 11 for 8E1. */
  bits_per_byte: number
  /** False where the transmitter paces itself: an emulated UART already takes its time. */
  paceToHost: boolean
}

/** A serial line between a board and its endpoint: speed, wrong speed, noise. */
export interface Line {
  /** Bytes that the board's transmitter starts to send at a time. */
  send(bytes: Uint8Array, at_ms: number): void
  disturb(noise: LineNoise, at_ms: number): void
  /** The plug is pulled: what is under way is lost. */
  clear(): void
}

/** Room of a USB serial adapter towards the host. */
const TO_HOST_BYTES = 4096
/** The host is held back above the mark, as its driver does; what one read of the kernel's buffer brings still fits. */
const TO_BOARD_BYTES = 131_072
const HOLD_HOST_ABOVE_BYTES = 2048

export function createLine(
  deps: {
    timeline: Timeline
    endpoint: SerialEndpoint
    random: Random
    /** Gets the host's bytes; `first_ms` is when the first one ended, the rest follow at `byte_ms`. */
    receive: (bytes: Uint8Array, first_ms: number, byte_ms: number) => void
  },
  options: LineOptions,
): Line {
  const { timeline, endpoint, random } = deps
  const byte_ms = (options.bits_per_byte * 1000) / options.baud
  let noisy_until_ms = Number.NEGATIVE_INFINITY
  let error_rate = 0

  function disturbed(bytes: Uint8Array, at_ms: number): Uint8Array {
    if (at_ms >= noisy_until_ms) return bytes
    return bytes.map((byte) => (random() < error_rate ? byte ^ (1 << integerBetween(random, 0, 7)) : byte))
  }

  function intoHost(bytes: Uint8Array, at_ms: number): void {
    const host = endpoint.hostBaud()
    const heard = host && !baudsAgree(host, options.baud) ? resample(bytes, options.baud, host) : bytes
    endpoint.write(disturbed(heard, at_ms))
  }

  const toHost = createPacer(timeline, { byte_ms, capacity_bytes: TO_HOST_BYTES }, intoHost)

  const toBoard = createPacer(timeline, { byte_ms, capacity_bytes: TO_BOARD_BYTES }, (bytes, first_ms) => {
    if (toBoard.pending_bytes < HOLD_HOST_ABOVE_BYTES) endpoint.holdHost(false)
    deps.receive(disturbed(bytes, first_ms), first_ms, byte_ms)
  })

  endpoint.receive((bytes) => {
    const host = endpoint.hostBaud()
    const heard = host && !baudsAgree(host, options.baud) ? resample(bytes, host, options.baud) : bytes
    toBoard.send(heard, timeline.now())
    if (toBoard.pending_bytes > HOLD_HOST_ABOVE_BYTES) endpoint.holdHost(true)
  })

  return {
    send(bytes, at_ms) {
      if (options.paceToHost) toHost.send(bytes, at_ms)
      else intoHost(bytes, at_ms)
    },
    disturb(noise, at_ms) {
      noisy_until_ms = at_ms + noise.for_ms
      error_rate = noise.error_rate
      const stray = Uint8Array.from({ length: noise.bytes }, () => integerBetween(random, 0, 255))
      toHost.send(stray, at_ms)
    },
    clear() {
      toHost.clear()
      toBoard.clear()
      endpoint.holdHost(false)
      noisy_until_ms = Number.NEGATIVE_INFINITY
    },
  }
}
