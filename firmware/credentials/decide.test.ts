import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { GATE_MODES, type GateMode } from '../../hub/contract/access-gate.ts'
import { Credential } from '../../hub/contract/credentials.ts'
import { anyOf, jsonSchema } from '../../test/support/arbitrary.ts'
import { isBarred, NO_ATTEMPTS, wrongAttempt } from './attempts.ts'
import { type Ask, DENIALS, type Decision, decide, type Remembered } from './decide.ts'
import { card, consistent } from './examples.ts'

const NOON_S = 1_800_000_000
const ask = (more: Partial<Ask> = {}): Ask => ({
  kind: 'card',
  gate: 'door-1',
  area: 'estate',
  direction: 'in',
  mode: 'card',
  wall_ms: NOON_S * 1000,
  isClockGood: true,
  isInSchedule: undefined,
  ...more,
})
const OPEN: GateMode[] = ['free', 'free-flow', 'evacuate']
const PIN = 'AAAAAAAAAAAAAAAAAAAAAA'
const DURESS = 'BAAAAAAAAAAAAAAAAAAAAA'
const WRONG = 'CAAAAAAAAAAAAAAAAAAAAA'
const outcome = (decision: Decision) => (decision.granted ? `granted by ${decision.by}` : decision.reason)

describe('a decision', () => {
  const inside: Remembered = { uses: 0, areas: { estate: 'in' } }
  const timed = { from_s: NOON_S, until_s: NOON_S + 10 }
  it.each<[string, Partial<Credential> | undefined, Partial<Ask>, Remembered | undefined, string]>([
    ['a resident', {}, {}, undefined, 'granted by card'],
    ['nobody we know', undefined, {}, undefined, 'unknown'],
    ['a plate that reads like a card', { kind: 'plate' }, {}, undefined, 'unknown'],
    ['another gate', {}, { gate: 'door-2' }, undefined, 'wrong-gate'],
    ['every gate', { gates: ['*'] }, { gate: 'door-2' }, undefined, 'granted by card'],
    ['a locked door', {}, { mode: 'locked' }, undefined, 'mode-locked'],
    ['a closed barrier', { kind: 'plate' }, { kind: 'plate', mode: 'closed' }, undefined, 'mode-closed'],
    ['lockdown', { class: 'staff' }, { mode: 'lockdown' }, undefined, 'mode-lockdown'],
    ['the fire brigade in lockdown', { class: 'emergency' }, { mode: 'lockdown' }, undefined, 'granted by card'],
    ['the fire brigade without PIN', { class: 'emergency' }, { mode: 'card-and-pin' }, undefined, 'granted by card'],
    ['no PIN yet', { pin: PIN }, { mode: 'card-and-pin' }, undefined, 'pin-missing'],
    ['card and PIN', { pin: PIN }, { mode: 'card-and-pin', pin: PIN }, undefined, 'granted by card-and-pin'],
    ['a wrong PIN', { pin: PIN }, { mode: 'card-and-pin', pin: WRONG }, undefined, 'wrong-pin'],
    ['a wrong PIN that nobody asked for', { pin: PIN }, { pin: WRONG }, undefined, 'wrong-pin'],
    ['a PIN beside a card without one', {}, { mode: 'card-and-pin', pin: PIN }, undefined, 'wrong-pin'],
    ['the first second', timed, {}, undefined, 'granted by card'],
    ['a moment too early', timed, { wall_ms: NOON_S * 1000 - 1 }, undefined, 'not-yet-valid'],
    ['the last moment', timed, { wall_ms: (NOON_S + 10) * 1000 - 1 }, undefined, 'granted by card'],
    ['a moment too late', timed, { wall_ms: (NOON_S + 10) * 1000 }, undefined, 'expired'],
    ['too late, but inside', timed, { wall_ms: 2e12, direction: 'out' }, inside, 'granted by card'],
    ['too late and never seen coming in', timed, { wall_ms: 2e12, direction: 'out' }, undefined, 'expired'],
    ['a clock that nobody believes', timed, { isClockGood: false }, undefined, 'time-unknown'],
    ['no bounds and a bad clock', {}, { isClockGood: false }, undefined, 'granted by card'],
    ['in its schedule', { schedule: 'office' }, { isInSchedule: true }, undefined, 'granted by card'],
    ['out of its schedule', { schedule: 'office' }, { isInSchedule: false }, undefined, 'out-of-schedule'],
    ['a schedule nobody knows', { schedule: 'office' }, {}, undefined, 'schedule-unknown'],
    ['the last use', { limits: { uses: 2 } }, {}, { uses: 1, areas: {} }, 'granted by card'],
    ['one use too many', { limits: { uses: 2 } }, {}, { uses: 2, areas: {} }, 'used-up'],
    [
      'used up, on the way out',
      { limits: { uses: 1 } },
      { direction: 'out' },
      { uses: 1, areas: {} },
      'granted by card',
    ],
    [
      'the time after the first use',
      { limits: { for_s: 60 } },
      {},
      { uses: 0, first_s: NOON_S - 60, areas: {} },
      'expired',
    ],
    ['in twice, hard', { antipassback: 'hard' }, {}, inside, 'passback'],
    ['in twice, soft', { antipassback: 'soft' }, {}, inside, 'granted by card'],
    ['in by another area', { antipassback: 'hard' }, { area: 'building' }, inside, 'granted by card'],
    ['in twice in an evacuation', { antipassback: 'hard' }, { mode: 'evacuate' }, inside, 'granted by card'],
  ])('for %s', (_name, rights, asked, remembered, expected) => {
    expect(outcome(decide(rights && card(1, rights), remembered, ask(asked)))).toBe(expected)
  })

  it('opens as usual under duress, and says so', () => {
    const one = card(1, { pin: PIN, duresspin: DURESS })
    expect(decide(one, undefined, ask({ pin: DURESS }))).toMatchObject({ granted: true, duress: true })
    expect(decide(one, undefined, ask({ pin: PIN }))).toMatchObject({ granted: true, duress: false })
    const alone = card(1, { kind: 'pin', duress: true })
    expect(decide(alone, undefined, ask({ kind: 'pin' }))).toMatchObject({ granted: true, by: 'pin', duress: true })
  })

  it('tells of soft anti-passback only when it was broken', () => {
    const one = card(1, { antipassback: 'soft' })
    expect(decide(one, undefined, ask())).toMatchObject({ passback: false })
    expect(decide(one, inside, ask())).toMatchObject({ granted: true, passback: true })
  })

  it('remembers nothing of those without limits and anti-passback', () => {
    expect(decide(card(1), undefined, ask())).toMatchObject({ granted: true, remembered: undefined })
  })
})

const hashes = fc.constantFrom(PIN, DURESS, WRONG)
const credentials = fc
  .tuple(
    anyOf(jsonSchema(Credential)) as fc.Arbitrary<Credential>,
    hashes,
    hashes,
    fc.constantFrom('door-1', 'door-2', '*'),
  )
  .map(([one, pin, duresspin, gate]) => consistent({ ...one, pin, duresspin, gates: [gate] }))
const moments = fc.oneof(fc.integer({ min: 0, max: 5_000_000_000 }), fc.integer({ min: NOON_S - 3, max: NOON_S + 3 }))
const asks: fc.Arbitrary<Ask> = fc.record(
  {
    kind: fc.constantFrom('card', 'pin', 'plate'),
    pin: fc.option(hashes, { nil: undefined }),
    gate: fc.constantFrom('door-1', 'door-2'),
    area: fc.constantFrom('estate', 'building'),
    direction: fc.constantFrom('in', 'out'),
    mode: fc.constantFrom(...GATE_MODES),
    wall_ms: moments.map((at_s) => at_s * 1000),
    isClockGood: fc.boolean(),
    isInSchedule: fc.option(fc.boolean(), { nil: undefined }),
  },
  { noNullPrototype: true },
)

/** Presents one credential again and again, remembering as the desk does. */
function through(
  credential: Credential,
  list: readonly Ask[],
): Array<{ ask: Ask; decision: Decision; before: Remembered | undefined }> {
  let remembered: Remembered | undefined
  return list.map((one) => {
    const before = remembered
    const decision = decide(Object.freeze(credential), before && Object.freeze(before), Object.freeze(one))
    if (decision.granted) remembered = decision.remembered ?? remembered
    return { ask: one, decision, before }
  })
}

describe('whatever is presented, in whatever order', () => {
  const stories = fc.tuple(credentials, fc.array(asks, { minLength: 1, maxLength: 30 }))
  const holds = (rule: (credential: Credential, story: ReturnType<typeof through>) => void) =>
    fc.assert(
      fc.property(stories, ([credential, list]) => {
        // Most of what is random is refused at once: let the kind fit.
        rule(
          credential,
          through(
            credential,
            list.map((one) => ({ ...one, kind: credential.kind })),
          ),
        )
      }),
      { numRuns: 400 },
    )

  it('nobody comes in by another gate, out of time, or through what is shut', () => {
    holds((credential, story) => {
      for (const { ask, decision } of story) {
        if (!decision.granted) continue
        expect(credential.gates.includes('*') || credential.gates.includes(ask.gate)).toBe(true)
        if (credential.class !== 'emergency') expect(['locked', 'lockdown', 'closed']).not.toContain(ask.mode)
        if (credential.class !== 'emergency' && ask.mode === 'card-and-pin') expect(decision.by).toBe('card-and-pin')
        if (ask.direction === 'out') continue
        expect(ask.wall_ms / 1000).toBeGreaterThanOrEqual(credential.from_s ?? 0)
        expect(ask.wall_ms / 1000).toBeLessThan(credential.until_s ?? Infinity)
        if (credential.schedule !== undefined) expect(ask.isInSchedule).toBe(true)
        if (credential.schedule !== undefined) expect(ask.isClockGood).toBe(true)
      }
    })
  })

  it('a limited credential comes in no more often than it may', () => {
    holds(({ limits, ...credential }, story) => {
      const entered = story.filter(
        ({ ask, decision }) => decision.granted && ask.direction === 'in' && !OPEN.includes(ask.mode),
      )
      expect(entered.length).toBeLessThanOrEqual(limits?.uses ?? Infinity)
      expect(credential.id).toHaveLength(22)
    })
    const single = card(1, { limits: { uses: 1 } })
    expect(through(single, [ask(), ask(), ask()]).map(({ decision }) => decision.granted)).toEqual([true, false, false])
  })

  it('hard anti-passback never lets anybody go the same way twice', () => {
    holds((credential, story) => {
      if (credential.antipassback !== 'hard') return
      const last = new Map<string, string>()
      for (const { ask, decision } of story) {
        if (!decision.granted) continue
        if (!OPEN.includes(ask.mode)) expect(last.get(ask.area)).not.toBe(ask.direction)
        last.set(ask.area, ask.direction)
      }
    })
  })

  it('who was let in and is known to be inside is never kept in by time or number', () => {
    holds((_credential, story) => {
      for (const { ask, decision, before } of story) {
        if (decision.granted || ask.direction !== 'out' || before?.areas[ask.area] !== 'in') continue
        expect(['wrong-gate', 'wrong-pin', 'pin-missing', 'mode-locked', 'mode-lockdown', 'mode-closed']).toContain(
          decision.reason,
        )
      }
    })
  })

  it('duress is only ever what was granted, and a refusal has a reason of the list', () => {
    holds((credential, story) => {
      for (const { ask, decision } of story) {
        if (!decision.granted) expect(DENIALS).toHaveProperty([decision.reason])
        else if (decision.duress) expect(credential.duress === true || ask.pin === credential.duresspin).toBe(true)
      }
    })
  })

  it('an unknown one is never granted', () => {
    fc.assert(fc.property(asks, (one) => !decide(undefined, undefined, one).granted))
  })
})

describe('wrong PINs', () => {
  it('end after five for a minute, and old ones do not count', () => {
    let attempts = NO_ATTEMPTS
    for (let at = 0; at < 4; at++) attempts = wrongAttempt(attempts, at)
    expect(isBarred(attempts, 4)).toBe(false)
    expect(isBarred(wrongAttempt(attempts, 300_010), 300_010)).toBe(false)
    attempts = wrongAttempt(attempts, 10)
    expect([isBarred(attempts, 10), isBarred(attempts, 60_009), isBarred(attempts, 60_010)]).toEqual([
      true,
      true,
      false,
    ])
  })

  it('cannot be tried faster than five in a minute, whatever the times', () => {
    const gaps = fc.array(fc.integer({ min: 1, max: 20_000 }), { minLength: 50, maxLength: 200 })
    fc.assert(
      fc.property(gaps, (list) => {
        let attempts = NO_ATTEMPTS
        let now_ms = 0
        const tried: number[] = []
        for (const gap_ms of list) {
          now_ms += gap_ms
          if (isBarred(attempts, now_ms)) continue
          tried.push(now_ms)
          attempts = wrongAttempt(attempts, now_ms)
        }
        for (const [at, first_ms] of tried.entries())
          expect(tried[at + 5] ?? Infinity).toBeGreaterThanOrEqual(first_ms + 60_000)
      }),
    )
  })
})
