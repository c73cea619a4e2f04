import { describe, expect, it } from 'vitest'
import type { Command, Result } from '../contract/command.ts'
import {
  createTrackerState,
  GRACE_MS,
  REMEMBERED_MAX,
  REMEMBERED_MS,
  RESERVED,
  stepTracker,
  type TrackerInput,
  type TrackerState,
  TTL_MS_MAX,
} from './tracker.ts'

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
const result = (id: string, status: Result['status'], at_ms = T0): Result => {
  return { id, name: 'siren', status, at: new Date(at_ms).toISOString() }
}
const asked = (id: string, more: Partial<TrackerInput & { type: 'command' }> = {}, ttl_ms?: number): TrackerInput => {
  return { type: 'command', topic: 't', command: command(id, ttl_ms), gatewayOnline: true, from: 'others', ...more }
}
const told = (id: string, status: Result['status'], at_ms?: number): TrackerInput => {
  return { type: 'result', topic: 't', result: result(id, status, at_ms) }
}
const types = (state: TrackerState, input: TrackerInput, now_ms = T0) =>
  stepTracker(state, input, now_ms).map((effect) => effect.type)

describe('command tracker', () => {
  it('has a command on disk before it delivers it, once, and passes its results on', () => {
    const state = createTrackerState()
    expect(types(state, asked('a'))).toEqual(['keep', 'deliver'])
    expect(types(state, asked('a'))).toEqual(['known'])
    expect(types(state, told('a', 'accepted'))).toEqual(['pass', 'keep'])
    expect(types(state, told('a', 'succeeded'))).toEqual(['pass', 'keep'])
    expect(stepTracker(state, told('a', 'failed', T0 + 1), T0)).toMatchObject([{ type: 'drop', why: 'late' }])
  })

  it('answers a repeated command with its first outcome instead of repeating it', () => {
    const state = createTrackerState()
    stepTracker(state, asked('a'), T0)
    stepTracker(state, told('a', 'succeeded'), T0)
    expect(stepTracker(state, asked('a'), T0)).toEqual([
      { type: 'known', id: 'a', isOpen: false },
      { type: 'answer', topic: 't', result: result('a', 'succeeded') },
    ])
  })

  it('knows a result that its gateway sends again, and one that a later status has overtaken', () => {
    const state = createTrackerState()
    stepTracker(state, asked('a'), T0)
    stepTracker(state, told('a', 'accepted'), T0)
    stepTracker(state, told('a', 'executing'), T0)
    expect(types(state, told('a', 'executing'))).toEqual(['repeat'])
    expect(types(state, told('a', 'executing', T0 + 1))).toEqual(['pass', 'keep'])
    expect(stepTracker(state, told('a', 'accepted'), T0)).toMatchObject([{ type: 'drop', why: 'stale' }])
    stepTracker(state, told('a', 'succeeded', T0 + 2), T0)
    expect(types(state, told('a', 'succeeded', T0 + 2))).toEqual(['repeat'])
  })

  it('takes results from the device that was asked, and of commands that came through the hub', () => {
    const state = createTrackerState()
    stepTracker(state, asked('a'), T0)
    const forged = { type: 'result', topic: 'other', result: result('a', 'succeeded') } as const
    expect(stepTracker(state, forged, T0)).toMatchObject([{ type: 'drop', why: 'unknown' }])
    expect(stepTracker(state, told('b', 'succeeded'), T0)).toMatchObject([{ type: 'drop', why: 'unknown' }])
    expect(types(state, told('a', 'succeeded'))).toEqual(['pass', 'keep'])
  })

  it('refuses an id that another device was given, and leaves that one alone', () => {
    const state = createTrackerState()
    stepTracker(state, asked('a'), T0)
    expect(stepTracker(state, asked('a', { topic: 'u' }), T0)).toMatchObject([
      { type: 'known' },
      { type: 'answer', topic: 'u', result: { status: 'refused', code: 'COMMAND_REPLAYED' } },
    ])
    expect(state.commands.get('a')).toMatchObject({ topic: 't', final: undefined })
  })

  it('delivers again what the hub itself asks for again, as long as it has no final result', () => {
    const state = createTrackerState()
    stepTracker(state, asked('a', { from: 'hub', again: true }), T0)
    expect(types(state, asked('a', { from: 'hub', again: true }))).toEqual(['deliver'])
    stepTracker(state, told('a', 'succeeded'), T0)
    expect(types(state, asked('a', { from: 'hub', again: true }))).toEqual(['known', 'answer'])
  })

  it.each([
    ['expired', 'COMMAND_EXPIRED', 5000, { at: T0 + 5000, online: true }],
    ['refused', 'GATEWAY_OFFLINE', 5000, { at: T0, online: false }],
    ['refused', 'COMMAND_EXPIRY_TOO_FAR', TTL_MS_MAX + 1, { at: T0, online: true }],
    ['refused', 'COMMAND_EXPIRY_TOO_FAR', 5000, { at: T0 - TTL_MS_MAX, online: true }],
  ])('ends as %s with %s', (status, code, ttl_ms, { at, online }) => {
    const effects = stepTracker(createTrackerState(), asked('a', { gatewayOnline: online }, ttl_ms), at)
    expect(effects.find(({ type }) => type === 'answer')).toMatchObject({ result: { status, code } })
    expect(effects.map(({ type }) => type)).not.toContain('deliver')
  })

  it('answers what the contract refuses, and does not let it become another answer', () => {
    const state = createTrackerState()
    const bad = {
      type: 'malformed',
      topic: 't',
      id: 'a',
      name: 'siren',
      code: 'SCHEMA_VIOLATION',
      message: 'm',
    } as const
    expect(stepTracker(state, bad, T0)).toMatchObject([
      { type: 'answer', result: { status: 'refused', code: 'SCHEMA_VIOLATION' } },
      { type: 'keep' },
    ])
    expect(stepTracker(state, asked('a'), T0)).toMatchObject([
      { type: 'known' },
      { type: 'answer', result: { status: 'refused', code: 'SCHEMA_VIOLATION' } },
    ])
    stepTracker(state, asked('b'), T0)
    expect(types(state, { ...bad, id: 'b' })).toEqual(['known'])
  })

  it('says RESULT_UNKNOWN when the gateway stays silent past expiry and grace', () => {
    const state = createTrackerState()
    stepTracker(state, asked('a'), T0)
    expect(stepTracker(state, { type: 'tick' }, T0 + 5000 + GRACE_MS - 1)).toEqual([])
    expect(stepTracker(state, { type: 'tick' }, T0 + 5000 + GRACE_MS)).toMatchObject([
      { type: 'answer', result: { status: 'failed', code: 'RESULT_UNKNOWN' } },
      { type: 'keep' },
    ])
  })

  it('forgets an id after its deadline and never before, and then refuses whatever may have had it', () => {
    const state = createTrackerState()
    stepTracker(state, asked('a'), T0)
    stepTracker(state, told('a', 'succeeded'), T0)
    const gone_ms = T0 + 5000 + GRACE_MS + REMEMBERED_MS
    expect(stepTracker(state, { type: 'tick' }, gone_ms - 1)).toEqual([])
    expect(stepTracker(state, { type: 'tick' }, gone_ms)).toEqual([
      { type: 'keep-horizon' },
      { type: 'forget', id: 'a' },
    ])
    // Also when the clock was wrong then, and is put back.
    for (const now_ms of [gone_ms, T0]) expect(types(state, asked('a'), now_ms)).toEqual(['beyond-horizon'])
    expect(types(state, asked('b', {}, 5001), T0)).toContain('deliver')
  })

  it('is bounded: what is not yet expired is not forgotten for something new, and the hub itself has room left', () => {
    const state = createTrackerState()
    for (let i = 0; i < REMEMBERED_MAX - RESERVED; i++) stepTracker(state, asked(`c${i}`, { gatewayOnline: false }), T0)
    const busy = [{ type: 'answer', result: { status: 'refused', code: 'COMMANDS_BUSY' } }]
    expect(stepTracker(state, asked('one-more'), T0)).toMatchObject(busy)
    expect(types(state, asked('c0'))).toEqual(['known', 'answer'])
    for (let i = 0; i < RESERVED; i++) expect(types(state, asked(`h${i}`, { from: 'hub' }))).toContain('deliver')
    expect(stepTracker(state, asked('h', { from: 'hub' }), T0)).toMatchObject(busy)
    const later_ms = T0 + 5000 + GRACE_MS
    expect(types(state, asked('later', {}, 60_000), later_ms)).toContain('deliver')
    expect(state.commands.size).toBe(RESERVED + 1)
  })
})
