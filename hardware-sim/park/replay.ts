import { SimError } from '../error.ts'
import type { ReplayConfig } from './config.ts'
import type { Sky } from './weather.ts'

type Field = keyof ReplayConfig['columns']
type Row = { at_ms: number } & Partial<Record<Field, number>>

const FIELDS: readonly Field[] = [
  'temperature_c',
  'dew_point_c',
  'pressure_hpa',
  'cover',
  'wind_m_s',
  'wind_deg',
  'rain_mm_h',
  'pm25_ug_m3',
]
const GAP_MS = 3 * 3_600_000
/** Rows behind that are kept: the parks of a city are minutes apart. */
const KEPT_ROWS = 64
/** Frames are made up to half an hour before the world needs them, and soils are warmed up in long steps. */
const BACK_MS = 6 * 3_600_000

/** Lines of a text that is longer than memory, one at a time. */
export type Lines = Iterator<string>

/**
 * The sky with what a record says put in its place. Empty fields and words stand for no value; lines must be in the order of time.
 * @param open begins to read the file anew
 * @throws SimError SIM_CONFIG_INVALID when a column is missing or a line does not fit, with its number
 */
export function replayed(
  config: ReplayConfig,
  open: () => Lines,
  drawn: (at_ms: number) => Sky,
): (at_ms: number) => Sky {
  const gap_ms = config.gap_ms ?? GAP_MS
  let tape = createTape(config, open())

  return (at_ms) => {
    if (at_ms + BACK_MS < tape.first_ms()) tape = createTape(config, open())
    tape.forward(at_ms)
    const sky = drawn(at_ms)
    for (const field of FIELDS) {
      const said = config.columns[field] === undefined ? undefined : tape.read(field, at_ms, gap_ms)
      if (said !== undefined) sky[field] = said
    }
    sky.dew_point_c = Math.min(sky.dew_point_c, sky.temperature_c)
    return sky
  }
}

function createTape(config: ReplayConfig, lines: Lines) {
  const parse = readHeader(config, lines)
  const rows: Row[] = []
  let ended = false

  function pull(): void {
    const row = parse()
    if (row === undefined) ended = true
    else rows.push(row)
    if (rows.length > 2 * KEPT_ROWS) rows.splice(0, KEPT_ROWS)
  }

  /** The nearest rows with a value, on both sides. */
  function read(field: Field, at_ms: number, gap_ms: number): number | undefined {
    const before = rows.findLast((row) => row.at_ms <= at_ms && row[field] !== undefined)
    const after = rows.find((row) => row.at_ms > at_ms && row[field] !== undefined)
    const [low, high] = [before?.[field], after?.[field]]
    if (!before || !after || low === undefined || high === undefined || after.at_ms - before.at_ms > gap_ms)
      return undefined
    const part = (at_ms - before.at_ms) / (after.at_ms - before.at_ms)
    if (field !== 'wind_deg') return low + (high - low) * part
    const turn = ((high - low + 540) % 360) - 180
    return (low + turn * part + 360) % 360
  }

  return {
    first_ms: () => rows[0]?.at_ms ?? Number.NEGATIVE_INFINITY,
    forward(at_ms: number): void {
      // Some rows ahead, so that a missing value has one behind it.
      while (!ended && (rows.at(-4)?.at_ms ?? Number.NEGATIVE_INFINITY) <= at_ms) pull()
    },
    read,
  }
}

function readHeader({ csv, time, columns }: ReplayConfig, lines: Lines): () => Row | undefined {
  const header = lines.next()
  const names = header.done ? [] : split(header.value)
  const place = (name: string) => {
    const index = names.indexOf(name)
    if (index < 0) fail(`${csv} line 1: has no column "${name}", only ${names.join(', ')}`)
    return index
  }
  const parts = 'column' in time ? [place(time.column)] : [time.year, time.month, time.day, time.hour].map(place)
  const places = FIELDS.flatMap((field) => {
    const name = columns[field]
    return name === undefined ? [] : [[field, place(name)] as const]
  })
  const offset_ms = (time.utc_offset_min ?? 0) * 60_000
  let line = 1
  let last_ms = Number.NEGATIVE_INFINITY

  return () => {
    for (;;) {
      const next = lines.next()
      if (next.done) return undefined
      line++
      if (next.value.trim() === '') continue
      const cells = split(next.value)
      const at_ms = timeOf(parts.map((index) => cells[index] ?? '')) - offset_ms
      if (!(at_ms > last_ms)) fail(`${csv} line ${line}: must have a time after that of the line before`)
      last_ms = at_ms
      const row: Row = { at_ms }
      for (const [field, index] of places) {
        const cell = cells[index] ?? ''
        const value = cell === '' ? Number.NaN : Number(cell)
        if (Number.isFinite(value)) row[field] = value
      }
      return row
    }
  }
}

function split(line: string): string[] {
  return line.split(',').map((cell) => cell.trim().replace(/^"(.*)"$/, '$1'))
}

/** @returns NaN for what is no time */
function timeOf(cells: readonly string[]): number {
  const [first = '', ...rest] = cells
  if (rest.length === 0) return Date.parse(/[zZ]|[+-]\d\d:?\d\d$/.test(first) ? first : `${first.replace(' ', 'T')}Z`)
  const [year = Number.NaN, month = Number.NaN, day = Number.NaN, hour = Number.NaN] = cells.map(Number)
  return Date.UTC(year, month - 1, day, hour)
}

function fail(message: string): never {
  throw new SimError('SIM_CONFIG_INVALID', message)
}
