import type { FrontLimits } from '../../hub/broker/front/limits.ts'
import { connectPacket, field, type Part, packet } from './mqtt-bytes.ts'
import { inspectAll } from './mqtt-inspect.ts'
import { readAsStandard } from './mqtt-standard.ts'

/** Streams of right, nearly right and wrong packets, and what must hold of the front for each of them. */

export type Random = () => number

/** mulberry32: small, fast, and the same everywhere from the same seed. */
export function seeded(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const below = (random: Random, count: number) => Math.floor(random() * count)
const pick = <T>(random: Random, list: readonly T[]): T => list[below(random, list.length)] as T

const NAMES: readonly string[] = [
  'a',
  '/',
  'linli/v1/s/c/e/gw-1/alarm-button/b1/evt/pressed',
  '消防/门/😀',
  '$SYS/x',
  '__proto__',
  '\ufeff',
  'a/b/c/d/e/f/g/h/i/j',
  ' ',
]
const WRONG: ReadonlyArray<string | Buffer> = [
  '',
  'a+',
  '#/a',
  'a/#',
  '+/+',
  'a\0',
  '/'.repeat(40),
  'x'.repeat(300),
  field(Buffer.from([0xed, 0xa0, 0x80])),
  field(Buffer.from([0xc0, 0x80])),
  field(Buffer.from([0xf8, 0x88])),
]
const SPECIAL = [0, 1, 2, 3, 0x2b, 0x23, 0x2f, 0x7f, 0x80, 0xc0, 0xed, 0xf0, 0xff]

const name = (random: Random): Part => (random() < 0.9 ? pick(random, NAMES) : pick(random, WRONG))
const id = (random: Random): Part[] => (random() < 0.97 ? [below(random, 256), 1 + below(random, 255)] : [0, 0])
const bytes = (random: Random, max: number) => Uint8Array.from({ length: below(random, max) }, () => below(random, 256))
const several = (random: Random, make: () => Part[]): Part[] =>
  Array.from({ length: below(random, 4) + (random() < 0.9 ? 1 : 0) }, make).flat()

function connect(random: Random): Buffer {
  if (random() < 0.5) return connectPacket({ id: `c${below(random, 1000)}` })
  const flags = random() < 0.8 ? pick(random, [0x02, 0x06, 0x26, 0x36, 0x82, 0xc2, 0xc6, 0x80]) : below(random, 256)
  const level = random() < 0.9 ? 4 : below(random, 8)
  const protocol = random() < 0.9 ? 'MQTT' : pick(random, ['MQIsdp', 'mqtt', ''])
  const will: Part[] = flags & 4 ? [name(random), field(bytes(random, 40))] : []
  const user: Part[] = flags & 0x80 ? [name(random)] : []
  const password: Part[] = flags & 0x40 ? [field(bytes(random, 20))] : []
  return packet(0x10, protocol, level, flags, 0, below(random, 256), name(random), ...will, ...user, ...password)
}

function later(random: Random): Buffer {
  const dice = random()
  if (dice < 0.4) {
    const qos = below(random, 3)
    const flags = (qos << 1) | below(random, 2) | (qos > 0 && random() < 0.2 ? 8 : 0)
    const payload = bytes(random, pick(random, [4, 40, 400, 2_500]))
    return packet(0x30 | flags, name(random), ...(qos > 0 ? id(random) : []), payload)
  }
  if (dice < 0.55) return packet(0x82, ...id(random), ...several(random, () => [name(random), below(random, 3)]))
  if (dice < 0.65) return packet(0xa2, ...id(random), ...several(random, () => [name(random)]))
  if (dice < 0.85) return packet(pick(random, [0x40, 0x50, 0x62, 0x70]), ...id(random))
  if (dice < 0.95) return packet(0xc0)
  return packet(dice < 0.97 ? 0xe0 : below(random, 256), ...(dice < 0.98 ? [] : [bytes(random, 8)]))
}

/** One thing done to some bytes. */
function damage(random: Random, stream: Buffer): Buffer {
  const at = below(random, stream.length)
  const copy = Buffer.from(stream)
  switch (below(random, 5)) {
    case 0:
      copy[at] = (copy[at] as number) ^ (1 << below(random, 8))
      return copy
    case 1:
      copy[at] = pick(random, SPECIAL)
      return copy
    case 2:
      return Buffer.concat([copy.subarray(0, at), bytes(random, 6), copy.subarray(at)])
    case 3:
      return Buffer.concat([copy.subarray(0, at), copy.subarray(at + 1 + below(random, 4))])
    default:
      return copy.subarray(0, at + 1)
  }
}

export interface FuzzCase {
  stream: Buffer
  pieces: Buffer[]
  packets: number
}

export function fuzzCase(random: Random, packets_max: number): FuzzCase {
  const first = random() < 0.02 ? later(random) : connect(random)
  const packets = [first, ...Array.from({ length: below(random, packets_max) }, () => later(random))]
  let stream = Buffer.concat(packets)
  for (let left = random() < 0.4 ? 0 : 1 + below(random, 3); left > 0 && stream.length > 0; left--)
    stream = Buffer.from(damage(random, stream))
  return { stream, pieces: cut(random, stream), packets: packets.length }
}

function cut(random: Random, stream: Buffer): Buffer[] {
  const step = pick(random, [1, 3, 20, 500, 5_000])
  const pieces: Buffer[] = []
  for (let at = 0; at < stream.length; ) {
    const end = Math.min(stream.length, at + 1 + below(random, step))
    pieces.push(stream.subarray(at, end))
    at = end
  }
  return pieces
}

/** What is wrong with the front's verdict, or undefined. */
export function complaint(limits: FrontLimits, { stream, pieces }: FuzzCase): string | undefined {
  const standard = readAsStandard(limits, stream)
  const whole = inspectAll(limits, [stream])
  const split = inspectAll(limits, pieces)
  const told = `${JSON.stringify({ standard, whole: brief(whole), split: brief(split) })} for ${stream.toString('hex')}`
  if (whole.refused !== split.refused || whole.packets !== split.packets)
    return `the split changes the verdict: ${told}`
  if (whole.packets !== standard.ends.length) return `other packets pass than the standard allows: ${told}`
  if (standard.refused && whole.refused === undefined) return `passes what the standard refuses: ${told}`
  if (whole.refused === undefined && !split.passed.equals(stream)) return `bytes are missing: ${told}`
  const good = stream.subarray(0, split.passed.length)
  if (!split.passed.equals(good)) return `other bytes pass than came: ${told}`
  const kept_bytes_max = 2 * Math.max(limits.connect_bytes_max, limits.packet_bytes_max)
  if (split.kept_bytes_max > kept_bytes_max) return `keeps ${split.kept_bytes_max} bytes: ${told}`
  if (whole.refused !== undefined && !standard.refused) {
    // Refused before its end came: whatever would have come, the standard refuses it too.
    const end = Buffer.alloc(limits.packet_bytes_max, 'a')
    const longer = readAsStandard(limits, Buffer.concat([stream, end]))
    if (!longer.refused || longer.ends.length !== standard.ends.length) return `refuses what is allowed: ${told}`
  }
  return undefined
}

function brief({ refused, packets }: { refused: string | undefined; packets: number }) {
  return { refused, packets }
}
