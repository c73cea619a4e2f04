import { SimError } from '../error.ts'
import type { ParkStep } from '../scenario/steps.ts'
import type { Timeline } from '../time/timeline.ts'
import type { CityConfig, ParkConfig } from './config.ts'
import { createPark, type Park } from './park.ts'
import { type Lines, replayed } from './replay.ts'
import { createWeather } from './weather.ts'

const LATITUDE_DEG = 39.9
const LONGITUDE_DEG = 116.4
const UTC_OFFSET_MIN = 480
const VISITS_PER_HOUR = 80
const SHOWER_MM_H = 20
const SMOKE_UG_M3 = 200
const FOR_MS = 600_000

/** All parks under one sky. */
export interface City {
  /** @throws SimError SIM_TARGET_UNKNOWN */
  park(id: string): Park
  readonly seed: number
  /** What the calendar of the world shows, in epoch ms. @param at_ms of the timeline */
  time_ms(at_ms: number): number
}

export interface CityParts {
  config: CityConfig | undefined
  parks: readonly ParkConfig[]
  seed: number
}

export function createCity(
  { config = {}, parks, seed }: CityParts,
  deps: { timeline: Timeline; lines: (path: string) => Lines },
): City {
  const { replay } = config
  const began_ms = deps.timeline.now()
  const start_ms = config.start === undefined ? deps.timeline.wall_ms(began_ms) : Date.parse(config.start)
  const drawn = createWeather(seed, {
    latitude_deg: config.latitude_deg ?? LATITUDE_DEG,
    longitude_deg: config.longitude_deg ?? LONGITUDE_DEG,
  })
  const sky = replay ? replayed(replay, () => deps.lines(replay.csv), drawn) : drawn
  const all = new Map(
    parks.map(({ id, visits_per_hour = VISITS_PER_HOUR }) => [
      id,
      createPark({ id, seed, sky, visits_per_hour, utc_offset_min: config.utc_offset_min ?? UTC_OFFSET_MIN }),
    ]),
  )
  return {
    seed,
    park(id) {
      const found = all.get(id)
      if (found) return found
      throw new SimError(
        'SIM_TARGET_UNKNOWN',
        `park "${id}" is not configured; there are ${[...all.keys()].join(', ')}`,
      )
    },
    time_ms: (at_ms) => start_ms + at_ms - began_ms,
  }
}

export function applyToPark(city: City, step: ParkStep, at_ms: number): void {
  const now_ms = city.time_ms(at_ms)
  const park = city.park(step.park)
  if (step.do === 'shower') park.shower(step.mm_h ?? SHOWER_MM_H, now_ms, step.for_ms ?? FOR_MS)
  else park.smoke(step.ug_m3 ?? SMOKE_UG_M3, now_ms, step.for_ms ?? FOR_MS)
}
