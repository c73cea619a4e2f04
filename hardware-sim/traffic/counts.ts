import { SimError } from '../error.ts'

/** How many came in one interval, by when it begins after the first, in ms. */
export interface Interval {
  start_ms: number
  length_ms: number
  count: number
}

const LINE = /^(\d+),(\d\d)\/(\d\d)\/(\d\d),(\d\d):(\d\d):(\d\d),(\d+)$/
const COUNT_MAX = 100_000
const LENGTH_MS_MAX = 86_400_000

/**
 * Reads counts of one flow: `flow,MM/DD/YY,HH:MM:SS,count`, no header, blank lines anywhere.
 * @param from `MM/DD/YY HH:MM:SS` of the first interval
 * @throws SimError SIM_CONFIG_INVALID naming the line
 */
export function parseCounts(text: string, name: string, flow: number, from: string | undefined): Interval[] {
  const rows: { at_ms: number; count: number }[] = []
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '') continue
    const found = LINE.exec(line.trim())
    const at_ms = found ? time(found.slice(2, 8).map(Number)) : undefined
    const count = Number(found?.[8])
    if (!found || at_ms === undefined || count > COUNT_MAX) {
      throw new SimError(
        'SIM_CONFIG_INVALID',
        `${name} line ${index + 1}: must be flow,MM/DD/YY,HH:MM:SS,count, found ${JSON.stringify(line.slice(0, 80))}`,
      )
    }
    if (Number(found[1]) === flow) rows.push({ at_ms, count })
  }
  rows.sort((left, right) => left.at_ms - right.at_ms)
  const start_ms = from === undefined ? rows[0]?.at_ms : time(from.split(/[/ :]/).map(Number))
  const wanted = rows.filter(({ at_ms }) => at_ms >= (start_ms ?? 0))
  if (start_ms === undefined || wanted.length === 0) {
    throw new SimError(
      'SIM_CONFIG_INVALID',
      `${name}: no counts of flow ${flow}${from === undefined ? '' : ` from ${from} on`}`,
    )
  }
  const length_ms = shortestGap(rows)
  return wanted.map(({ at_ms, count }) => ({ start_ms: at_ms - start_ms, length_ms, count }))
}

/** The file does not say how long its intervals are; their distance does. */
function shortestGap(rows: readonly { at_ms: number }[]): number {
  let shortest_ms = LENGTH_MS_MAX
  for (const [index, { at_ms }] of rows.entries()) {
    const gap_ms = at_ms - (rows[index - 1]?.at_ms ?? Number.NEGATIVE_INFINITY)
    if (gap_ms > 0) shortest_ms = Math.min(shortest_ms, gap_ms)
  }
  return shortest_ms
}

/** The file's clock has no zone: only distances count. @returns undefined for a moment that does not exist */
function time([month = 0, day = 0, year = 0, hour = 0, minute = 0, second = 0]: number[]): number | undefined {
  const at = new Date(Date.UTC(2000 + year, month - 1, day, hour, minute, second))
  const same = at.getUTCMonth() === month - 1 && at.getUTCDate() === day && at.getUTCHours() === hour
  return same && at.getUTCMinutes() === minute && at.getUTCSeconds() === second ? at.getTime() : undefined
}
