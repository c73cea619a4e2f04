import type { IncidentTier } from '../contract/incident.ts'
import type { Place } from '../contract/meta.ts'
import { localDate } from '../local-date.ts'
import { DAYS, type IncidentConfig, isIn, type Rule, type Shift, type Team } from './config.ts'
import type { Moment } from './types.ts'

/** Who is on shift, and which team an incident goes to. */

interface LocalTime {
  day: number
  minute: number
}

/**
 * By the clock on the wall of the site: where the hour is set back a shift lasts an hour longer, where it is set forward an
 * hour less, and nowhere is there a gap between a shift that ends and one that begins at the same hour.
 */
function localTime(wall_ms: number, timeZone: string): LocalTime {
  const { dayOfWeek, hour, minute } = localDate(wall_ms, timeZone)
  return { day: dayOfWeek - 1, minute: hour * 60 + minute }
}

function isOn({ days, from, to }: Shift, { day, minute }: LocalTime): boolean {
  const begins = (on: number) => days === undefined || days.includes(DAYS[on] as (typeof DAYS)[number])
  const from_min = minutes(from)
  const to_min = minutes(to)
  if (from_min < to_min) return begins(day) && minute >= from_min && minute < to_min
  return (begins(day) && minute >= from_min) || (begins((day + 6) % 7) && minute < to_min)
}

function minutes(text: string): number {
  return Number(text.slice(0, 2)) * 60 + Number(text.slice(3))
}

/** Ids of the people of a team who are on shift; everybody while nobody knows what time it is. */
function onShift(
  { shifts }: Team,
  { wall_ms, quality }: Pick<Moment, 'wall_ms' | 'quality'>,
  timeZone: string,
): string[] {
  const local = quality === 'unsynced' ? undefined : localTime(wall_ms, timeZone)
  return [...new Set(shifts.filter((shift) => !local || isOn(shift, local)).flatMap(({ people }) => people))]
}

/** Ids of those to be told at a tier: on shift there; everybody there when nobody is. Empty: the site names nobody. */
export function dutyOf(config: IncidentConfig, tier: IncidentTier, place: Place | undefined, now: Moment): string[] {
  const teams = Object.values(config.teams).filter((team) => team.tier === tier && isIn(team.places, place))
  return peopleOf(config, teams, now)
}

export function teamDuty(config: IncidentConfig, team: string | undefined, now: Moment): string[] {
  const found = team === undefined ? undefined : config.teams[team]
  return found ? peopleOf(config, [found], now) : []
}

function peopleOf({ timeZone }: IncidentConfig, teams: readonly Team[], now: Moment): string[] {
  const there = teams.flatMap((team) => onShift(team, now, timeZone))
  return [...new Set(there.length > 0 ? there : teams.flatMap(({ shifts }) => shifts.flatMap(({ people }) => people)))]
}

/**
 * The team of the rule, else one with its skill at this place: rather one that has somebody on shift, rather one that is for
 * this place alone, rather the nearer tier; the first of the site among equals.
 */
export function teamFor(
  config: IncidentConfig,
  rule: Pick<Rule, 'team' | 'skill'>,
  place: Place | undefined,
  now: Moment,
): string | undefined {
  if (rule.team !== undefined && Object.hasOwn(config.teams, rule.team)) return rule.team
  let best: { id: string; score: number } | undefined
  for (const [id, team] of Object.entries(config.teams)) {
    const fits =
      isIn(team.places, place) && (rule.skill === undefined || (team.skills ?? [team.sort]).includes(rule.skill))
    if (!fits || team.tier === 'community' || team.tier === 'street') continue
    const isThere = onShift(team, now, config.timeZone).length > 0
    const score = (isThere ? 4 : 0) + (team.places ? 2 : 0) + (team.tier === 'building' ? 1 : 0)
    if (!best || score > best.score) best = { id, score }
  }
  return best?.id
}
