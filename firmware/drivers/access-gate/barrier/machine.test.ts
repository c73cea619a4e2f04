import { describe, expect, it } from 'vitest'
import type { AccessGateState } from '../../../../hub/contract/access-gate.ts'
import { BarrierBench, openedBarrier as opened, plate } from '../proof/barrier-bench.ts'

describe('a barrier', () => {
  it('opens for an authorised vehicle, counts it, and closes when the zone has been clear', () => {
    const bench = opened()
    expect(bench.shown.waiting).toBe(1)
    expect(bench.drive()).toBe(true)
    expect(bench.events()).toEqual([
      { event: 'passage', data: { direction: 'in', granted: true, by: 'plate', credential: 'k1' } },
    ])
    bench.pass(4000)
    expect(bench.shown).toMatchObject({ position: 'closed', waiting: 0, vehicles: { in: 1, out: 0, withoutright: 0 } })
    expect(bench.outputs).toEqual({ raise: false, lower: false })
  })

  it('refuses the others, and says why', () => {
    const bench = new BarrierBench().begin()
    bench.decide({ granted: false, by: 'plate', reason: 'unknown-plate' })
    bench.decide({ direction: 'out', by: 'plate' })
    bench.command('lock')
    bench.decide(plate('k1'))
    bench.pass(1000)
    const reasons = bench.events().filter(({ event }) => event === 'denied')
    expect(reasons.map(({ data }) => data.reason)).toEqual(['unknown-plate', 'wrong-direction', 'mode-closed'])
    expect(bench.outputs).toEqual({})
  })

  it('goes down only after the whole clear delay', () => {
    const bench = opened()
    bench.drive()
    bench.pass(300)
    bench.set({ beam: true })
    bench.pass(200)
    bench.set({ beam: false })
    bench.pass(900)
    expect(bench.outputs.lower).toBeFalsy()
    bench.pass(200)
    expect(bench.outputs.lower).toBe(true)
  })

  it.each(['safety', 'beam'])('reverses at once when %s is occupied, and tries again when it is clear', (name) => {
    const bench = opened()
    bench.drive()
    bench.pass(1500)
    expect(bench.outputs.lower).toBe(true)
    bench.set({ [name]: true })
    expect(bench.outputs).toMatchObject({ lower: false, raise: true })
    bench.pass(3000)
    expect(bench.shown.position).toBe('open')
    expect(bench.events()).toContainEqual({ event: 'reversed', data: { part: name } })
    bench.set({ [name]: false })
    bench.pass(4000)
    expect(bench.shown.position).toBe('closed')
  })

  it.each(['safety', 'beam'])('goes up when %s is not read any more', (name) => {
    const bench = opened()
    bench.drive()
    bench.pass(600)
    delete bench.levels[name]
    bench.pass(1000)
    expect(bench.outputs).toMatchObject({ lower: false, raise: true })
    bench.pass(10_000)
    expect(bench.shown).toMatchObject({ position: 'open', safety: 'unknown', faults: ['sensor-unknown'] })
  })

  it('switches a drive off that does not arrive, and waits for a person', () => {
    const bench = new BarrierBench().begin()
    bench.jammed = true
    const first = bench.command('open')
    bench.pass(8000)
    expect(bench.outputs).toMatchObject({ raise: false, stop: true })
    expect(bench.outcomes(first)).toEqual(['failed GATE_MOTION_TIMEOUT'])
    bench.pass(500)
    expect(bench.outputs.stop).toBe(false)
    bench.decide(plate('k1'))
    bench.pass(5000)
    expect(bench.outputs.raise).toBe(false)
    expect(bench.shown.faults).toEqual(['motion-timeout'])
    bench.jammed = false
    const second = bench.command('open')
    bench.pass(3000)
    expect(bench.outcomes(second)).toEqual(['succeeded'])
    expect(bench.shown).toMatchObject({ position: 'open', faults: [] })
  })

  it('never shows a boom as closed that it cannot see', () => {
    const bench = new BarrierBench().begin()
    expect(bench.shown.position).toBe('closed')
    delete bench.levels.down
    bench.pass(1500)
    expect(bench.shown.position).toBe('unknown')
    bench.set({ down: true, up: true })
    expect(bench.shown).toMatchObject({ position: 'unknown', faults: expect.arrayContaining(['limits-contradict']) })
    bench.lose()
    expect(bench.shown.position).toBe('unknown')
  })

  it('tells a boom that rises by itself', () => {
    const bench = new BarrierBench().begin()
    bench.set({ down: false })
    expect(bench.shown.alarm).toBe('forced')
    bench.pass(2000)
    bench.set({ down: true })
    expect(bench.events()).toEqual([
      { event: 'forced', data: { atstart: false } },
      { event: 'forced-cleared', data: { lasted_ms: 2000 } },
    ])
    expect(bench.outputs).toEqual({})
  })

  it('lets nobody in later for whom it opened in vain', () => {
    const bench = opened()
    bench.pass(16_000)
    expect(bench.events()).toEqual([{ event: 'unused', data: { direction: 'in', by: 'plate', credential: 'k1' } }])
    bench.pass(4000)
    expect(bench.shown.position).toBe('closed')
  })

  it('tests the beam before each lowering, and stops closing by itself when the test fails', () => {
    const bench = opened({ hasBeamTest: true })
    bench.drive()
    const blind = { ...bench.levels }
    bench.pass(700)
    expect(bench.outputs['beam-test']).toBe(true)
    // The receiver notices that the light is gone, and that it is back.
    bench.set({ beam: true })
    expect(bench.outputs).toMatchObject({ 'beam-test': false })
    expect(bench.outputs.lower).toBeFalsy()
    bench.set({ beam: false })
    expect(bench.outputs.lower).toBe(true)
    bench.pass(4000)
    bench.decide(plate('k2'))
    bench.pass(3000)
    bench.set({ ...blind, up: true, down: false })
    bench.drive()
    bench.pass(10_000)
    expect(bench.shown).toMatchObject({ position: 'open', faults: ['sensor-failed'] })
    expect(bench.outcomes(bench.command('close'))).toEqual(['refused GATE_FAULT'])
  })

  it('takes what stands in a beam after its test for somebody, not for a failed sensor', () => {
    const bench = opened({ hasBeamTest: true })
    bench.drive()
    bench.pass(700)
    bench.set({ beam: true })
    bench.pass(3000)
    expect(bench.shown).toMatchObject({ position: 'open', faults: [], safety: 'occupied' })
    expect(bench.outputs.lower).toBeFalsy()
  })

  it('reports a safety sensor that stays occupied', () => {
    const bench = new BarrierBench().begin()
    bench.set({ beam: true })
    bench.pass(120_000)
    expect(bench.shown.faults).toEqual(['sensor-stuck'])
    bench.set({ beam: false })
    expect(bench.shown.faults).toEqual([])
  })
})

describe('commands to a barrier', () => {
  it('end when the boom has arrived, once each', () => {
    const bench = new BarrierBench().begin()
    const open = bench.command('open')
    bench.pass(1000)
    expect(bench.outcomes(open)).toEqual([])
    bench.pass(1500)
    const close = bench.command('close')
    bench.pass(1000)
    const again = bench.command('close')
    bench.pass(3000)
    expect([open, close, again].map((id) => bench.outcomes(id))).toEqual([
      ['succeeded'],
      ['failed GATE_SUPERSEDED'],
      ['succeeded'],
    ])
    expect(bench.shown.position).toBe('closed')
  })

  it('are refused with the reason', () => {
    const bench = opened()
    const refusal = (name: string, args = {}) => bench.outcomes(bench.command(name, args))
    bench.set({ safety: true })
    expect(refusal('close')).toEqual(['refused GATE_SAFETY_OCCUPIED'])
    bench.set({ safety: undefined })
    expect(refusal('close')).toEqual(['refused GATE_SAFETY_UNKNOWN'])
    bench.set({ safety: false, up: undefined })
    expect(refusal('close')).toEqual(['refused GATE_POSITION_UNKNOWN'])
    expect(refusal('set-mode', { mode: 'card' })).toEqual(['refused GATE_MODE_UNKNOWN'])
    expect(refusal('dance')).toEqual(['refused COMMAND_UNKNOWN'])
    bench.command('lock')
    expect(refusal('open')).toEqual(['refused GATE_MODE_FORBIDS'])
    bench.command('unlock')
    expect(refusal('close')).toEqual(['refused GATE_MODE_FORBIDS'])
    bench.command('release-all')
    expect(refusal('close')).toEqual(['refused GATE_EVACUATING'])
    expect(refusal('set-mode', { mode: 'normal' })).toEqual(['refused GATE_EVACUATING'])
    bench.lose()
    expect(refusal('open')).toEqual(['failed GATE_OFFLINE'])
  })

  it('leave no wish behind when they fail', () => {
    const bench = new BarrierBench()
    bench.boom = 1
    bench.begin()
    bench.pass(2000)
    const close = bench.command('close')
    bench.pass(500)
    bench.set({ beam: true })
    expect(bench.outcomes(close)).toEqual(['failed GATE_SAFETY_OCCUPIED'])
    bench.pass(2000)
    bench.set({ beam: false })
    bench.pass(30_000)
    expect(bench.shown.position).toBe('open')
  })

  it('do nothing once expired, also when they expire during the test of the beam', () => {
    const bench = new BarrierBench({ hasBeamTest: true })
    bench.boom = 1
    bench.begin()
    bench.pass(2000)
    expect(bench.outcomes(bench.command('close', {}, 0))).toEqual(['expired COMMAND_EXPIRED'])
    const close = bench.command('close', {}, 100)
    bench.set({ beam: true })
    bench.pass(200)
    bench.set({ beam: false })
    expect(bench.outcomes(close)).toEqual(['expired COMMAND_EXPIRED'])
    bench.pass(10_000)
    expect(bench.boom).toBe(1)
  })

  it('hold the boom up for a time', () => {
    const bench = new BarrierBench().begin()
    bench.command('hold-open', { for_ms: 60_000 })
    bench.pass(59_000)
    expect(bench.shown).toMatchObject({ position: 'open', held: true, helduntil: '2026-11-23T08:01:00.000Z' })
    bench.pass(5000)
    expect(bench.shown).toMatchObject({ position: 'closed', held: false })
  })
})

describe('an evacuation', () => {
  it('raises the boom out of a closing, and stays over a restart', () => {
    const bench = opened()
    bench.drive()
    bench.pass(1500)
    expect(bench.outputs.lower).toBe(true)
    bench.command('release-all')
    expect(bench.outputs).toMatchObject({ lower: false, raise: true })
    bench.pass(3000)
    const kept = JSON.parse(JSON.stringify(bench.shown)) as AccessGateState
    const after = new BarrierBench({}, kept)
    expect(after.shown.mode).toBe('evacuate')
    expect(after.outputs).toEqual({})
    after.begin()
    after.pass(3000)
    expect(after.shown.position).toBe('open')
    expect(after.outcomes(after.command('set-mode', { mode: 'schedule', endevacuation: true }))).toEqual(['succeeded'])
    after.pass(5000)
    expect(after.shown).toMatchObject({ mode: 'normal', position: 'closed' })
  })

  it('is begun by the fire panel, and not ended while that asks', () => {
    const bench = new BarrierBench({ inputs: ['up', 'down', 'safety', 'release'] })
    bench.ready({ up: false, down: true, safety: false, release: false })
    bench.set({ release: true })
    expect(bench.shown.mode).toBe('evacuate')
    const end = { mode: 'normal', endevacuation: true }
    expect(bench.outcomes(bench.command('set-mode', end))).toEqual(['refused GATE_EVACUATING'])
    bench.set({ release: false })
    expect(bench.shown.mode).toBe('evacuate')
    expect(bench.outcomes(bench.command('set-mode', end))).toEqual(['succeeded'])
  })
})

describe('after a restart or a reconnect a barrier', () => {
  it('does not move, whatever was asked before', () => {
    const bench = opened()
    bench.decide(plate('k2'))
    const open = bench.command('open')
    bench.set({ approach: true })
    bench.lose()
    expect(bench.outcomes(open)).toEqual(['succeeded'])
    bench.begin()
    bench.pass(60_000)
    expect(Object.values(bench.outputs)).not.toContain(true)
    bench.decide(plate('k3'))
    bench.pass(100)
    bench.set({ approach: true })
    bench.drive()
    bench.pass(5000)
    expect(bench.shown.position).toBe('closed')
  })

  it('remembers counts, modes and faults, but no orders', () => {
    const kept: AccessGateState = {
      kind: 'barrier',
      mode: 'closed',
      modeby: 'command',
      position: 'open',
      held: true,
      alarm: 'none',
      vehicles: { in: 7, out: 2, withoutright: 1 },
      faults: ['motion-timeout', 'sensor-stuck'],
      tamper: ['enclosure'],
    }
    const bench = new BarrierBench({}, kept).begin()
    expect(bench.shown).toMatchObject({
      mode: 'closed',
      held: false,
      vehicles: { in: 7, out: 2, withoutright: 1 },
      faults: ['motion-timeout'],
      tamper: ['enclosure'],
    })
  })
})
