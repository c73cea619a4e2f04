import { happenings, ramp, sizes } from './events.ts'
import { type Stream, streamOf, wander } from './noise.ts'
import { dayOfYear, type Spot, sunHeight } from './sun.ts'

/**
 * The weather over a city, as a function of a seed and a moment: seasons and days of the North China Plain, fronts that clear
 * the air within hours, rain, cloud, wind, and the fine dust that builds up while nothing stirs.
 */

export interface Sky {
  temperature_c: number
  dew_point_c: number
  pressure_hpa: number
  /** Share of the sky that is covered. */
  cover: number
  wind_m_s: number
  /** Where it comes from. */
  wind_deg: number
  rain_mm_h: number
  pm25_ug_m3: number
  /** How little the air is exchanged, 0 to 1. */
  calm: number
  /** Sine of the sun's elevation. */
  sun: number
}

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** Beijing 1981–2010 (CMA): rain in mm and days with rain, by month. */
const RAIN_MM = [3, 5, 8, 21, 34, 78, 185, 160, 46, 22, 8, 3] as const
const RAIN_DAYS = [2, 2, 3, 5, 6, 10, 13, 11, 8, 5, 3, 2] as const
/** A day with rain has more than one slot with it at times. */
const SHOWER_SLOT_MS = 8 * HOUR_MS
/** Of a whole shower; its middle is twice that, bursts up to six times: 150 mm/h, as much as falls in a cloudburst. */
const MEAN_MM_H_MAX = 25
const FRONT_SLOT_MS = 2.2 * DAY_MS
const FRONT_CHANCE = 0.6

const month = (at_ms: number) => Math.floor(dayOfYear(at_ms) / 30.5) % 12

export interface Shower {
  start_ms: number
  length_ms: number
  mm: number
}

export function createWeather(seed: number, spot: Spot) {
  const named = (name: string) => streamOf(seed, name)
  const streams = {
    fronts: named('fronts'),
    showers: named('showers'),
    bursts: named('bursts'),
    warmth: named('warmth'),
    moisture: named('moisture'),
    pressure: named('pressure'),
    cover: named('cover'),
    breeze: named('breeze'),
    turning: named('turning'),
    haze: named('haze'),
  }
  return (at_ms: number): Sky => skyAt(streams, spot, at_ms)
}

type Streams = Record<
  'fronts' | 'showers' | 'bursts' | 'warmth' | 'moisture' | 'pressure' | 'cover' | 'breeze' | 'turning' | 'haze',
  Stream
>

interface Fronts {
  chill: number
  wash: number
  wind: number
  northWest: number
}

/** What the fronts of the last days still do. Winter's are strong, summer's weak. */
function frontsAt(stream: Stream, at_ms: number): Fronts {
  const sum: Fronts = { chill: 0, wash: 0, wind: 0, northWest: 0 }
  for (const front of happenings(stream, FRONT_SLOT_MS, [at_ms - 8 * DAY_MS, at_ms], () => FRONT_CHANCE)) {
    const [size, haste] = sizes(stream, front)
    const winter = 0.5 + 0.5 * Math.cos((2 * Math.PI * (dayOfYear(front.at_ms) - 15)) / 365.25)
    const strength = (0.35 + 0.65 * size) * (0.6 + 0.4 * winter)
    const since_h = (at_ms - front.at_ms) / HOUR_MS
    const came = strength * ramp(since_h / (2 + 4 * haste))
    sum.chill += 8 * came * Math.exp(-since_h / 48)
    sum.wash += 3.9 * came * Math.exp(-since_h / (10 + 16 * size))
    sum.wind += 5 * came * Math.exp(-since_h / 9)
    sum.northWest += came * Math.exp(-since_h / 12)
  }
  return sum
}

function showersAround(stream: Stream, at_ms: number): Shower[] {
  const chance = (when_ms: number) => Math.min(0.8, (RAIN_DAYS[month(when_ms)] ?? 0) / 30 / 2)
  return happenings(stream, SHOWER_SLOT_MS, [at_ms - 30 * HOUR_MS, at_ms + 4 * HOUR_MS], chance).map((shower) => {
    const [size, length] = sizes(stream, shower)
    const when = month(shower.at_ms)
    // 1.5 slots on a rainy day; the mean of (−ln u)^1.6 is 1.43.
    const mean_mm = (RAIN_MM[when] ?? 0) / ((RAIN_DAYS[when] ?? 1) * 1.5)
    const mm = (mean_mm / 1.43) * (-Math.log(1 - size)) ** 1.6
    return { start_ms: shower.at_ms, length_ms: HOUR_MS * Math.max(0.4 * 18 ** length, mm / MEAN_MM_H_MAX), mm }
  })
}

interface Wet {
  rain_mm_h: number
  /** How far the sky is that of a shower, 0 to 1. */
  overcast: number
  wash: number
}

function wetAt(streams: Streams, at_ms: number): Wet {
  const wet: Wet = { rain_mm_h: 0, overcast: 0, wash: 0 }
  for (const { start_ms, length_ms, mm } of showersAround(streams.showers, at_ms)) {
    const part = (at_ms - start_ms) / length_ms
    const since_h = (at_ms - start_ms) / HOUR_MS
    const over_h = since_h - length_ms / HOUR_MS
    const clouds = since_h < 0 ? ramp(1 + since_h / 3) : ramp(1 - over_h / 3)
    wet.overcast = Math.max(wet.overcast, clouds)
    if (since_h > 0) wet.wash += Math.min(1.3, 0.28 * Math.sqrt(mm)) * ramp(part) * Math.exp(-Math.max(0, over_h) / 9)
    if (part <= 0 || part >= 1) continue
    const bursts = Math.exp(0.5 * wander(streams.bursts, at_ms, 15 * 60_000, 1) - 0.12)
    wet.rain_mm_h += (mm / (length_ms / HOUR_MS)) * 2 * Math.sin(Math.PI * part) ** 2 * bursts
  }
  return wet
}

function skyAt(streams: Streams, spot: Spot, at_ms: number): Sky {
  const fronts = frontsAt(streams.fronts, at_ms)
  const wet = wetAt(streams, at_ms)
  const year = (2 * Math.PI * (dayOfYear(at_ms) - 20)) / 365.25
  const solar_h = (at_ms / HOUR_MS + spot.longitude_deg / 15) % 24
  const sun = sunHeight(spot, at_ms)
  // Ground and air follow the sun by some hours.
  const stirred = Math.max(0, sunHeight(spot, at_ms - 2 * HOUR_MS))
  const season_c = 13.2 - 15.6 * Math.cos(year)
  const veil = 1.3 * wander(streams.cover, at_ms, 7 * HOUR_MS) - 0.35 - 0.45 * Math.cos(year) - 0.5 * fronts.northWest
  const cover = Math.max(1 / (1 + Math.exp(-2 * veil)), 0.97 * wet.overcast)
  const lately = wander(streams.cover, at_ms - 3 * HOUR_MS, 7 * HOUR_MS, 0)
  const swing_c = 6.6 - 3.2 * ramp((lately + 1.2) / 2.4) - 2 * wet.overcast
  const day_c = swing_c * (Math.cos(((solar_h - 14.3) / 12) * Math.PI) + 0.16 * Math.cos(((solar_h - 3) / 6) * Math.PI))
  const warm_c = 2.6 * wander(streams.warmth, at_ms, 2.5 * DAY_MS, 4)
  const temperature_c = season_c + day_c + warm_c + 1.5 - fronts.chill - 2.5 * wet.overcast * Math.max(0, sun)
  const moist_c = 4.4 * wander(streams.moisture, at_ms, 2.2 * DAY_MS, 3)
  const dry_c = 2.6 - 16.2 * Math.cos(year) + moist_c + 1.9 - 1.5 * fronts.chill
  const dew_point_c = Math.min(temperature_c - 0.15, dry_c + (temperature_c - dry_c) * 0.85 * wet.overcast)
  const breeze = Math.exp(0.45 * wander(streams.breeze, at_ms, 5 * HOUR_MS) - 0.1)
  const wind_m_s = 1.7 * breeze * (0.55 + 1.1 * stirred) + fronts.wind + 0.12 * Math.min(25, wet.rain_mm_h)
  const calm = Math.exp(-wind_m_s / 1.8) * (1 - stirred)
  // Valley breeze: south by day, north-east by night; a front turns it to the north-west.
  const usual_deg =
    120 + 80 * Math.sin(((solar_h - 10) / 12) * Math.PI) + 55 * wander(streams.turning, at_ms, 9 * HOUR_MS)
  const north = Math.min(1, 1.4 * fronts.northWest)
  const wind_deg = (((usual_deg + (320 - usual_deg) * north) % 360) + 360) % 360
  const haze =
    4.6 +
    0.15 * Math.cos(year) +
    0.68 * wander(streams.haze, at_ms, 1.1 * DAY_MS, 4) +
    // Moist air from the south brings it, and makes it grow.
    0.07 * moist_c +
    0.18 * Math.cos(((solar_h - 22.5) / 12) * Math.PI) +
    0.07 * Math.cos(((solar_h - 9) / 6) * Math.PI) +
    0.1 * calm -
    fronts.wash -
    wet.wash
  return {
    temperature_c,
    dew_point_c,
    pressure_hpa:
      1014.3 + 11.3 * Math.cos(year) + 3.8 * wander(streams.pressure, at_ms, 2 * DAY_MS) + 0.9 * fronts.chill,
    cover,
    wind_m_s,
    wind_deg,
    rain_mm_h: temperature_c > 0.5 ? wet.rain_mm_h : 0,
    pm25_ug_m3: Math.min(950, 3 + Math.exp(haze)),
    calm,
    sun,
  }
}
