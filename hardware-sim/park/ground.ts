/** What remembers the weather of weeks: soil, pond, and what has been counted. Pure; stepped in minutes. */

export interface Ground {
  /** Share of the volume that is water, %. */
  moisture_percent: number
  soil_c: number
  /** Salt in the soil, as bulk conductivity at full saturation, µS/cm. */
  salt_us_cm: number
  pond_m: number
  /** Since the world began. */
  rain_mm: number
  visits: number
}

export interface GroundInput {
  temperature_c: number
  /** Sine of the sun's elevation, and the share of the sky that is covered. */
  sun: number
  cover: number
  wind_m_s: number
  /** Fell in this step. */
  rain_mm: number
  irrigation_mm: number
  fountain_s: number
  visits: number
}

/** Loam: wilting point, field capacity and porosity, % of volume (USDA texture classes, rounded), in the upper 15 cm. */
export const WILTING_PERCENT = 9
const FIELD_PERCENT = 28
const FULL_PERCENT = 45
const DEPTH_MM = 150
const POND_FULL_M = 1.3
/** A float valve keeps this. */
const POND_KEPT_M = 1
/** Roofs and paths around drain into the pond. */
const CATCHMENT = 3
const HOUR_S = 3600

export const FIRST_GROUND: Ground = {
  moisture_percent: 22,
  soil_c: 14,
  salt_us_cm: 1100,
  pond_m: 1.15,
  rain_mm: 0,
  visits: 0,
}

/** Hourly potential evaporation in mm: up to 0.8 in full sun on a hot day, some in dry wind at night. */
function evaporation_mm_h({ temperature_c, sun, cover, wind_m_s }: GroundInput): number {
  const light = Math.max(0, sun) * (1 - 0.65 * cover)
  return Math.max(0, 0.02 * (temperature_c + 8)) * (light + 0.02 * wind_m_s)
}

export function stepGround(ground: Ground, input: GroundInput, step_s: number): Ground {
  const hours = step_s / HOUR_S
  const could_mm = evaporation_mm_h(input) * hours
  const dry = Math.min(1, Math.max(0, (ground.moisture_percent - WILTING_PERCENT) / (FIELD_PERCENT - WILTING_PERCENT)))
  const wetted_mm = input.rain_mm + input.irrigation_mm
  // What the soil cannot take runs off.
  const taken_mm = Math.min(wetted_mm, ((FULL_PERCENT - ground.moisture_percent) * DEPTH_MM) / 100)
  const drained = Math.max(0, ground.moisture_percent - FIELD_PERCENT) * (1 - Math.exp(-hours / 14))
  const moisture_percent = ground.moisture_percent + (100 * (taken_mm - could_mm * dry)) / DEPTH_MM - drained
  const warmed_c = input.temperature_c + 4 * Math.max(0, input.sun) * (1 - input.cover) + (taken_mm > 0 ? -1 : 0)
  const fountain_m = (input.fountain_s / HOUR_S) * 0.004
  const pond_m = ground.pond_m + (input.rain_mm * CATCHMENT - could_mm) / 1000 - fountain_m
  return {
    moisture_percent: Math.max(WILTING_PERCENT - 2, moisture_percent),
    // At 10 cm the day comes through hours later and damped.
    soil_c: ground.soil_c + (warmed_c - ground.soil_c) * (1 - Math.exp(-hours / 9)),
    // Rain leaches it, hard tap water brings some.
    salt_us_cm:
      ground.salt_us_cm +
      (1100 - ground.salt_us_cm) * (1 - Math.exp(-hours / 2000)) -
      input.rain_mm * 1.5 +
      input.irrigation_mm * 0.8,
    pond_m:
      pond_m > POND_FULL_M
        ? POND_FULL_M + (pond_m - POND_FULL_M) * Math.exp(-hours / 0.7)
        : Math.max(POND_KEPT_M, pond_m),
    rain_mm: ground.rain_mm + input.rain_mm,
    visits: ground.visits + input.visits,
  }
}

/** Bulk conductivity rises with water and with 2 % a degree (referred to 25 °C). */
export function conductivity_us_cm({ moisture_percent, salt_us_cm, soil_c }: Ground): number {
  return salt_us_cm * (moisture_percent / FULL_PERCENT) ** 1.5 * (1 + 0.02 * (soil_c - 25))
}
