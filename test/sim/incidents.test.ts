import FakeTimers, { type Clock } from '@sinonjs/fake-timers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createRandom, type Random } from '../../hardware-sim/random.ts'
import { INCIDENT_TIERS, type IncidentClock } from '../../hub/contract/incident.ts'
import type { Archived } from '../../hub/incidents/archive/types.ts'
import { type IncidentConfig, incidentConfig, limitOf } from '../../hub/incidents/config.ts'
import type { StoryEntry } from '../../hub/incidents/types.ts'
import { IncidentRoom, settled } from '../support/incident-room.ts'

/**
 * A year of incidents on virtual time (two months of it unless LINLI_LONG is set): hub killed, machine switched off, wall clock set wrong and right again, shifts that
 * overlap. At the end each story is held against what had to happen, worked out from the steps of people alone.
 */

const SEED = Number(process.env.LINLI_SEED ?? 20261130)
const DAYS = process.env.LINLI_LONG ? 365 : 60
const BEGIN_MS = Date.parse('2027-01-01T00:00:00+08:00')
const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS
const GAPS_MS: Record<IncidentClock, number> = {
  acknowledge: MINUTE_MS,
  dispatch: 5 * MINUTE_MS,
  resolve: 30 * MINUTE_MS,
  answer: DAY_MS,
}
const people = ['li', 'wang', 'zhao', 'chen', 'liu', 'sun']
const person = (id: string) => [id, { name: id, contact: { channel: 'webhook', address: id } }]
const shift = (from: string, to: string, ...on: string[]) => ({ from, to, people: on })
const config: IncidentConfig = incidentConfig(
  {
    people: Object.fromEntries(people.map(person)),
    teams: {
      // Overlaps, over midnight, and one with nobody at night.
      patrol: {
        name: 'p',
        sort: 'patrol',
        tier: 'building',
        shifts: [shift('06:00', '14:30', 'li'), shift('14:00', '22:30', 'wang', 'li'), shift('22:00', '06:30', 'zhao')],
      },
      property: { name: 'o', sort: 'property', tier: 'estate', shifts: [shift('08:00', '18:00', 'chen')] },
      community: { name: 'c', sort: 'mediation', tier: 'community', shifts: [shift('00:00', '00:00', 'liu')] },
      street: { name: 's', sort: 'police', tier: 'street', shifts: [shift('20:00', '20:00', 'sun')] },
    },
  },
  'Asia/Shanghai',
)

let clock: Clock
beforeEach(() => {
  clock = FakeTimers.install({ now: BEGIN_MS, toFake: ['setTimeout', 'clearTimeout', 'Date'] })
})
afterEach(() => void clock.uninstall())

/** Timer after timer, each with what follows from it. */
async function passUntil(until_ms: number): Promise<void> {
  while (clock.countTimers() > 0) {
    const before = Date.now()
    const probe = clock.setTimeout(() => undefined, Math.max(0, until_ms - before))
    clock.next()
    clock.clearTimeout(probe)
    await settled(8)
    if (Date.now() >= until_ms) return
  }
  if (Date.now() < until_ms) clock.setSystemTime(until_ms)
}

interface Planned {
  at_ms: number
  do: () => Promise<void>
}

class Year {
  readonly room = new IncidentRoom(4 * HOUR_MS)
  readonly random: Random
  readonly plan: Planned[] = []
  readonly handled = new Set<string>()
  kills = 0

  constructor(seed: number) {
    this.random = createRandom(seed)
    this.room.config = () => config
  }
  between = (from: number, to: number) => from + Math.floor(this.random() * (to - from))
  /** Mostly at once, at times very late. */
  delay = (usual_ms: number) =>
    Math.round(usual_ms * (0.1 + (this.random() < 0.25 ? 12 * this.random() : this.random())))
  add(at_ms: number, work: () => Promise<void>): void {
    this.plan.push({ at_ms, do: work })
    this.plan.sort((a, b) => a.at_ms - b.at_ms)
  }
  after(delay_ms: number, work: () => Promise<void>): void {
    this.add(Date.now() + delay_ms, work)
  }

  presses(days: number): void {
    for (let at_ms = BEGIN_MS; at_ms < BEGIN_MS + days * DAY_MS; at_ms += this.between(HOUR_MS, 20 * HOUR_MS)) {
      const device = `b${this.between(0, 40)}`
      this.add(at_ms, async () => {
        await this.room.say('pressed', { press: 1, atstart: false }, device)
        this.after(1_000, async () => this.seen())
      })
    }
  }

  /** Staff see what is new. */
  seen(): void {
    for (const { incident } of this.room.incidents.live()) {
      if (this.handled.has(incident.id)) continue
      this.handled.add(incident.id)
      this.handle(incident.id)
    }
  }

  /** What people do with it: each step once in time or late, some tried twice. */
  handle(id: string): void {
    const steps: Array<[string, object, number]> = [
      ['acknowledge', {}, 40_000],
      ['dispatch', {}, 3 * MINUTE_MS],
      ['resolve', { text: 'done' }, HOUR_MS],
      ['answer', {}, 10 * HOUR_MS],
    ]
    if (this.random() < 0.1) steps.splice(1, 3, ['false-alarm', { reason: 'none' }, MINUTE_MS])
    if (this.random() < 0.1) steps.splice(1, 1)
    if (this.random() < 0.05) steps.push(['reopen', { reason: 'again' }, HOUR_MS], ...steps.slice(0, 4))
    const next = async (index: number): Promise<void> => {
      const [name, args, usual_ms] = steps[index] ?? []
      if (name === undefined || args === undefined || usual_ms === undefined) return
      this.after(this.delay(usual_ms), async () => {
        await this.room.do(id, name, args)
        if (this.random() < 0.3) await this.room.do(id, name, args)
        await next(index + 1)
      })
    }
    void next(0)
  }

  trouble(days: number): void {
    const { room } = this
    for (let at_ms = BEGIN_MS + HOUR_MS; at_ms < BEGIN_MS + days * DAY_MS; at_ms += this.between(DAY_MS, 4 * DAY_MS)) {
      const kind = this.between(0, 4)
      this.add(at_ms, async () => {
        this.kills += 1
        if (kind === 0) await room.kill()
        else if (kind === 1) await this.away(this.between(MINUTE_MS, HOUR_MS))
        else if (kind === 2) {
          // Somebody sets the clock by hand; the time source puts it right later.
          this.wrong()
          this.after(this.between(MINUTE_MS, 6 * HOUR_MS), async () => this.right())
        } else {
          room.boot += 1
          await this.away(this.between(MINUTE_MS, 8 * HOUR_MS), () => this.random() < 0.7 && this.wrong())
          this.after(this.between(MINUTE_MS, 3 * HOUR_MS), async () => this.right())
        }
      })
    }
  }
  wrong(): void {
    this.room.quality = 'unsynced'
    this.room.jump_ms = this.between(-50 * 365, 400) * DAY_MS
  }
  right(): void {
    this.room.quality = 'synced'
    this.room.jump_ms = 0
  }
  async away(for_ms: number, meanwhile: () => unknown = () => undefined): Promise<void> {
    this.room.stop()
    await settled()
    clock.setSystemTime(Date.now() + for_ms)
    meanwhile()
    await this.room.open()
  }

  async run(days: number): Promise<void> {
    await this.room.open()
    this.presses(days)
    this.trouble(days)
    for (let next = this.plan.shift(); next; next = this.plan.shift()) {
      if (next.at_ms > Date.now()) await passUntil(next.at_ms)
      await next.do()
      await settled()
    }
    this.right()
    await passUntil(Date.now() + 5 * DAY_MS)
    // What the last kill hid from them.
    for (const { incident } of [...this.room.incidents.live()])
      for (const step of ['acknowledge', 'resolve', 'answer']) await this.room.do(incident.id, step)
  }

  async all(): Promise<Archived[]> {
    const { incidents, archive } = this.room
    const archived = await archive.page({}, null, 100_000)
    const ids = [...archived, ...[...incidents.live()].map(({ incident }) => incident)].map(({ id }) => id)
    return Promise.all([...new Set(ids)].map(async (id) => (await incidents.get(id)) as Archived))
  }
}

/** Of one clock of one round: which tiers had to be told by the time it ended. */
function expectTiers(
  story: readonly StoryEntry[],
  clock: IncidentClock,
  from: StoryEntry,
  to: StoryEntry | undefined,
  now_ms: number,
): number {
  const limit = limitOf(config, clock, 'major', undefined)
  if (!limit) return 0
  expect(limit.gap_ms).toBe(GAPS_MS[clock])
  const end_ms = to?.run_ms ?? now_ms
  const due = INCIDENT_TIERS.map((_tier, index) => from.run_ms + limit.limit_ms + index * limit.gap_ms)
  const told = story.filter(
    (one) => one.what === 'escalated' && one.clock === clock && one.run_ms >= from.run_ms && one.run_ms <= end_ms,
  )
  expect(told.map(({ tier }) => tier)).toEqual(INCIDENT_TIERS.slice(0, told.length))
  for (const [index, one] of told.entries()) expect(one.run_ms).toBeGreaterThanOrEqual(due[index] as number)
  // What falls into the very moment of the step may be either.
  const must = due.filter((one) => one < end_ms - 1_000).length
  const may = due.filter((one) => one <= end_ms).length
  expect(told.length).toBeGreaterThanOrEqual(must)
  expect(told.length).toBeLessThanOrEqual(may)
  return told.length
}

const ENDS: Record<IncidentClock, readonly string[]> = {
  acknowledge: ['acknowledged', 'false-alarm'],
  dispatch: ['dispatched', 'on-site', 'resolved', 'false-alarm'],
  resolve: ['resolved', 'false-alarm'],
  answer: ['answered', 'reopened'],
}

function expectStory({ incident, story }: Archived, now_ms: number): { told: number; rounds: number } {
  let told = 0
  const begins = [...story.keys()].filter((index) => ['raised', 'reopened'].includes(story[index]?.what ?? ''))
  for (const [round, begin] of begins.entries()) {
    const part = story.slice(begin, begins[round + 1])
    const next = story[begins[round + 1] ?? -1]
    for (const clock of ['acknowledge', 'dispatch', 'resolve'] as const) {
      const end = part.find(({ what }) => ENDS[clock].includes(what))
      told += expectTiers(part, clock, part[0] as StoryEntry, end ?? next, now_ms)
    }
    const resolved = part.filter(({ what }) => what === 'resolved')
    expect(resolved.length, `incident ${incident.id} resolved`).toBeLessThanOrEqual(1)
    const [once] = resolved
    if (once) told += expectTiers(part, 'answer', once, part.find(({ what }) => what === 'answered') ?? next, now_ms)
  }
  return { told, rounds: begins.length }
}

describe(`${DAYS} days of incidents`, () => {
  it(`(seed ${SEED}) tells each tier of each step that was late exactly once, loses no clock and resolves nothing twice`, async () => {
    const year = new Year(SEED)
    await year.run(DAYS)
    const all = await year.all()
    const { run_ms } = year.room.incidents.now()
    // Whatever was switched off and set wrong: running time has come as far as time has.
    expect(Math.abs(run_ms - (Date.now() - BEGIN_MS))).toBeLessThan(5_000)
    let told = 0
    for (const one of all) told += expectStory(one, run_ms).told
    const numbers = all.map(({ incident }) => incident.number).sort((a, b) => a - b)
    expect(numbers).toEqual(Array.from(numbers, (_, index) => index + 1))
    for (const { story } of all)
      for (const { what, to = [], clock } of story)
        if (what === 'notified' && clock) {
          expect(to.length).toBeGreaterThan(0)
          expect(new Set(to).size).toBe(to.length)
        }
    // There was enough of everything.
    expect(all.length).toBeGreaterThan(1.5 * DAYS)
    expect(told).toBeGreaterThan(1.5 * DAYS)
    expect(year.kills).toBeGreaterThan(DAYS / 4)
    expect(all.filter(({ incident }) => incident.closed_ms === undefined)).toEqual([])
    expect(year.room.faults).toEqual([])
  }, 240_000)
})
