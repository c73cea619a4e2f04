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

  it('flow: the refused vehicle stands in the way until it has left, or is not seen any more', () => {
    const waits = () => {
      const bench = new BarrierBench({ policy: 'flow' }).begin()
      bench.set({ approach: true })
      bench.decide({ granted: false, by: 'plate', reason: 'unknown' })
      bench.decide(plate('k2'))
      bench.pass(2500)
      expect(bench.shown.position).toBe('closed')
      return bench
    }
    const left = waits()
    left.set({ approach: false })
    left.set({ approach: true })
    left.decide(plate('k2'))
    left.pass(2500)
    expect(left.shown.position).toBe('open')
    const unseen = waits()
    unseen.pass(13_000)
    unseen.decide(plate('k2'))
    unseen.pass(2500)
    expect(unseen.shown.position).toBe('open')
    const staying = waits()
    for (let read = 0; read < 5; read++) {
      staying.pass(4000)
      staying.decide({ granted: false, by: 'plate', reason: 'unknown' })
    }
    staying.decide(plate('k2'))
    staying.pass(2500)
    expect(staying.shown.position).toBe('closed')
  })

  it('flow: whoever shows a card, and staff, come before a refused vehicle; a camera that is unsure refuses nobody', () => {
    const refused = () => {
      const bench = new BarrierBench({ policy: 'flow' }).begin()
      bench.set({ approach: true })
      bench.decide({ granted: false, by: 'plate', reason: 'unknown' })
      return bench
    }
    const card = refused()
    card.decide({ by: 'card', credential: 'k9' })
    card.pass(2500)
    expect(card.shown.position).toBe('open')
    const staff = refused()
    staff.command('open')
    staff.pass(2500)
    expect(staff.shown.position).toBe('open')
    const unsure = new BarrierBench({ policy: 'flow' }).begin()
    unsure.decide({ granted: false, by: 'plate', reason: 'plate-unsure' })
    unsure.decide(plate('k1'))
    unsure.pass(2500)
    expect(unsure.shown.position).toBe('open')
  })

  it('flow: rights that nobody uses end together, and the boom comes down before anybody else is served', () => {
    const bench = opened({ policy: 'flow' })
    bench.decide(plate('k2'))
    bench.pass(13_000)
    bench.decide(plate('k3'))
    bench.pass(2500)
    expect(bench.events()).toEqual(
      ['k1', 'k2', 'k3'].map((credential) => ({
        event: 'unused',
        data: { direction: 'in', by: 'plate', credential },
      })),
    )
    // Read again while the boom is on its way, k2 has to wait for the next opening.
    bench.decide(plate('k2'))
    expect(bench.outputs.lower).toBe(true)
    bench.pass(2500)
    expect(bench.lowest).toBe(0)
    bench.pass(2500)
    expect(bench.shown.position).toBe('open')
  })

  it('the beam tells two apart that the loop takes for one', () => {
    const bench = opened()
    bench.set({ safety: true })
    bench.set({ beam: true })
    bench.pass(700)
    bench.set({ exit: true, beam: false })
    bench.pass(200)
    bench.set({ beam: true })
    bench.pass(700)
    bench.set({ beam: false })
    bench.set({ safety: false })
    expect(bench.events().map(({ event }) => event)).toEqual(['passage', 'passage', 'tailgating'])
    expect(bench.shown.vehicles).toEqual({ in: 2, out: 0, withoutright: 1 })
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

  it('who came under the boom while the way was free has passed by the mode, also when that ends meanwhile', () => {
    const bench = new BarrierBench().begin()
    bench.command('set-mode', { mode: 'free-flow' })
    bench.pass(2500)
    bench.set({ approach: true })
    bench.set({ safety: true })
    bench.command('set-mode', { mode: 'normal' })
    bench.set({ exit: true })
    bench.set({ safety: false })
    expect(bench.events().at(-1)).toMatchObject({ event: 'passage', data: { by: 'mode', granted: true } })
    expect(bench.shown.vehicles).toMatchObject({ in: 1, withoutright: 0 })
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
