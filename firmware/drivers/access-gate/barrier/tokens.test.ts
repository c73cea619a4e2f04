import { describe, expect, it } from 'vitest'
import { BarrierBench, openedBarrier, plate } from '../proof/barrier-bench.ts'

const flow = { policy: 'flow' } as const
const stranger = { granted: false, by: 'plate', reason: 'unknown', credential: 'x' } as const
const denials = (bench: BarrierBench) =>
  bench
    .events()
    .filter(({ event }) => event === 'denied')
    .map(({ data }) => data.reason)

describe('behind a refused vehicle', () => {
  it('the next is let in once it has slipped through', () => {
    const bench = openedBarrier(flow)
    bench.decide(stranger)
    bench.drive(true)
    bench.drive()
    bench.decide(plate('k2'))
    expect(denials(bench)).toEqual(['unknown'])
  })

  it('the next is let in once it has turned away, while another is under the boom', () => {
    const bench = new BarrierBench(flow).begin()
    bench.command('hold-open')
    bench.pass(2500)
    for (const on of [{ approach: true }, { safety: true }, { approach: false }, { approach: true }]) bench.set(on)
    bench.decide(stranger)
    bench.set({ approach: false })
    bench.decide(plate('k2'))
    expect(denials(bench)).toEqual(['unknown'])
  })

  it('the next is not let in because one ahead, who has a right, left the loop', () => {
    const bench = new BarrierBench(flow).begin()
    bench.set({ approach: true })
    bench.decide(plate('k1'))
    bench.decide(stranger)
    bench.set({ approach: false })
    bench.set({ approach: true })
    bench.decide(plate('k2'))
    expect(denials(bench)).toEqual(['unknown', 'refused-ahead'])
  })

  it('the next is let in when staff open for the one refused', () => {
    const bench = new BarrierBench(flow).begin()
    bench.decide(stranger)
    bench.command('open')
    bench.decide(plate('k2'))
    expect(denials(bench)).toEqual(['unknown'])
  })

  it('nobody is: who has a right and is refused a second one, or comes the other way, stands in nobody’s way', () => {
    const again = openedBarrier(flow)
    again.decide({ ...stranger, reason: 'passback', credential: 'k1' })
    again.decide(plate('k2'))
    expect(denials(again)).toEqual(['passback'])
    const opposite = new BarrierBench(flow).begin()
    opposite.decide({ ...stranger, direction: 'out' })
    opposite.decide(plate('k1'))
    expect(denials(opposite)).toEqual(['unknown'])
  })
})

describe('a right', () => {
  it('that waits for its own opening is used by who goes on the one before', () => {
    const bench = openedBarrier()
    bench.decide(plate('k2'))
    bench.drive(true)
    bench.drive()
    expect(bench.events().map(({ event, data }) => [event, data.credential])).toEqual([
      ['passage', 'k1'],
      ['passage', 'k2'],
    ])
    bench.pass(10_000)
    expect(bench.shown.position).toBe('closed')
  })

  it('is used once by a vehicle that breaks the beam late, without a loop behind the boom', () => {
    const bench = openedBarrier({ inputs: ['up', 'down', 'safety', 'beam', 'approach'] })
    bench.set({ safety: true })
    bench.pass(300)
    bench.set({ beam: true })
    bench.pass(700)
    bench.set({ beam: false })
    bench.set({ safety: false })
    expect(bench.events().map(({ event }) => event)).toEqual(['passage'])
  })
})
