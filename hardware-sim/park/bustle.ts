/** What a city does by the hour: traffic, and visitors of a park. */

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** Share of the busiest hour, each at its middle, from midnight on. Two rush hours on a plateau. */
const TRAFFIC = [12, 8, 6, 6, 10, 25, 55, 90, 100, 85, 75, 75, 70, 72, 75, 78, 85, 98, 95, 75, 60, 48, 35, 20]
/** A pocket park: exercise at dawn, children after school, dancing in the evening. */
const WEEKDAY = [0, 0, 0, 0, 1, 12, 40, 55, 48, 45, 38, 25, 20, 24, 32, 45, 65, 80, 75, 90, 70, 30, 8, 2]
const WEEKEND = [1, 0, 0, 0, 1, 8, 30, 48, 65, 85, 90, 70, 55, 60, 80, 95, 100, 90, 75, 90, 70, 34, 12, 4]

/** Between the middles of two hours, on a straight line. */
function profile(hours: readonly number[], local_ms: number): number {
  const at = local_ms / HOUR_MS - 0.5 + 24
  const hour = Math.floor(at)
  const before = hours[hour % 24] ?? 0
  const after = hours[(hour + 1) % 24] ?? 0
  return (before + (at - hour) * (after - before)) / 100
}

const isWeekend = (local_ms: number) => [0, 6].includes(new Date(local_ms).getUTCDay())

/** 0 to 1. @param local_ms epoch ms plus the zone's offset */
export function trafficAt(local_ms: number): number {
  return profile(TRAFFIC, local_ms % DAY_MS) * (isWeekend(local_ms) ? 0.75 : 1)
}

export interface Comfort {
  temperature_c: number
  rain_mm_h: number
  pm25_ug_m3: number
}

/** Visits, as a share of the busiest hour of a fine weekend: fewer when it is wet, hot, cold or smells. */
export function visitsAt(local_ms: number, { temperature_c, rain_mm_h, pm25_ug_m3 }: Comfort): number {
  const usual = profile(isWeekend(local_ms) ? WEEKEND : WEEKDAY, local_ms % DAY_MS)
  const dry = 1 / (1 + 4 * rain_mm_h)
  const mild = Math.exp(-(Math.max(0, 10 - temperature_c, 1.5 * (temperature_c - 29)) ** 2) / 260)
  const clean = 1 / (1 + (pm25_ug_m3 / 220) ** 2)
  return usual * dry * mild * clean
}
