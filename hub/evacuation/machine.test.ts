import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  createEvacuationState,
  type EvacuationEffect,
  type EvacuationInput,
  type EvacuationState,
  GIVE_UP_MS,
  type Order,
  RETRY_MS,
  stepEvacuation,
} from './machine.ts'
import { gateRecord, orderRecord, restoreEvacuation } from './record.ts'

const T0 = 1_000_000
const GATES = ['gw-1/door-1', 'gw-1/boom-1', 'gw-2/door-2']
const order = (id: string): Order => ({ id, actor: { kind: 'platform', id: 'desk' }, reason: undefined })
const release = (id: string): EvacuationInput => ({ type: 'release', order: order(id), gates: GATES })
const done = (id: string, gate: string, attempt = 1): EvacuationInput => ({
  type: 'outcome',
  order: id,
  gate,
  attempt,
  status: 'succeeded',
  code: undefined,
})
const failed = (id: string, gate: string, code: string, attempt = 1): EvacuationInput => ({
  type: 'outcome',
  order: id,
  gate,
  attempt,
  status: 'failed',
  code,
})
const back = (gates: string[], since_ms: number): EvacuationInput => ({
  type: 'tick',
  reachable: new Map(gates.map((gate) => [gate, since_ms])),
})

function run(state: EvacuationState, inputs: EvacuationInput[], at_ms = T0): EvacuationEffect[] {
  return inputs.flatMap((input) => stepEvacuation(state, input, at_ms))
}
const sent = (effects: EvacuationEffect[]) =>
  effects.flatMap((effect) => (effect.type === 'send' ? [`${effect.round.name} ${effect.gate} ${effect.attempt}`] : []))
const answers = (effects: EvacuationEffect[]) =>
  effects.flatMap((effect) => (effect.type === 'answer' ? [effect.answer] : []))

describe('an evacuation of the estate', () => {
  it('is kept, then sent to every gate at once, and succeeds when all have done it', () => {
    const state = createEvacuationState()
    const begun = run(state, [release('a')])
    expect(begun[0]).toEqual({ type: 'keep' })
    expect(sent(begun)).toEqual(GATES.map((gate) => `release-all ${gate} 1`))
    const all = [
      ...begun,
      ...run(
        state,
        GATES.map((gate) => done('a', gate)),
      ),
    ]
    expect(answers(all).map(({ status, data }) => [status, (data as { released?: number })?.released])).toEqual([
      ['accepted', undefined],
      ['executing', 0],
      ['executing', 1],
      ['executing', 2],
      ['succeeded', 3],
    ])
  })

  it('fails once when all have answered, and names those that did not do it', () => {
    const state = createEvacuationState()
    const effects = run(state, [
      release('a'),
      done('a', 'gw-1/door-1'),
      failed('a', 'gw-1/boom-1', 'GATE_MOTION_TIMEOUT'),
      failed('a', 'gw-2/door-2', 'GATEWAY_OFFLINE'),
    ])
    expect(answers(effects).at(-1)).toMatchObject({
      status: 'failed',
      code: 'ESTATE_RELEASE_INCOMPLETE',
      data: {
        gates: 3,
        released: 1,
        missing: [
          { gate: 'gw-1/boom-1', code: 'GATE_MOTION_TIMEOUT' },
          { gate: 'gw-2/door-2', code: 'GATEWAY_OFFLINE' },
        ],
      },
    })
  })

  it('reaches a gate when it is back, again and again until it has the order, and no gate that has it', () => {
    const state = createEvacuationState()
    run(state, [
      release('a'),
      done('a', 'gw-1/door-1'),
      failed('a', 'gw-1/boom-1', 'GATE_MOTION_TIMEOUT'),
      failed('a', 'gw-2/door-2', 'GATEWAY_OFFLINE'),
    ])
    expect(sent(run(state, [back(GATES, T0 + 50_000)], T0 + 50_000))).toEqual(['release-all gw-2/door-2 2'])
    expect(sent(run(state, [back(GATES, T0 + 50_000)], T0 + 51_000))).toEqual([])
    run(state, [failed('a', 'gw-2/door-2', 'RESULT_UNKNOWN', 2)], T0 + 52_000)
    const retried = run(state, [back(GATES, T0 + 50_000)], T0 + 50_000 + RETRY_MS)
    expect(sent(retried)).toEqual(['release-all gw-2/door-2 3'])
    run(state, [done('a', 'gw-2/door-2', 3)], T0 + 70_000)
    expect(sent(run(state, [back(GATES, T0 + 80_000)], T0 + 90_000))).toEqual([])
  })

  it('reaches a gate that nobody knew when it began', () => {
    const state = createEvacuationState()
    run(state, [release('a')])
    expect(sent(run(state, [back(['gw-3/new', ...GATES], T0)], T0 + 1000))).toEqual(['release-all gw-3/new 1'])
  })

  it('is not begun again where staff ended it by name', () => {
    const state = createEvacuationState()
    run(state, [
      release('a'),
      failed('a', 'gw-2/door-2', 'RESULT_UNKNOWN'),
      { type: 'ended-there', gate: 'gw-2/door-2' },
    ])
    expect(sent(run(state, [back(['gw-2/door-2'], T0 + 50_000)], T0 + 60_000))).toEqual([])
  })

  it('counts a gate that opens later by itself', () => {
    const state = createEvacuationState()
    const [door = '', ...others] = GATES
    run(state, [release('a'), failed('a', door, 'GATE_OFFLINE'), ...others.map((gate) => done('a', gate))])
    run(state, [{ type: 'open-there', gate: door }])
    expect(state.release?.gates.get(door)).toMatchObject({ isDone: true })
  })

  it('ends everywhere by one command, and after that reaches nobody', () => {
    const state = createEvacuationState()
    run(state, [
      release('a'),
      done('a', 'gw-1/door-1'),
      done('a', 'gw-1/boom-1'),
      failed('a', 'gw-2/door-2', 'GATEWAY_OFFLINE'),
    ])
    const ended = run(state, [{ type: 'end', order: order('z'), evacuating: ['gw-1/door-1'] }])
    expect(sent(ended)).toEqual(['end-release gw-1/door-1 1', 'end-release gw-1/boom-1 1'])
    const last = run(state, [done('z', 'gw-1/door-1'), done('z', 'gw-1/boom-1')])
    expect(answers(last).at(-1)).toMatchObject({ id: 'z', status: 'succeeded' })
    expect(sent(run(state, [back(GATES, T0 + 50_000)], T0 + 60_000))).toEqual([])
    expect(run(state, [done('a', 'gw-2/door-2')])).toEqual([])
  })

  it('answers an order that comes again and does not carry it out again, also when it is over', () => {
    const state = createEvacuationState()
    run(state, [release('a')])
    expect(run(state, [release('a')])).toEqual([])
    run(state, [{ type: 'end', order: order('z'), evacuating: [] }, ...GATES.map((gate) => done('z', gate))])
    const again = run(state, [release('a')])
    expect(answers(again)).toMatchObject([{ id: 'a', status: 'failed', code: 'ESTATE_SUPERSEDED' }])
    expect(again).toHaveLength(1)
    expect(state.release).toBeUndefined()
  })
})

describe('after a restart of the hub', () => {
  /** The records of these effects, as the journal holds them. */
  function restart(state: EvacuationState, effects: EvacuationEffect[], at_ms: number) {
    const gates = effects.flatMap((effect) =>
      effect.type === 'keep-gate' ? [gateRecord(effect.order, effect.gate, effect.progress)] : [],
    )
    const entries = [orderRecord(state), ...gates].map((one, at) => ({ ...one, position: at + 1, time_ms: T0 }))
    return restoreEvacuation(entries, GATES, at_ms).state
  }

  it('goes on with those that do not have it, and gives its one answer', () => {
    const before = createEvacuationState()
    const effects = run(before, [release('a'), done('a', 'gw-1/door-1')])
    const state = restart(before, effects, T0 + 5_000)
    const tick = run(state, [back(['gw-1/door-1', 'gw-1/boom-1'], T0 + 6_000)], T0 + 7_000)
    expect(sent(tick)).toEqual(['release-all gw-1/boom-1 1'])
    run(state, [done('a', 'gw-1/boom-1')])
    const given = run(state, [back(GATES.slice(0, 2), T0 + 6_000)], T0 + 5_000 + GIVE_UP_MS)
    expect(answers(given)).toMatchObject([
      { status: 'failed', data: { missing: [{ gate: 'gw-2/door-2', code: 'GATEWAY_OFFLINE' }] } },
    ])
  })

  it('stays ended', () => {
    const before = createEvacuationState()
    const effects = run(before, [release('a'), { type: 'end', order: order('z'), evacuating: [] }])
    const state = restart(before, effects, T0)
    expect(state.release).toBeUndefined()
    expect(state.ending).toMatchObject({ id: 'z', isAnswered: false })
    expect(sent(run(state, [back(GATES, T0)], T0 + 60_000))).toEqual([])
  })
})

it('whatever happens: one final answer for each order, and nothing is released once it has ended', () => {
  const gate = fc.constantFrom(...GATES)
  const attempt = fc.integer({ min: 1, max: 3 })
  const id = fc.constantFrom('a', 'b', 'y', 'z')
  const code = fc.constantFrom('GATE_MOTION_TIMEOUT', 'GATEWAY_OFFLINE', 'RESULT_UNKNOWN')
  const input: fc.Arbitrary<EvacuationInput> = fc.oneof(
    fc.constantFrom('a', 'b').map(release),
    fc.constantFrom('y', 'z').map((one): EvacuationInput => ({ type: 'end', order: order(one), evacuating: GATES })),
    fc.tuple(id, gate, attempt).map(([one, where, nth]) => done(one, where, nth)),
    fc.tuple(id, gate, code, attempt).map(([one, where, why, nth]) => failed(one, where, why, nth)),
    fc.subarray(GATES).map((gates) => back(gates, T0)),
    gate.map((where): EvacuationInput => ({ type: 'ended-there', gate: where })),
    gate.map((where): EvacuationInput => ({ type: 'open-there', gate: where })),
  )
  fc.assert(
    fc.property(fc.array(fc.tuple(input, fc.integer({ min: 0, max: 30_000 })), { maxLength: 60 }), (steps) => {
      const state = createEvacuationState()
      const finals = new Map<string, string>()
      let now_ms = T0
      for (const [one, later_ms] of steps) {
        now_ms += later_ms
        const effects = stepEvacuation(state, one, now_ms)
        for (const { id: of, status, code: why } of answers(effects)) {
          if (status === 'accepted' || status === 'executing') expect(finals.has(of)).toBe(false)
          else {
            // The same answer may be given again, to an order that came again.
            expect(finals.get(of) ?? `${status} ${why}`).toBe(`${status} ${why}`)
            finals.set(of, `${status} ${why}`)
          }
        }
        for (const effect of effects)
          if (effect.type === 'send' && effect.round.name === 'release-all') expect(effect.round).toBe(state.release)
      }
    }),
  )
})
