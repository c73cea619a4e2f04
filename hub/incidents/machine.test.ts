import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { INCIDENT_KINDS, INCIDENT_TIERS } from '../contract/incident.ts'
import { incidentConfig } from './config.ts'
import { ALLOWED, isOpen, type StepInput, type StepName } from './life-machine.ts'
import { type IncidentInput, raiseIncident, type Stepped, stepIncident } from './machine.ts'
import { type Incident, STORY_MAX, type StoryEntry } from './types.ts'

const config = incidentConfig(
  {
    people: { wang: { name: '王', contact: { channel: 'webhook', address: 'w' } } },
    teams: {
      patrol: {
        name: '巡逻',
        sort: 'patrol',
        tier: 'estate',
        shifts: [{ from: '08:00', to: '08:00', people: ['wang'] }],
      },
    },
  },
  'Asia/Shanghai',
)
const at = (run_ms: number) => ({ run_ms, wall_ms: 1_800_000_000_000 + run_ms, quality: 'synced' as const })
const button = {
  id: '7',
  number: 7,
  source: 'event',
  cause: 'button',
  kind: 'major',
  rule: { skill: 'patrol' },
} as const

function raised(): Stepped {
  return raiseIncident(
    config,
    { ...button, actor: 'hub:incidents', device: 'gw-1/alarm-button/b1', event: 'gw-1:b:1' },
    at(0),
  )
}

/** What a test keeps of one incident. */
class Life {
  incident: Incident
  story: StoryEntry[]
  effects: Stepped['effects']
  constructor({ incident, story, effects }: Stepped = raised()) {
    this.incident = incident
    this.story = [...story]
    this.effects = [...effects]
  }
  do(input: IncidentInput, run_ms: number): boolean {
    const outcome = stepIncident(config, this.incident, input, at(run_ms))
    if ('refused' in outcome) return false
    this.incident = outcome.incident
    this.story.push(...outcome.story)
    this.effects.push(...outcome.effects)
    return true
  }
  step(step: StepName, args: object, run_ms: number, actor = 'person:li'): boolean {
    return this.do({ type: 'step', step, args, actor, command: `c${this.story.length}` } as StepInput, run_ms)
  }
}

const argsOf: Record<StepName, fc.Arbitrary<object>> = {
  acknowledge: fc.constant({}),
  dispatch: fc.constantFrom({}, { team: 'patrol' }, { person: 'wang' }, { team: 'nobody' }),
  arrive: fc.constant({ comment: 'here' }),
  resolve: fc.constant({ text: 'done' }),
  answer: fc.constant({}),
  'false-alarm': fc.constant({ reason: 'a child' }),
  reopen: fc.constant({ reason: 'again' }),
  comment: fc.constant({ text: 'x' }),
  'correct-kind': fc.constantFrom(...INCIDENT_KINDS).map((kind) => ({ kind })),
  assign: fc.constantFrom({ team: 'patrol' }, { person: 'nobody' }),
  confirm: fc.boolean().map((satisfied) => ({ satisfied })),
}
const input = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .constantFrom(...(Object.keys(ALLOWED) as StepName[]))
      .chain((step) => argsOf[step].map((args) => ({ type: 'step' as const, step, args, actor: 'person:li' }))),
  },
  { weight: 3, arbitrary: fc.constant({ type: 'tick' as const }) },
  { weight: 2, arbitrary: fc.constant({ type: 'repeat' as const, event: 'gw-1:b:2', eventType: 'pressed' }) },
)
const inputs = fc.array(fc.tuple(input, fc.nat(4 * 3_600_000)), { maxLength: 40 })

function lived(steps: Array<[Record<string, unknown>, number]>): { life: Life; run_ms: number } {
  const life = new Life()
  let run_ms = 0
  for (const [one, after_ms] of steps) {
    run_ms += after_ms
    life.do({ ...one, command: `c${run_ms}` } as IncidentInput, run_ms)
  }
  return { life, run_ms }
}

describe('an incident', () => {
  it('goes from a press to an answered resident, each step with its actor, time and command', () => {
    const life = new Life()
    expect(life.effects.map(({ type }) => type)).toEqual(['say', 'notify', 'fetch-pictures'])
    expect(life.effects[1]).toMatchObject({ why: 'raised', to: ['wang'] })
    const steps = ['acknowledge', 'dispatch', 'arrive', 'resolve', 'answer'] as const
    for (const [index, step] of steps.entries()) expect(life.step(step, {}, (index + 1) * 10_000)).toBe(true)
    expect(life.incident).toMatchObject({ status: 'answered', closed_ms: 50_000, clocks: {} })
    const told = life.story.filter(({ command }) => command !== undefined)
    expect(told.map(({ what }) => what)).toEqual(['acknowledged', 'dispatched', 'on-site', 'resolved', 'answered'])
    expect(Object.values(life.incident.reached).map(({ run_ms }) => run_ms)).toEqual([
      0, 10_000, 20_000, 30_000, 40_000, 50_000,
    ])
  })

  it('is acknowledged and resolved once: the second is refused, and is told by whom and what can be done', () => {
    const life = new Life()
    life.step('acknowledge', {}, 1000)
    const again = { type: 'step', step: 'acknowledge', args: {}, actor: 'person:zhang', command: 'c' } as const
    const refused = stepIncident(config, life.incident, again, at(2000))
    expect(refused).toMatchObject({ refused: 'INCIDENT_STEP' })
    expect((refused as { message: string }).message).toMatch(
      /acknowledged by person:li at .*possible: dispatch, arrive, resolve/,
    )
  })

  it('counts each repetition, keeps the id of each event, and alerts again', () => {
    const life = new Life()
    for (let n = 2; n <= 5; n++) life.do({ type: 'repeat', event: `gw-1:b:${n}`, eventType: 'pressed' }, n * 6_000)
    expect(life.incident.count).toBe(5)
    expect(life.story.flatMap(({ event }) => event ?? [])).toEqual([1, 2, 3, 4, 5].map((n) => `gw-1:b:${n}`))
    expect(life.effects.filter((one) => one.type === 'notify' && one.why === 'repeated')).toHaveLength(2)
  })

  it('keeps a bound, and can be finished all the same', () => {
    const life = new Life()
    for (let n = 0; n < STORY_MAX + 100; n++) life.do({ type: 'repeat', event: `e${n}`, eventType: 'pressed' }, n)
    while (life.step('comment', { text: 'x' }, 9_000));
    expect(life.incident).toMatchObject({ count: STORY_MAX + 101, entries: STORY_MAX })
    for (const step of ['acknowledge', 'resolve', 'answer'] as const) expect(life.step(step, {}, 10_000)).toBe(true)
  })

  it('takes a corrected kind: its limits from the same beginning', () => {
    const life = new Life()
    life.step('correct-kind', { kind: 'private' }, 30_000)
    expect(Object.keys(life.incident.clocks)).toEqual(['acknowledge', 'resolve'])
    life.step('correct-kind', { kind: 'shared' }, 40_000)
    expect(life.incident.clocks.dispatch).toMatchObject({ begun_ms: 0, due_ms: 300_000 })
  })

  it('is begun again by a resident who is not satisfied, and answered by one who is', () => {
    const life = new Life()
    for (const step of ['acknowledge', 'resolve'] as const) life.step(step, {}, 1000)
    expect(life.step('confirm', { satisfied: false, text: '还在漏水' }, 2000, 'platform:city-app')).toBe(true)
    expect(life.incident).toMatchObject({ status: 'raised', reopened: 1, reached: { raised: { run_ms: 2000 } } })
    for (const step of ['acknowledge', 'resolve'] as const) life.step(step, {}, 3000)
    expect(life.step('confirm', { satisfied: true }, 4000, 'platform:city-app')).toBe(true)
    expect(life.incident).toMatchObject({ status: 'answered', reached: { answered: { actor: 'platform:city-app' } } })
  })

  it('never has a status without who and when, whatever is tried', () => {
    fc.assert(
      fc.property(inputs, (steps) => {
        const { life } = lived(steps)
        const { reached, status, clocks } = life.incident
        expect(reached[status]?.actor).toBeTruthy()
        for (const one of Object.values(reached)) expect(Number.isFinite(one.run_ms) && one.actor !== '').toBe(true)
        if (status !== 'raised' && status !== 'false-alarm') expect(reached.acknowledged).toBeDefined()
        if (status === 'answered') expect(reached.resolved).toBeDefined()
        expect(life.story.every(({ actor, run_ms }) => actor !== '' && Number.isFinite(run_ms))).toBe(true)
        expect(life.story).toHaveLength(life.incident.entries)
        if (!isOpen(life.incident)) expect(Object.keys(clocks).filter((name) => name !== 'answer')).toEqual([])
      }),
    )
  })

  it('can always be finished', () => {
    fc.assert(
      fc.property(inputs, (steps) => {
        const { life, run_ms } = lived(steps)
        for (const step of ['acknowledge', 'resolve', 'answer'] as const) life.step(step, {}, run_ms)
        expect(['answered', 'false-alarm']).toContain(life.incident.status)
        expect(life.incident.clocks).toEqual({})
      }),
    )
  })

  it('tells each tier of each clock exactly once in each round, in order, and never before it is due', () => {
    fc.assert(
      fc.property(inputs, (steps) => {
        const { life } = lived(steps)
        const told = new Map<string, string[]>()
        let round = 0
        for (const { what, clock, tier, late_ms } of life.story) {
          if (what === 'reopened') round += 1
          if (what !== 'escalated') continue
          expect(late_ms).toBeGreaterThanOrEqual(0)
          const key = `${round} ${clock}`
          told.set(key, [...(told.get(key) ?? []), tier ?? ''])
        }
        for (const [key, tiers] of told) expect(tiers, key).toEqual(INCIDENT_TIERS.slice(0, tiers.length))
      }),
    )
  })
})
