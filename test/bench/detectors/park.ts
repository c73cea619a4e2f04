import {
  type BeliefEffect,
  nextDeadline,
  type PollResult,
  step,
} from '../../../firmware/drivers/park-sensor/belief/machine.ts'
import { digestsOf, hear, noNeighbours } from '../../../firmware/drivers/park-sensor/belief/neighbours.ts'
import { type BeliefState, createBeliefState, voicesOf } from '../../../firmware/drivers/park-sensor/belief/state.ts'
import type { Quantity } from '../../../firmware/drivers/park-sensor/quantity.ts'
import { wellKnown } from '../../../firmware/drivers/park-sensor/well-known.ts'
import { createRandom, forkRandom } from '../../../hardware-sim/random.ts'
import { corrupt, type Fault, type FaultKind, scheduleFaults } from './faults.ts'
import { createSensors, type Sensor, startOf } from './spot.ts'

/** One park: sensors of one quantity under one sky, some of them faulty, judged by the real machine. */

export interface Verdict {
  /** `good` or a reason; undefined: no word on this sample. */
  word: string | undefined
  /** Steps after the sample when it was told. */
  late: number
}

export interface Judged {
  quantity: Quantity
  faults: Fault[]
  verdicts: Verdict[]
}

export interface ParkOptions {
  seed: number
  days: number
  /** Kinds of faults by sensor; an empty list is a healthy sensor. */
  kinds: ReadonlyArray<readonly FaultKind[]>
  gap_h: number
}

const DIGEST_EVERY_MS = 600_000

interface Running extends Judged {
  config: { profile: string; quantities: readonly Quantity[]; thresholds: [] }
  state: BeliefState
  sensor: Sensor
  wind: Sensor
  frozen: number
}

export function runPark(quantity: Quantity, { seed, days, kinds, gap_h }: ParkOptions): Judged[] {
  const random = createRandom(seed)
  const step_s = quantity.poll_ms / 1000
  const samples = Math.round((days * 86_400) / step_s)
  const start_ms = startOf(seed)
  const sensors = createSensors(quantity, seed, kinds.length)
  const winds = createSensors(wellKnown['wind-speed'], seed, kinds.length)
  // Every verdict is told: no deadband, and the heart beats with every sample.
  const open: Quantity = { ...quantity, report: { summary: 'last', deadband: -1, heartbeat_ms: 1 } }
  const quantities = quantity.kind === 'direction' ? [wellKnown['wind-speed'], open] : [open]
  const running = kinds.map((some, spot): Running => {
    const config = { profile: 'bench', quantities, thresholds: [] as [] }
    return {
      quantity,
      faults: some.length === 0 ? [] : scheduleFaults(forkRandom(random), quantity, some, samples, gap_h),
      verdicts: Array.from({ length: samples }, () => ({ word: undefined, late: 0 })),
      config,
      state: createBeliefState(config, undefined, { wall_ms: 0, monotonic_ms: 0 }),
      sensor: sensors[spot] as Sensor,
      wind: winds[spot] as Sensor,
      frozen: 0,
    }
  })
  let neighbours = noNeighbours
  for (let index = 0; index < samples; index++) {
    const now_ms = (index + 1) * quantity.poll_ms
    running.forEach((one, device) => {
      const fault = one.faults.find(({ from, to }) => index >= from && index < to)
      const clean = one.sensor(start_ms + now_ms)
      if (fault === undefined) one.frozen = clean
      const sampled = corrupt(quantity, fault, index, clean, one.frozen)
      catchUp(one, now_ms)
      // A drift ends because somebody found it.
      if (one.faults.some(({ kind, to }) => kind === 'drift' && to === index))
        feed(one, { type: 'calibrate', args: { quantity: quantity.name }, actor: 'installer:bench' }, now_ms)
      if (sampled === 'silent') return
      const results: PollResult[] =
        quantity.kind === 'direction' ? [{ quantity: 'wind-speed', raw: one.wind(start_ms + now_ms) }] : []
      results.push(
        sampled === 'lost'
          ? { quantity: quantity.name, fault: 'bus-error' }
          : { quantity: quantity.name, raw: sampled },
      )
      feed(one, { type: 'poll', results }, now_ms)
      for (const { quantity: name, voice } of voicesOf(one.config, one.state))
        neighbours = hear(neighbours, String(device), name, voice)
    })
    if (now_ms % DIGEST_EVERY_MS === 0) {
      const digests = digestsOf(neighbours, now_ms, DIGEST_EVERY_MS)
      for (const one of running) feed(one, { type: 'neighbours', digests }, now_ms)
    }
  }
  return running
}

/** Deadlines that come before this sample; only silence has any here. */
function catchUp(one: Running, now_ms: number): void {
  for (let due = nextDeadline(one.config, one.state); due !== undefined && due < now_ms; ) {
    feed(one, { type: 'tick' }, due)
    due = nextDeadline(one.config, one.state)
  }
}

function feed(one: Running, input: Parameters<typeof step>[2], now_ms: number): void {
  const { state, effects } = step(one.config, one.state, input, { wall_ms: now_ms, monotonic_ms: now_ms })
  one.state = state
  for (const effect of effects) note(one, effect, now_ms)
}

function note(one: Running, effect: BeliefEffect, now_ms: number): void {
  if (effect.type !== 'readings') return
  for (const { name, at, reason } of effect.readings) {
    if (name !== one.quantity.name) continue
    const index = Math.round(at.monotonic_ms / one.quantity.poll_ms) - 1
    const late = Math.round((now_ms - at.monotonic_ms) / one.quantity.poll_ms)
    one.verdicts[index] = { word: reason ?? 'good', late }
    // Silence is told once, and holds until the next word.
    if (reason !== 'stale') continue
    for (let next = index + 1; next < one.verdicts.length; next++) one.verdicts[next] = { word: 'stale', late: 0 }
  }
}
