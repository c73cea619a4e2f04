import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Command, isFinal, type Result } from '../contract/command.ts'
import { createTrackerState, GRACE_MS, REMEMBERED_MAX, stepTracker, type TrackerInput } from './tracker.ts'

const T0 = Date.parse('2026-03-01T08:00:00Z')

function command(id: string, ttl_ms = 5000): Command {
  return {
    id,
    name: 'siren',
    issuedat: new Date(T0).toISOString(),
    expiresat: new Date(T0 + ttl_ms).toISOString(),
    actor: { kind: 'flow', id: 'alarm' },
    args: { on: true },
  }
}

function result(id: string, status: Result['status']): Result {
  return { id, name: 'siren', status, at: new Date(T0).toISOString() }
}

describe('command tracker', () => {
  it('delivers a command once and passes its results on', () => {
    const state = createTrackerState()
    const input: TrackerInput = { type: 'command', topic: 't', command: command('a'), gatewayOnline: true }
    expect(stepTracker(state, input, T0).map((e) => e.type)).toEqual(['deliver'])
    expect(stepTracker(state, input, T0)).toEqual([])
    expect(stepTracker(state, { type: 'result', result: result('a', 'accepted') }, T0).map((e) => e.type)).toEqual([
      'pass',
    ])
    expect(stepTracker(state, { type: 'result', result: result('a', 'succeeded') }, T0).map((e) => e.type)).toEqual([
      'pass',
    ])
    expect(stepTracker(state, { type: 'result', result: result('a', 'failed') }, T0).map((e) => e.type)).toEqual([
      'drop',
    ])
  })

  it('answers a repeated command with its first outcome instead of repeating it', () => {
    const state = createTrackerState()
    const input: TrackerInput = { type: 'command', topic: 't', command: command('a'), gatewayOnline: true }
    stepTracker(state, input, T0)
    stepTracker(state, { type: 'result', result: result('a', 'succeeded') }, T0)
    expect(stepTracker(state, input, T0)).toEqual([{ type: 'answer', topic: 't', result: result('a', 'succeeded') }])
  })

  it.each([
    ['expired', 'COMMAND_EXPIRED', { at: T0 + 5000, online: true }],
    ['refused', 'GATEWAY_OFFLINE', { at: T0, online: false }],
  ])('ends as %s with %s', (status, code, { at, online }) => {
    const effects = stepTracker(
      createTrackerState(),
      { type: 'command', topic: 't', command: command('a'), gatewayOnline: online },
      at,
    )
    expect(effects).toMatchObject([{ type: 'answer', result: { status, code } }])
  })

  it('says RESULT_UNKNOWN when the gateway stays silent past expiry and grace', () => {
    const state = createTrackerState()
    stepTracker(state, { type: 'command', topic: 't', command: command('a'), gatewayOnline: true }, T0)
    expect(stepTracker(state, { type: 'tick' }, T0 + 5000 + GRACE_MS - 1)).toEqual([])
    expect(stepTracker(state, { type: 'tick' }, T0 + 5000 + GRACE_MS)).toMatchObject([
      { result: { status: 'failed', code: 'RESULT_UNKNOWN' } },
    ])
  })

  it('forgets finished commands only, and stays bounded', () => {
    const state = createTrackerState()
    for (let i = 0; i < REMEMBERED_MAX + 50; i++) {
      stepTracker(state, { type: 'command', topic: 't', command: command(`c${i}`), gatewayOnline: false }, T0)
    }
    expect(state.commands.size).toBe(REMEMBERED_MAX)
  })

  it('gives every command exactly one final result, whatever happens', () => {
    const input = fc.oneof(
      fc.record({
        type: fc.constant('command' as const),
        topic: fc.constant('t'),
        command: fc.constantFrom('a', 'b').map((id) => command(id)),
        gatewayOnline: fc.boolean(),
      }),
      fc.record({
        type: fc.constant('result' as const),
        result: fc
          .tuple(
            fc.constantFrom('a', 'b'),
            fc.constantFrom('accepted' as const, 'executing' as const, 'succeeded' as const, 'failed' as const),
          )
          .map(([id, status]) => result(id, status)),
      }),
      fc.constant({ type: 'tick' as const }),
    )
    fc.assert(
      fc.property(fc.array(fc.tuple(input, fc.nat({ max: 4000 })), { maxLength: 40 }), (steps) => {
        const state = createTrackerState()
        const asked = new Set<string>()
        const finals = new Map<string, string>()
        let now = T0
        const all = [...steps, [{ type: 'tick' as const }, 1_000_000] as const]
        for (const [one, wait_ms] of all) {
          now += wait_ms
          if (one.type === 'result' && !asked.has(one.result.id)) continue
          if (one.type === 'command') asked.add(one.command.id)
          for (const effect of stepTracker(state, one, now)) {
            if (effect.type !== 'answer' && effect.type !== 'pass') continue
            if (!isFinal(effect.result.status)) continue
            const text = JSON.stringify(effect.result)
            // A repeated command repeats the same final result and never another one.
            expect(finals.get(effect.result.id) ?? text).toBe(text)
            finals.set(effect.result.id, text)
          }
        }
        expect([...finals.keys()].sort()).toEqual([...asked].sort())
      }),
    )
  })
})
