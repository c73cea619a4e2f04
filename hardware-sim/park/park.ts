import { trafficAt, visitsAt } from './bustle.ts'
import { conductivity_us_cm, FIRST_GROUND, type Ground, stepGround } from './ground.ts'
import { createLocal, type Local } from './local.ts'
import { poisson } from './noise.ts'
import { illuminance_lx, uvIndex } from './sun.ts'
import type { Sky } from './weather.ts'

/** Everything that can be measured in a park, in the units of physics; `rain` and `people` count from the world's first moment. */
export const QUANTITIES = [
  'temperature',
  'humidity',
  'pressure',
  'pm2.5',
  'pm10',
  'co2',
  'noise',
  'illuminance',
  'uv',
  'wind-speed',
  'wind-direction',
  'rain',
  'soil-moisture',
  'soil-temperature',
  'soil-ec',
  'water-level',
  'people',
] as const
export type ParkQuantity = (typeof QUANTITIES)[number]

export const PARK_OUTPUTS = ['lamp', 'valve', 'fountain'] as const
export type ParkOutput = (typeof PARK_OUTPUTS)[number]

export interface Park {
  readonly id: string
  /** °C, %RH, hPa, µg/m³, ppm, dB, lx, index, m/s, deg, mm, % of volume, µS/cm, m, passages. A moment before the present step of five minutes is taken for its beginning. */
  read(quantity: ParkQuantity, at_ms: number): number
  /** Lamp, irrigation valve or fountain. */
  switch(output: ParkOutput, on: boolean, at_ms: number): void
  /** Rain or smoke that the weather did not bring. */
  shower(mm_h: number, from_ms: number, for_ms: number): void
  smoke(pm25_ug_m3: number, from_ms: number, for_ms: number): void
}

export interface ParkOptions {
  id: string
  seed: number
  /** What the local clock is ahead of UTC. */
  utc_offset_min: number
  /** The weather over the city, or what a record says of it. */
  sky: (at_ms: number) => Sky
  /** Visitors in the busiest hour of a fine weekend. */
  visits_per_hour: number
}

const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
/** Weather changes little within; what is quick is drawn anew at each moment. */
const STEP_MS = 5 * MINUTE_MS
/** The soil forgets its first guess in that time. */
const WARM_UP_MS = 45 * 86_400_000
const WARM_UP_STEP_MS = 30 * MINUTE_MS
const IRRIGATION_MM_H = 12
const LAMP_LX = 45
const FORCED_MAX = 100
/** Of the well-mixed air (NOAA GML, 2025–26). */
const CO2_PPM = 428

/** One park of a city: shares the weather with the others, and has a ground, visitors and small differences of its own. */
export function createPark({ id, seed, utc_offset_min, sky, visits_per_hour }: ParkOptions): Park {
  const local = createLocal(seed, id)
  const offset_ms = utc_offset_min * MINUTE_MS
  const forced = createForced()
  const outputs = createOutputs()
  let now: Frame | undefined

  const skyHere = (at_ms: number): Sky => {
    const above = sky(at_ms - local.late_ms)
    return { ...above, rain_mm_h: above.rain_mm_h * local.rain(at_ms) }
  }

  function frameAt(at_ms: number, step_ms: number, before: Sky, ground: Ground): Frame {
    const wet = { ...before, rain_mm_h: before.rain_mm_h + forced.now('shower', at_ms) }
    // People come in twos; each is counted.
    const pairs = (visits_per_hour * local.busy * visitsAt(at_ms + offset_ms, wet) * step_ms) / HOUR_MS / 2
    const visits = 2 * poisson(local.visits, Math.floor(at_ms / STEP_MS), pairs)
    return { at_ms, step_ms, before, after: skyHere(at_ms + step_ms), ground, visits }
  }

  function follow(frame: Frame, step_ms: number): Frame {
    const until_ms = frame.at_ms + frame.step_ms
    const ground = stepGround(
      frame.ground,
      {
        ...frame.before,
        rain_mm: fallen(frame, until_ms),
        irrigation_mm: (IRRIGATION_MM_H * outputs.spent_ms('valve', until_ms)) / HOUR_MS,
        fountain_s: outputs.spent_ms('fountain', until_ms) / 1000,
        visits: frame.visits,
      },
      frame.step_ms / 1000,
    )
    return frameAt(until_ms, step_ms, frame.after, ground)
  }

  function begin(at_ms: number): Frame {
    const start_ms = Math.floor(at_ms / STEP_MS) * STEP_MS
    let warm = frameAt(start_ms - WARM_UP_MS, WARM_UP_STEP_MS, skyHere(start_ms - WARM_UP_MS), FIRST_GROUND)
    while (warm.at_ms < start_ms) warm = follow(warm, WARM_UP_STEP_MS)
    return frameAt(start_ms, STEP_MS, warm.before, { ...warm.ground, rain_mm: 0, visits: 0 })
  }

  /** The step that a moment is in. A moment before it is taken for its beginning. */
  function frameOf(at_ms: number): Frame {
    now ??= begin(at_ms)
    while (now.at_ms + now.step_ms <= at_ms) now = follow(now, STEP_MS)
    return now
  }

  /** mm since the step began. */
  function fallen({ at_ms: from_ms, step_ms, before, after }: Frame, until_ms: number): number {
    const part = (until_ms - from_ms) / step_ms
    const mean_mm_h = before.rain_mm_h + ((after.rain_mm_h - before.rain_mm_h) * part) / 2
    return mean_mm_h * ((until_ms - from_ms) / HOUR_MS) + forced.rain_mm(from_ms, until_ms)
  }

  return {
    id,
    read(quantity, at_ms) {
      const frame = frameOf(at_ms)
      const moment_ms = Math.max(at_ms, frame.at_ms)
      const part = (moment_ms - frame.at_ms) / frame.step_ms
      const rain_mm = fallen(frame, moment_ms)
      return READ[quantity]({
        at_ms: moment_ms,
        local_ms: moment_ms + offset_ms,
        sky: between(frame.before, frame.after, part),
        local,
        ground: {
          ...frame.ground,
          rain_mm: frame.ground.rain_mm + rain_mm,
          visits: frame.ground.visits + Math.floor(frame.visits * part),
        },
        smoke_ug_m3: forced.now('smoke', moment_ms),
        shower_mm_h: forced.now('shower', moment_ms),
        busy: frame.visits / Math.max(1, (visits_per_hour * STEP_MS) / HOUR_MS),
        isOn: outputs.isOn,
      })
    },
    switch(output, on, at_ms) {
      frameOf(at_ms)
      outputs.switch(output, on, at_ms)
    },
    shower: (mm_h, from_ms, for_ms) => forced.add({ kind: 'shower', size: mm_h, from_ms, until_ms: from_ms + for_ms }),
    smoke: (size, from_ms, for_ms) => forced.add({ kind: 'smoke', size, from_ms, until_ms: from_ms + for_ms }),
  }
}

interface Frame {
  at_ms: number
  step_ms: number
  /** When the step begins, and when it ends. */
  before: Sky
  after: Sky
  /** When it begins. */
  ground: Ground
  /** Who comes within it. */
  visits: number
}

interface Moment {
  at_ms: number
  local_ms: number
  sky: Sky
  local: Local
  ground: Ground
  smoke_ug_m3: number
  shower_mm_h: number
  /** Visitors, as a share of the busiest hour. */
  busy: number
  isOn: (output: ParkOutput) => boolean
}

const dust_ug_m3 = ({ at_ms, sky, local, smoke_ug_m3 }: Moment) =>
  sky.pm25_ug_m3 * local.dust(at_ms) + 30 * local.plume(at_ms) + smoke_ug_m3
const warmth_c = ({ at_ms, sky, local, shower_mm_h }: Moment) =>
  sky.temperature_c + local.warmer_c(sky, at_ms) - (shower_mm_h > 0 ? 1.5 : 0)

const READ: Record<ParkQuantity, (moment: Moment) => number> = {
  temperature: warmth_c,
  humidity: (moment) => {
    const celsius = warmth_c(moment)
    const dew_c = moment.sky.dew_point_c + moment.local.moister_c(moment.at_ms) + (moment.shower_mm_h > 0 ? 3 : 0)
    return Math.min(100, (100 * saturation(Math.min(dew_c, celsius))) / saturation(celsius))
  },
  pressure: ({ sky }) => sky.pressure_hpa,
  'pm2.5': dust_ug_m3,
  // Coarse dust comes on top: more of it when dry wind blows.
  pm10: (moment) => dust_ug_m3(moment) * 1.25 + (moment.sky.rain_mm_h > 0 ? 2 : 8 + 5 * moment.sky.wind_m_s),
  co2: ({ at_ms, local_ms, sky, local, busy }) =>
    CO2_PPM + 95 * sky.calm + 15 * trafficAt(local_ms) + 12 * busy + 60 * local.plume(at_ms) + local.co2_ppm(at_ms),
  noise: ({ at_ms, local_ms, sky, local, shower_mm_h, busy, isOn }) => {
    const background = 39 + 15 * Math.log10(1 + 9 * trafficAt(local_ms)) + local.traffic_db(at_ms)
    const rain = 30 + 9 * Math.log2(1 + sky.rain_mm_h + shower_mm_h)
    const voices = 38 + 9 * Math.log2(1 + 2 * busy)
    const peak = background + local.bark_db(at_ms)
    return (
      10 * Math.log10([peak, rain, voices, isOn('fountain') ? 58 : 0].reduce((sum, db) => sum + 10 ** (db / 10), 0))
    )
  },
  illuminance: ({ at_ms, sky, local, isOn }) =>
    illuminance_lx(sky.sun, sky.cover, local.beam(sky, at_ms)) + (isOn('lamp') ? LAMP_LX : 0),
  uv: ({ at_ms, sky, local }) => uvIndex(sky.sun, sky.cover, local.beam(sky, at_ms)),
  'wind-speed': ({ at_ms, sky, local }) => local.gust(sky, at_ms),
  'wind-direction': ({ at_ms, sky, local }) => (((sky.wind_deg + local.veer_deg(sky, at_ms)) % 360) + 360) % 360,
  rain: ({ ground }) => ground.rain_mm,
  'soil-moisture': ({ ground }) => ground.moisture_percent,
  'soil-temperature': ({ ground }) => ground.soil_c,
  'soil-ec': ({ ground }) => conductivity_us_cm(ground),
  'water-level': ({ at_ms, ground, local, isOn }) =>
    ground.pond_m + (isOn('fountain') ? 0.006 : 0.001) * local.ripple(at_ms),
  people: ({ ground }) => ground.visits,
}

/** Vapour pressure over water in hPa (WMO-No. 8, annex 4.B). */
function saturation(celsius: number): number {
  return 6.112 * Math.exp((17.62 * celsius) / (243.12 + celsius))
}

/** On straight lines; the direction goes the shorter way round. */
function between(before: Sky, after: Sky, part: number): Sky {
  const mixed = { ...before }
  for (const key of Object.keys(mixed) as (keyof Sky)[]) mixed[key] += (after[key] - before[key]) * part
  const turn = ((after.wind_deg - before.wind_deg + 540) % 360) - 180
  mixed.wind_deg = (before.wind_deg + turn * part + 360) % 360
  return mixed
}

interface Forced {
  kind: 'shower' | 'smoke'
  size: number
  from_ms: number
  until_ms: number
}

function createForced() {
  const all: Forced[] = []
  return {
    add(one: Forced): void {
      all.push(one)
      if (all.length > FORCED_MAX) all.shift()
    },
    now: (kind: Forced['kind'], at_ms: number) =>
      all.reduce((sum, one) => {
        const holds = one.kind === kind && one.from_ms <= at_ms && at_ms < one.until_ms
        return holds ? sum + one.size : sum
      }, 0),
    rain_mm: (from_ms: number, until_ms: number) =>
      all.reduce((sum, one) => {
        const overlap_ms = Math.min(until_ms, one.until_ms) - Math.max(from_ms, one.from_ms)
        return one.kind === 'shower' && overlap_ms > 0 ? sum + (one.size * overlap_ms) / HOUR_MS : sum
      }, 0),
  }
}

function createOutputs() {
  const since = new Map<ParkOutput, number>()
  const spent = new Map<ParkOutput, number>()
  function settle(output: ParkOutput, until_ms: number): void {
    const from_ms = since.get(output)
    if (from_ms === undefined || until_ms <= from_ms) return
    spent.set(output, (spent.get(output) ?? 0) + until_ms - from_ms)
    since.set(output, until_ms)
  }
  return {
    isOn: (output: ParkOutput) => since.has(output),
    switch(output: ParkOutput, on: boolean, at_ms: number): void {
      settle(output, at_ms)
      if (!on) since.delete(output)
      else if (!since.has(output)) since.set(output, at_ms)
    },
    /** How long it was on since this was last asked. */
    spent_ms(output: ParkOutput, until_ms: number): number {
      settle(output, until_ms)
      const on_ms = spent.get(output) ?? 0
      spent.delete(output)
      return on_ms
    },
  }
}
