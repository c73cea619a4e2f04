/** Randomness that can be asked for any moment, in any order: a hash of a stream and a place in it. */

/** A stream of numbers of its own, made of a seed and a name. */
export type Stream = number

const SPREAD = 0x9e3779b1

function mix(value: number): number {
  // The finalizer of MurmurHash3 (Austin Appleby, public domain).
  let mixed = value >>> 0
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}

export function streamOf(seed: number, name: string): Stream {
  let stream = mix(seed)
  for (let place = 0; place < name.length; place++) stream = mix(stream + SPREAD + name.charCodeAt(place))
  return stream
}

function bits(stream: Stream, index: number): number {
  return mix(stream ^ mix(Math.imul(index | 0, SPREAD) + Math.floor(index / 0x1_0000_0000)))
}

/** In [0, 1). */
export function uniform(stream: Stream, index: number): number {
  return bits(stream, index) / 0x1_0000_0000
}

/** Mean 0, deviation 1, never beyond 3.5: the sum of four uniform numbers is as normal as weather needs it. */
export function normal(stream: Stream, index: number): number {
  const first = bits(stream, 2 * index)
  const second = bits(stream, 2 * index + 1)
  const sum = (first & 0xffff) + (first >>> 16) + (second & 0xffff) + (second >>> 16)
  return (sum / 0xffff - 2) * Math.sqrt(3)
}

/** Wanders smoothly from one number to the next, one per unit of `at`; deviation 1 everywhere. */
function smooth(stream: Stream, at: number): number {
  const index = Math.floor(at)
  const part = at - index
  const angle = (Math.PI / 2) * part * part * (3 - 2 * part)
  return Math.cos(angle) * normal(stream, index) + Math.sin(angle) * normal(stream, index + 1)
}

/**
 * A process with deviation 1 that forgets in about `memory_ms`, and is rough down to `memory_ms` / 4 ** `octaves` as an
 * Ornstein-Uhlenbeck process is: each octave four times quicker has half the size.
 */
export function wander(stream: Stream, at_ms: number, memory_ms: number, octaves = 3): number {
  let sum = 0
  let power = 0
  let size = 1
  let period_ms = 2 * memory_ms
  for (let octave = 0; octave <= octaves; octave++) {
    sum += size * smooth((stream + octave) >>> 0, at_ms / period_ms)
    power += size * size
    size /= 2
    period_ms /= 4
  }
  return sum / Math.sqrt(power)
}

/** How many of many rare things happen, `mean` on average (Knuth; means here are small). */
export function poisson(stream: Stream, index: number, mean: number): number {
  const floor = Math.exp(-mean)
  let count = 0
  const inner = bits(stream, index)
  for (let product = uniform(inner, 0); product > floor && count < 1000; product *= uniform(inner, count)) count++
  return count
}
