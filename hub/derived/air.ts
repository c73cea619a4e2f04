import type { SenmlPack } from '../contract/senml.ts'
import type { RawReading, Series } from '../history/types.ts'
import { type Aqi, dailyAqi, type Means, POLLUTANTS, type Pollutant, realTimeAqi, realTimeIaqi } from './aqi.ts'
import { greatest8h, HOLD_MS, hourMeans, mean8h, mean24h, medianOf, type Sample } from './means.ts'
import { dewPoint, heatIndex } from './thermal.ts'

/** What is derived from the readings of one place. Pure. */

/** Readings of one sensor, sorted by time. */
export interface Sensor {
  quantity: string
  unit: string
  samples: Sample[]
}

/** Derived readings of one moment; without a value there were too few good readings. */
export interface Derived {
  n: string
  u: string
  v: number | undefined
}

const CO_UNITS: Record<string, number> = { 'mg/m3': 1, 'ug/m3': 1e-3 }
const OTHER_UNITS: Record<string, number> = { 'ug/m3': 1, 'mg/m3': 1e3 }
/** Decimals of derived temperatures and of concentrations: more would claim what no sensor here knows. */
const DECIMALS = 1
const HOURS = 24

export function sensorsOf(series: Series[], readings: RawReading[]): Map<number, Sensor> {
  const sensors = new Map<number, Sensor>(series.map(({ id, quantity, unit }) => [id, { quantity, unit, samples: [] }]))
  for (const { series: id, t_ms, value, quality } of readings)
    sensors.get(id)?.samples.push({ t_ms, value: quality === 'good' && value !== null ? value : undefined })
  return sensors
}

/** Heat index and dew point now; empty where nothing measures both temperature and humidity. */
export function thermalOf(sensors: Sensor[], now_ms: number): Derived[] {
  const temperatures = sensors.filter(({ quantity, unit }) => quantity === 'temperature' && unit === 'Cel')
  const humidities = sensors.filter(({ quantity, unit }) => quantity === 'humidity' && unit === '%RH')
  if (temperatures.length === 0 || humidities.length === 0) return []
  const temperature = medianOf(temperatures.map((one) => latest(one, now_ms)))
  const humidity = medianOf(humidities.map((one) => latest(one, now_ms)))
  const isKnown = temperature !== undefined && humidity !== undefined
  const index = isKnown ? heatIndex(temperature, humidity) : undefined
  const dew = isKnown ? dewPoint(temperature, humidity) : undefined
  // On a cold day there is no heat index; that is no lack of readings.
  const heat = isKnown && index === undefined ? [] : [{ n: 'heat-index', u: 'Cel', v: rounded(index) }]
  return [...heat, { n: 'dew-point', u: 'Cel', v: rounded(dew) }]
}

export interface AirQuality {
  aqi: Aqi | undefined
  readings: Derived[]
}

/** The air quality of the hour that ended; undefined where nothing measures a pollutant. */
export function airOf(sensors: Sensor[], hour_ms: number): AirQuality | undefined {
  const means: Partial<Record<Pollutant, Means>> = {}
  for (const pollutant of POLLUTANTS) {
    const hours = hoursOf(sensors, pollutant, hour_ms)
    if (hours) means[pollutant] = { '1h': hours.at(-1), '8h': mean8h(hours.slice(-8)), '24h': mean24h(hours) }
  }
  if (Object.keys(means).length === 0) return undefined
  const aqi = realTimeAqi(means)
  const each = Object.entries(means) as [Pollutant, Means][]
  const readings = each.flatMap(([pollutant, found]): Derived[] => {
    const u = pollutant === 'co' ? 'mg/m3' : 'ug/m3'
    const windows = pollutant === 'o3' ? (['1h', '8h'] as const) : (['1h', '24h'] as const)
    const concentrations = windows.map((window) => ({ n: `${pollutant}.${window}`, u, v: rounded(found[window]) }))
    return [...concentrations, { n: `iaqi.${pollutant}`, u: '/', v: realTimeIaqi(pollutant, found) }]
  })
  return { aqi, readings: [...headOf('aqi', aqi), ...readings] }
}

/** The air quality of the calendar day that ended at this moment. */
export function airOfDay(sensors: Sensor[], day_end_ms: number): AirQuality | undefined {
  const means: Partial<Record<Pollutant, Means>> = {}
  for (const pollutant of POLLUTANTS) {
    const hours = hoursOf(sensors, pollutant, day_end_ms)
    if (!hours) continue
    const most = Math.max(...hours.filter((value) => value !== undefined))
    means[pollutant] = pollutant === 'o3' ? { '1h': most, '8h': greatest8h(hours) } : { '24h': mean24h(hours) }
  }
  if (Object.keys(means).length === 0) return undefined
  const aqi = dailyAqi(means)
  return { aqi, readings: headOf('aqi.day', aqi) }
}

/** Derived readings as a pack: what could not be derived says so. */
export function packOf(
  device: string,
  t_ms: number,
  derived: Derived[],
  aqi?: { name: string; value: Aqi | undefined },
): SenmlPack {
  const records: SenmlPack = derived.map(({ n, u, v }) =>
    v === undefined ? { n, u, vs: 'missing-data', q: 'bad', qr: 'missing-data' } : { n, u, v },
  )
  // Names are text: they are no readings, and the history leaves them out.
  if (aqi?.value) {
    records.push({ n: `${aqi.name}.category`, vs: aqi.value.level.zh })
    if (aqi.value.primary.length > 0) records.push({ n: `${aqi.name}.primary`, vs: aqi.value.primary.join(',') })
  }
  return records.map((record, index) => (index === 0 ? { bn: `${device}/`, bt: t_ms / 1000, ...record } : record))
}

function headOf(name: string, aqi: Aqi | undefined): Derived[] {
  return [
    { n: name, u: '/', v: aqi?.value },
    { n: `${name}.level`, u: '/', v: aqi?.level.level },
  ]
}

/** Hourly means of a pollutant over a day, the middle one of the sensors each; undefined where nothing measures it. */
function hoursOf(sensors: Sensor[], pollutant: Pollutant, to_ms: number): (number | undefined)[] | undefined {
  const factors = pollutant === 'co' ? CO_UNITS : OTHER_UNITS
  const all = sensors
    .filter(({ quantity, unit, samples }) => quantity === pollutant && unit in factors && samples.length > 0)
    .map(({ unit, samples }) => hourMeans(samples, to_ms, HOURS).map((mean) => scaled(mean, factors[unit])))
  if (all.length === 0) return undefined
  return Array.from({ length: HOURS }, (_, hour) => medianOf(all.map((hours) => hours[hour])))
}

/** The last reading, if it is good and still holds. */
function latest({ samples }: Sensor, now_ms: number): number | undefined {
  const last = samples.findLast(({ t_ms }) => t_ms <= now_ms)
  return last && now_ms - last.t_ms < HOLD_MS ? last.value : undefined
}

function rounded(value: number | undefined): number | undefined {
  return value === undefined ? undefined : Number(value.toFixed(DECIMALS))
}

function scaled(value: number | undefined, factor = 1): number | undefined {
  return value === undefined ? undefined : value * factor
}
