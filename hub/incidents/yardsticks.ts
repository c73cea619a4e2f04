import { localDate } from '../local-date.ts'
import { type Archive, GOAL_MS, type MonthCounts } from './archive/types.ts'
import type { Incident } from './types.ts'

/** The three shares that the district asks for, by month: resolved within 2 h (95 %), resolved (95 %), answered (100 %). */

export interface Yardstick extends MonthCounts {
  /** 0 to 1; null without any. False alarms are in none. */
  shares: { inTime: number | null; resolved: number | null; answered: number | null }
}

export const GOALS = { inTime: 0.95, resolved: 0.95, answered: 1 } as const

/** YYYY-MM of when it was raised, in the time of the site. */
export function monthOf({ raised }: Pick<Incident, 'raised'>, timeZone: string): string {
  return localDate(raised.wall_ms, timeZone).toPlainDate().toPlainYearMonth().toString()
}

/** What the archive counted, with those that are not there yet. */
export async function yardsticks(
  archive: Pick<Archive, 'months'>,
  live: Iterable<{ incident: Incident }>,
  { from, to, timeZone }: { from: string; to: string; timeZone: string },
): Promise<Yardstick[]> {
  const months = new Map((await archive.months(from, to)).map((counts) => [counts.month, { ...counts }]))
  for (const { incident } of live) {
    const month = monthOf(incident, timeZone)
    if (month < from || month > to) continue
    const counts = months.get(month) ?? { month, raised: 0, falseAlarms: 0, resolved: 0, inTime: 0, answered: 0 }
    months.set(month, counts)
    count(counts, incident)
  }
  return [...months.values()].sort((a, b) => (a.month < b.month ? -1 : 1)).map(withShares)
}

function count(counts: MonthCounts, { status, reached, raised }: Incident): void {
  const { resolved } = reached
  counts.raised += 1
  if (status === 'false-alarm') counts.falseAlarms += 1
  if (resolved) counts.resolved += 1
  if (resolved && resolved.run_ms - raised.run_ms <= GOAL_MS) counts.inTime += 1
  if (status === 'answered') counts.answered += 1
}

function withShares(counts: MonthCounts): Yardstick {
  const real = counts.raised - counts.falseAlarms
  const share = (part: number) => (real === 0 ? null : part / real)
  const { inTime, resolved, answered } = counts
  return { ...counts, shares: { inTime: share(inTime), resolved: share(resolved), answered: share(answered) } }
}
