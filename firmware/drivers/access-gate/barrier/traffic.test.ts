import { describe, expect, it } from 'vitest'
import { BarrierBench, openedBarrier as opened, plate } from '../proof/barrier-bench.ts'

describe('the queue at a barrier', () => {
  it('plain: each vehicle has its own opening', () => {
    const bench = opened()
    bench.decide(plate('k2'))
    bench.drive(true)
    bench.pass(1200)
    expect(bench.outputs.lower).toBe(true)
    bench.pass(4500)
    expect(bench.shown.position).toBe('open')
    bench.drive()
    expect(bench.shown.vehicles).toEqual({ in: 2, out: 0, withoutright: 0 })
  })

  it('flow: the boom stays up while authorised vehicles follow each other, and no longer', () => {
    const bench = opened({ policy: 'flow' })
    for (const credential of ['k2', 'k3']) {
      bench.decide(plate(credential))
      bench.drive(true)
      expect(bench.shown.position).toBe('open')
    }
    bench.drive()
    bench.pass(4000)
    expect(bench.shown).toMatchObject({ position: 'closed', vehicles: { in: 3, out: 0, withoutright: 0 } })
    expect(bench.events().filter(({ event }) => event === 'passage')).toHaveLength(3)
  })

  it('flow: nobody behind a refused vehicle is let in on the opening before it', () => {
    const bench = opened({ policy: 'flow' })
    bench.decide({ granted: false, by: 'plate', reason: 'unknown-plate', credential: 'stranger' })
    bench.decide(plate('k3'))
    bench.drive(true)
    bench.pass(4000)
    expect(bench.shown).toMatchObject({ position: 'closed', vehicles: { in: 1, out: 0, withoutright: 0 } })
    expect(
      bench
        .events()
        .filter(({ event }) => event === 'denied')
        .map(({ data }) => data.reason),
    ).toEqual(['unknown-plate', 'refused-ahead'])
  })

  it('reads the same plate twice without opening twice', () => {
    const bench = opened({ policy: 'flow' })
    bench.decide(plate('k1'))
    bench.drive()
    bench.pass(4000)
    expect(bench.shown.position).toBe('closed')
  })

  it('tells a vehicle that follows on the right of the one before', () => {
    const bench = opened()
    bench.drive(true)
    bench.drive()
    expect(bench.events().map(({ event }) => event)).toEqual(['passage', 'passage', 'tailgating'])
    expect(bench.shown.vehicles).toEqual({ in: 2, out: 0, withoutright: 1 })
  })

  it('does not count one that backs out again', () => {
    const bench = opened()
    bench.set({ safety: true })
    bench.pass(1000)
    bench.set({ safety: false })
    bench.pass(500)
    expect(bench.shown.vehicles).toEqual({ in: 0, out: 0, withoutright: 0 })
    bench.drive()
    expect(bench.shown.vehicles).toEqual({ in: 1, out: 0, withoutright: 0 })
  })

  it('turns a tidal lane by its schedule', () => {
    const schedule = {
      timeZone: 'UTC',
      rules: [
        { days: ['mon'] as const, from: '08:01', to: '09:00', mode: 'tidal' as const, direction: 'out' as const },
      ],
      otherwise: { mode: 'tidal' as const, direction: 'in' as const },
    }
    const bench = new BarrierBench({ schedule }).begin()
    expect(bench.shown.direction).toBe('in')
    bench.pass(60_000)
    expect(bench.shown.direction).toBe('out')
    bench.decide(plate('k1'))
    bench.decide({ ...plate('k2'), direction: 'out' })
    bench.pass(2500)
    expect(bench.shown.position).toBe('open')
    bench.set({ exit: true })
    bench.set({ safety: true })
    bench.pass(700)
    bench.set({ exit: false, approach: true })
    bench.pass(700)
    bench.set({ safety: false })
    expect(bench.events()).toEqual([
      { event: 'denied', data: { direction: 'in', reason: 'wrong-direction', credential: 'k1' } },
      { event: 'passage', data: { direction: 'out', granted: true, by: 'plate', credential: 'k2' } },
    ])
  })
})
