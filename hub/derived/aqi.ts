/**
 * The air quality index of HJ 633-2012 (环境空气质量指数(AQI)技术规定(试行)). Pure. Concentrations are in µg/m³, of CO in
 * mg/m³. Table 1 and its notes are taken from secondary copies, not from the ministry's own document: whoever reports by this
 * index officially compares them with that first. What a real-time report consists of follows the answer of Shenzhen's bureau
 * of ecology and environment (meeb.sz.gov.cn, post 12340768).
 */

export const POLLUTANTS = ['so2', 'no2', 'pm10', 'co', 'o3', 'pm2.5'] as const
export type Pollutant = (typeof POLLUTANTS)[number]

/** Table 1: the index values at its lines. */
const INDEX = [0, 50, 100, 150, 200, 300, 400, 500]
/** No concentration has a higher index. */
const INDEX_MAX = 500

/**
 * Table 1: limits of the concentration at each index. A shorter column ends where the standard stops computing: SO2 1 h above
 * 800 is reported by its 24 h mean (note 2), O3 8 h above 800 by its 1 h mean (note 3). The 1 h columns of SO2, NO2 and CO are for
 * real-time reports only (note 1). Particles have no 1 h column.
 */
const LIMITS = {
  'so2.24h': [0, 50, 150, 475, 800, 1600, 2100, 2620],
  'so2.1h': [0, 150, 500, 650, 800],
  'no2.24h': [0, 40, 80, 180, 280, 565, 750, 940],
  'no2.1h': [0, 100, 200, 700, 1200, 2340, 3090, 3840],
  'pm10.24h': [0, 50, 150, 250, 350, 420, 500, 600],
  'co.24h': [0, 2, 4, 14, 24, 36, 48, 60],
  'co.1h': [0, 5, 10, 35, 60, 90, 120, 150],
  'o3.1h': [0, 160, 200, 300, 400, 800, 1000, 1200],
  'o3.8h': [0, 100, 160, 215, 265, 800],
  'pm2.5.24h': [0, 35, 75, 115, 150, 250, 350, 500],
} as const
export type Column = keyof typeof LIMITS

/** Section 4.4 and appendix A: level, category and colour. */
export const LEVELS = [
  { level: 1, upTo: 50, zh: '优', en: 'excellent', colour: '#00e400' },
  { level: 2, upTo: 100, zh: '良', en: 'good', colour: '#ffff00' },
  { level: 3, upTo: 150, zh: '轻度污染', en: 'lightly polluted', colour: '#ff7e00' },
  { level: 4, upTo: 200, zh: '中度污染', en: 'moderately polluted', colour: '#ff0000' },
  { level: 5, upTo: 300, zh: '重度污染', en: 'heavily polluted', colour: '#99004c' },
  { level: 6, upTo: INDEX_MAX, zh: '严重污染', en: 'severely polluted', colour: '#7e0023' },
] as const
export type Level = (typeof LEVELS)[number]

/** Below it nothing is named as the primary pollutant (4.5). */
const PRIMARY_MIN = 50
/** What floating point leaves above a whole number is not rounded up. */
const ROUNDING = 1e-9

/**
 * The index of one concentration, rounded up to a whole number (4.3); at most 500. Undefined where the column has ended, and for
 * what is no concentration.
 */
export function iaqi(column: Column, concentration: number): number | undefined {
  const limits: readonly number[] = LIMITS[column]
  if (!(concentration >= 0)) return undefined
  const above = limits.findIndex((limit) => concentration <= limit)
  if (above === -1) return limits.length === INDEX.length ? INDEX_MAX : undefined
  if (above === 0) return 0
  const [low, high] = [limits[above - 1] ?? 0, limits[above] ?? 0]
  const [from, to] = [INDEX[above - 1] ?? 0, INDEX[above] ?? 0]
  return Math.ceil(((to - from) / (high - low)) * (concentration - low) + from - ROUNDING)
}

export function levelOf(aqi: number): Level {
  return LEVELS.find(({ upTo }) => aqi <= upTo) ?? LEVELS[5]
}

/** Means of one pollutant; undefined where there are too few readings for one. */
export interface Means {
  '1h'?: number | undefined
  /** Sliding, of O3. */
  '8h'?: number | undefined
  /** Sliding. */
  '24h'?: number | undefined
}

export interface Aqi {
  value: number
  level: Level
  /** Several when they are equal (4.5); none up to 50. */
  primary: Pollutant[]
  /** Of each pollutant that is measured. */
  iaqi: Partial<Record<Pollutant, number>>
}

/**
 * The index as a real-time report has it: SO2, NO2, CO and O3 by their 1 h means, O3 also by its sliding 8 h mean where there is
 * one, particles by their sliding 24 h means. Undefined as soon as one pollutant that is measured has too few readings: an
 * index without the worst of them would be too good.
 */
export function realTimeAqi(means: Partial<Record<Pollutant, Means>>): Aqi | undefined {
  return combined(means, realTimeIaqi)
}

/** The index of one pollutant in a real-time report. */
export function realTimeIaqi(pollutant: Pollutant, means: Means): number | undefined {
  switch (pollutant) {
    case 'pm2.5':
    case 'pm10':
      return of(`${pollutant}.24h`, means['24h'])
    case 'so2':
      return of('so2.1h', means['1h']) ?? (means['1h'] === undefined ? undefined : of('so2.24h', means['24h']))
    case 'o3': {
      const hour = of('o3.1h', means['1h'])
      return hour === undefined ? undefined : Math.max(hour, of('o3.8h', means['8h']) ?? 0)
    }
    default:
      return of(`${pollutant}.1h`, means['1h'])
  }
}

/** The index of a calendar day: 24 h means, of O3 the greatest 8 h mean, as `8h`, and its 1 h mean where that column has ended. */
export function dailyAqi(means: Partial<Record<Pollutant, Means>>): Aqi | undefined {
  return combined(means, (pollutant, { '1h': hour, '8h': eight, '24h': day }) => {
    if (pollutant !== 'o3') return of(`${pollutant}.24h`, day)
    return eight === undefined ? undefined : (of('o3.8h', eight) ?? of('o3.1h', hour))
  })
}

function of(column: Column, concentration: number | undefined): number | undefined {
  return concentration === undefined ? undefined : iaqi(column, concentration)
}

function combined(
  means: Partial<Record<Pollutant, Means>>,
  indexOf: (pollutant: Pollutant, means: Means) => number | undefined,
): Aqi | undefined {
  const indices: Partial<Record<Pollutant, number>> = {}
  for (const pollutant of POLLUTANTS) {
    const measured = means[pollutant]
    if (!measured) continue
    const index = indexOf(pollutant, measured)
    if (index === undefined) return undefined
    indices[pollutant] = index
  }
  const value = Math.max(...Object.values(indices))
  if (!Number.isFinite(value)) return undefined
  const primary = value > PRIMARY_MIN ? POLLUTANTS.filter((one) => indices[one] === value) : []
  return { value, level: levelOf(value), primary, iaqi: indices }
}
