import { type BeliefEffect, step } from '../../../firmware/drivers/park-sensor/belief/machine.ts'
import { createBeliefState } from '../../../firmware/drivers/park-sensor/belief/state.ts'
import type { Quantity } from '../../../firmware/drivers/park-sensor/quantity.ts'
import { wellKnown } from '../../../firmware/drivers/park-sensor/well-known.ts'
import { createPark } from '../../../hardware-sim/park/park.ts'
import { createWeather } from '../../../hardware-sim/park/weather.ts'
import { createRandom } from '../../../hardware-sim/random.ts'
import type { Row } from '../bench.ts'

/** Rain gauges that wrap, begin anew and are misread: is every millimetre told once, and none that did not fall? */

const DAYS = 10
/** The rainy season. */
const START_MS = Date.UTC(2026, 6, 1)
/** One of each a day or so. */
const EACH_POLLS = 24 * 60

interface Sums {
  fell: number
  told: number
  /** Fell between the last sample before a reset and the first one that is believed after it: nobody can know it. */
  unknowable: number
  resets: number
  resetsTold: number
  misread: number
  wraps: number
}

export function countCounters(gauges: number): { rows: Row[] } {
  const sums: Sums = { fell: 0, told: 0, unknowable: 0, resets: 0, resetsTold: 0, misread: 0, wraps: 0 }
  let invented = 0
  for (let seed = 1; seed <= gauges; seed++) {
    const before = sums.told - sums.fell
    runGauge(seed, sums)
    invented = Math.max(invented, sums.told - sums.fell - before)
  }
  return {
    rows: [
      {
        what: `rain gauges (${gauges} × ${DAYS} days; ${sums.wraps} wraps, ${sums.misread} misread counts, ${sums.resets} resets): resets told`,
        linli: String(sums.resetsTold),
        peer: '',
      },
      {
        what: `rain that fell and was told, of ${sums.fell.toFixed(1)} mm (${sums.unknowable.toFixed(1)} mm fell around resets)`,
        linli: `${((100 * sums.told) / sums.fell).toFixed(2)} %; at most ${Math.max(0, invented).toFixed(1)} mm too much on one gauge`,
        peer: '',
      },
    ],
  }
}

function runGauge(seed: number, sums: Sums): void {
  const random = createRandom(seed)
  const quantity: Quantity = wellKnown.rain
  const { bits, step: perCount } = quantity.counter ?? { bits: 16, step: 0.2 }
  const config = { profile: 'bench', quantities: [quantity], thresholds: [] }
  let state = createBeliefState(config, undefined, { wall_ms: 0, monotonic_ms: 0 })
  const sky = createWeather(seed, { latitude_deg: 39.9, longitude_deg: 116.4 })
  const park = createPark({ id: 'gauge', seed, sky, utc_offset_min: 480, visits_per_hour: 0 })
  let fallen = park.read('rain', START_MS)
  const size = 2 ** bits
  let counter = random() < 0.5 ? size - Math.floor(30 * random()) : Math.floor(random() * size)
  let water = 0
  let quiet = 0
  const polls = (DAYS * 86_400_000) / quantity.poll_ms
  for (let index = 0; index < polls; index++) {
    const all = park.read('rain', START_MS + (index + 1) * quantity.poll_ms)
    water += all - fallen
    fallen = all
    const tips = Math.floor(water / perCount)
    water -= tips * perCount
    // The first sample only tells where the counter stands.
    if (index > 0) sums.fell += tips * perCount
    if (quiet > 0) sums.unknowable += tips * perCount
    quiet--
    counter += tips
    if (counter >= size) [counter, sums.wraps] = [counter - size, sums.wraps + 1]
    // A reset can only be seen when the count is not where it would be anyway.
    if (random() < 1 / EACH_POLLS && counter > 50 && index < polls - 10) {
      sums.unknowable += tips * perCount
      ;[counter, quiet, sums.resets] = [0, 1, sums.resets + 1]
    }
    const misread = quiet < 0 && index < polls - 10 && random() < 1 / EACH_POLLS
    if (misread) sums.misread++
    const raw = misread ? Math.floor(random() * size) : counter
    feed({ type: 'poll', results: [{ quantity: quantity.name, raw }] }, index + 1)
  }
  // Until the heartbeat has told what no interval did.
  for (let index = 0; index < 61; index++)
    feed({ type: 'poll', results: [{ quantity: quantity.name, raw: counter }] }, polls + index + 1)

  function feed(input: Parameters<typeof step>[2], minute: number): void {
    const now_ms = minute * quantity.poll_ms
    const done = step(config, state, input, { wall_ms: now_ms, monotonic_ms: now_ms })
    state = done.state
    for (const effect of done.effects) note(sums, effect)
  }
}

function note(sums: Sums, effect: BeliefEffect): void {
  if (effect.type === 'event' && effect.event === 'counter-reset') sums.resetsTold++
  if (effect.type === 'readings') for (const { value = 0 } of effect.readings) sums.told += value
}
