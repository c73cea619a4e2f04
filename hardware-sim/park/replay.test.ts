import { describe, expect, it } from 'vitest'
import type { ReplayConfig } from './config.ts'
import { replayed } from './replay.ts'
import { createWeather } from './weather.ts'

const HOUR_MS = 3_600_000
const drawn = createWeather(1, { latitude_deg: 39.9, longitude_deg: 116.4 })
const beijing: ReplayConfig = {
  csv: 'hours.csv',
  time: { year: 'year', month: 'month', day: 'day', hour: 'hour', utc_offset_min: 480 },
  columns: { temperature_c: 'TEMP', dew_point_c: 'DEWP', pm25_ug_m3: 'pm2.5', pressure_hpa: 'PRES' },
}
const FILE = [
  'No,year,month,day,hour,pm2.5,DEWP,TEMP,PRES,cbwd,Iws,Is,Ir',
  '1,2010,1,1,0,NA,-21,-11,1021,NW,1.79,0,0',
  '2,2010,1,1,1,100,-21,-12,1020,NW,4.92,0,0',
  '',
  '3,2010,1,1,2,,-20,-10,1019,NW,6.71,0,0',
  '4,2010,1,1,3,160,-20,-8,1019,NW,9.84,0,0',
  '5,2010,1,1,23,40,-20,-4,1010,NW,9.84,0,0',
  '6,2010,1,2,0,60,-20,-4,1010,NW,9.84,0,0',
]
const START_MS = Date.UTC(2009, 11, 31, 16)

/** A file that counts how often it was opened. */
function tape(lines: readonly string[], config = beijing) {
  let opened = 0
  function open() {
    opened++
    return lines[Symbol.iterator]()
  }
  const sky = replayed(config, open, drawn)
  return { sky, opened: () => opened }
}

describe('a record of the weather', () => {
  it('takes the place of what would be drawn, between its lines on a straight line', () => {
    const { sky } = tape(FILE)
    const at = (hours: number) => sky(START_MS + hours * HOUR_MS)
    expect(at(0).temperature_c).toBe(-11)
    expect(at(1.5).temperature_c).toBe(-11)
    expect(at(1.5).dew_point_c).toBe(-20.5)
    // Empty at 2 h: between 1 h and 3 h.
    expect(at(2).pm25_ug_m3).toBe(130)
    expect(at(23.5).pm25_ug_m3).toBe(50)
    expect(at(1).cover).toBe(drawn(START_MS + HOUR_MS).cover)
  })

  it('says nothing in its gaps, before its first value and after its last line', () => {
    const { sky } = tape(FILE)
    for (const hours of [-1, 0.5, 10, 30]) {
      const at_ms = START_MS + hours * HOUR_MS
      expect(sky(at_ms).pm25_ug_m3).toBe(drawn(at_ms).pm25_ug_m3)
    }
  })

  it('begins anew for a moment far behind', () => {
    const long = FILE.slice(0, 1).concat(
      Array.from({ length: 400 }, (_, hour) => {
        const at = new Date(Date.UTC(2010, 0, 1, hour))
        return `1,2010,${at.getUTCMonth() + 1},${at.getUTCDate()},${at.getUTCHours()},${hour},-30,-8,1000`
      }),
    )
    const { sky, opened } = tape(long)
    expect(sky(START_MS + 398 * HOUR_MS).pm25_ug_m3).toBe(398)
    expect(sky(START_MS + 397 * HOUR_MS).pm25_ug_m3).toBe(397)
    expect(opened()).toBe(1)
    expect(sky(START_MS + HOUR_MS).pm25_ug_m3).toBe(1)
    expect(opened()).toBe(2)
  })

  it('reads times in one column, with their zone or that of the file', () => {
    const lines = ['time,wind', '2026-06-01T00:00:00+08:00,2', '"2026-06-01T01:00:00+08:00",4']
    const config: ReplayConfig = { csv: 'w.csv', time: { column: 'time' }, columns: { wind_m_s: 'wind' } }
    expect(tape(lines, config).sky(Date.parse('2026-05-31T16:30:00Z')).wind_m_s).toBe(3)
    const plain = ['time,wind', '2026-06-01 00:00,2', '2026-06-01 01:00,4']
    const local = { ...config, time: { column: 'time', utc_offset_min: 480 } }
    expect(tape(plain, local).sky(Date.parse('2026-05-31T16:15:00Z')).wind_m_s).toBe(2.5)
  })

  it.each([
    [['a,b'], /hours\.csv line 1: has no column "year", only a, b/],
    [[], /hours\.csv line 1: has no column "year"/],
    [FILE.slice(0, 2).concat(FILE[1] ?? ''), /hours\.csv line 3: must have a time after that of the line before/],
    [FILE.slice(0, 1).concat('1,2010,1,x,0,5,1,1,1'), /hours\.csv line 2: must have a time/],
  ])('that does not fit says where: %#', (lines, message) => {
    expect(() => tape(lines).sky(START_MS)).toThrow(message)
  })
})
