import type { Random } from '../../../hardware-sim/random.ts'

/**
 * A spring in a city of the North China Plain, as one park feels it, in steps of any length. Random, but with the shapes that
 * detectors meet: days, fronts that clear the air within hours, showers, clouds, gusts, rush hours. Its hourly figures are
 * held against the five years of Beijing at UCI (no. 381, CC BY 4.0); the README of the park sensor has both.
 */

export interface Sky {
  temperature: number
  humidity: number
  pm: number
  co2: number
  light: number
  /** mm in this step. */
  rain: number
  wind: number
  direction: number
  soilTemperature: number
  /** Share of volume, %. */
  moisture: number
  /** m above the probe. */
  level: number
  /** Background level without what happens beside the microphone, dB. */
  hum: number
  /** Passages in this step. */
  people: number
}

const HOUR_S = 3600
const DAY_S = 24 * HOUR_S

export function gauss(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}

/** Ornstein and Uhlenbeck's process: wanders, and forgets with its time constant. */
export function wanderer(random: Random, sigma: number, memory_s: number, step_s: number): () => number {
  const keep = Math.exp(-step_s / memory_s)
  const push = sigma * Math.sqrt(1 - keep * keep)
  let value = sigma * gauss(random)
  return () => {
    value = keep * value + push * gauss(random)
    return value
  }
}

/** How many of many rare things happen, on average `mean` (Knuth; means here are small). */
export function poisson(random: Random, mean: number): number {
  const floor = Math.exp(-mean)
  let count = 0
  for (let product = random(); product > floor; product *= random()) count++
  return count
}

/** 0 at night, 1 with the sun in the zenith; sunrise about 6, sunset about 18:30. */
function sunAt(hour: number): number {
  return Math.max(0, Math.sin(((hour - 6) / 12.5) * Math.PI))
}

/** Two peaks of traffic on a plateau by day. */
function bustle(hour: number): number {
  const peak = (at: number, width: number) => Math.exp(-((hour - at) ** 2) / (2 * width * width))
  return (
    0.1 + 0.5 / (1 + Math.exp(-(hour - 7) * 2)) / (1 + Math.exp((hour - 21) * 1.2)) + 0.6 * (peak(8, 1) + peak(18, 1.3))
  )
}

export function createWeather(random: Random, step_s: number): () => Sky {
  const w = (sigma: number, memory_s: number) => wanderer(random, sigma, memory_s, step_s)
  const synoptic = w(4, 3 * DAY_S)
  const turbulence = w(1, 8 * 60)
  const moist = w(5, 2 * DAY_S)
  const haze = w(0.9, 30 * HOUR_S)
  const patches = w(0.06, 15 * 60)
  const cloud = w(1, 5 * HOUR_S)
  const gaps = w(1, 6 * 60)
  const breeze = w(0.45, 3 * HOUR_S)
  const gusts = w(0.28, 25)
  const turning = w(70, 14 * HOUR_S)
  const veer = w(16, 30)
  const stillness = w(25, 6 * HOUR_S)
  const traffic = w(2, 20 * 60)
  const warmth = { air: 15, soil: 14, front: 0, wash: 0, shower: 0, wet: 0 }
  let [shower_s, intensity, frontLeft_s, frontDrop, moisture, level] = [0, 0, 0, 0, 24, 1.2]
  let second = Math.floor(random() * DAY_S)
  const happens = (each_s: number) => random() < step_s / each_s

  const fronts = () => {
    if (frontLeft_s <= 0 && happens(4.5 * DAY_S))
      [frontLeft_s, frontDrop] = [HOUR_S * (1 + 3 * random()), 3 + 6 * random()]
    if (frontLeft_s > 0) {
      warmth.front -= (frontDrop * step_s) / (2.5 * HOUR_S)
      warmth.wash += (2.2 * step_s) / (2.5 * HOUR_S)
      frontLeft_s -= step_s
    }
    warmth.front *= Math.exp(-step_s / (2 * DAY_S))
    warmth.wash *= Math.exp(-step_s / (14 * HOUR_S))
  }
  const showers = () => {
    if (shower_s <= 0 && happens(3 * DAY_S))
      [shower_s, intensity] = [HOUR_S * (0.3 + 3 * random() ** 2), 0.5 + 25 * random() ** 4]
    shower_s -= step_s
    const falls = shower_s > 0
    warmth.shower += ((falls ? -4 : 0) - warmth.shower) * (1 - Math.exp(-step_s / (falls ? 25 * 60 : 2 * HOUR_S)))
    warmth.wet += ((falls ? 8 : 0) - warmth.wet) * (1 - Math.exp(-step_s / (falls ? 15 * 60 : 3 * HOUR_S)))
    return falls ? (Math.max(0, intensity * (0.7 + 0.5 * gauss(random))) * step_s) / HOUR_S : 0
  }

  return () => {
    second += step_s
    const hour = (second % DAY_S) / HOUR_S
    fronts()
    const rain = showers()
    const covered = (1 / (1 + Math.exp(-1.5 * (cloud() - 0.3)))) * (shower_s > 0 ? 0 : 1) + (shower_s > 0 ? 1 : 0)
    const passing = covered > 0.25 && covered < 0.85 && gaps() > 0.6 - covered ? 0.35 : 1
    const sun = sunAt(hour)
    const light = 110_000 * sun * (1 - 0.75 * covered) * passing
    const swing = (7.5 - 4 * covered) * Math.cos(((hour - 15) / 12) * Math.PI)
    const goal = 15 + synoptic() + swing + warmth.front + warmth.shower
    warmth.air += (goal - warmth.air) * (1 - Math.exp(-step_s / (20 * 60)))
    const temperature = warmth.air + (0.08 + 0.25 * sun) * turbulence()
    warmth.soil += (warmth.air - warmth.soil) * (1 - Math.exp(-step_s / (7 * HOUR_S)))
    const dew = Math.min(temperature - 0.2, 3 + moist() + warmth.front * 0.8 + warmth.wet + 0.3 * turbulence())
    const magnus = (celsius: number) => Math.exp((17.62 * celsius) / (243.12 + celsius))
    const calm = Math.exp(-Math.max(0, stillness()) / 40) * (1 - 0.6 * sun)
    const pm = Math.min(900, 62 * Math.exp(haze() + patches() - warmth.wash) * (0.85 + 0.3 * calm)) + 2
    const mean = 2.4 * Math.exp(breeze()) * (0.55 + 0.6 * sun) + (frontLeft_s > 0 ? 4 : 0)
    moisture += (rain * (45 - moisture)) / 120 - (step_s / DAY_S) * 0.35 * (moisture - 8) * (0.2 + sun) * 0.25
    level += rain * 0.004 - (step_s / DAY_S) * 0.02 * (level - 0.9)
    return {
      temperature,
      humidity: Math.min(100, (100 * magnus(dew)) / magnus(temperature)),
      pm,
      co2: 425 + 45 * calm + 20 * bustle(hour),
      light,
      rain,
      wind: Math.max(0, mean * (1 + gusts())),
      direction: (((200 + 2 * turning() + veer() * (mean < 1 ? 2 : 1)) % 360) + 360) % 360,
      soilTemperature: warmth.soil,
      moisture,
      level,
      hum: 40 + 13 * Math.min(1, bustle(hour)) + traffic(),
      people: poisson(random, (bustle(hour) * 40 * step_s) / HOUR_S),
    }
  }
}
