import { describe, expect, it } from 'vitest'
import { BarrierBench, openedBarrier, plate } from '../proof/barrier-bench.ts'

const following = { policy: 'flow', lamps: ['lamp', 'lamp-exit'] } as const

describe('the lights at a barrier', () => {
  it('are green when the boom is up, for as many as have a right', () => {
    const bench = new BarrierBench(following).begin()
    bench.set({ approach: true })
    bench.decide(plate('k1'))
    bench.decide(plate('k2'))
    bench.pass(1900)
    expect(bench.outputs.lamp ?? false).toBe(false)
    bench.pass(600)
    expect(bench.outputs.lamp).toBe(true)
    // k1 drives: the light speaks to k2.
    bench.set({ safety: true })
    expect(bench.outputs.lamp).toBe(true)
    bench.pass(700)
    bench.set({ exit: true, safety: false })
    expect(bench.outputs.lamp).toBe(true)
    bench.set({ safety: true })
    expect(bench.outputs.lamp).toBe(false)
    expect(bench.outputs['lamp-exit'] ?? false).toBe(false)
  })

  it('are red from the moment in which the boom is to come down', () => {
    const bench = openedBarrier(following)
    expect(bench.outputs.lamp).toBe(true)
    bench.pass(16_000)
    expect(bench.outputs.lamp).toBe(false)
    expect(bench.events().map(({ event }) => event)).toContain('unused')
  })

  it('under the plain policy are green for the one vehicle of this opening', () => {
    const bench = openedBarrier({ lamps: ['lamp'] })
    bench.decide(plate('k2'))
    expect(bench.outputs.lamp).toBe(true)
    bench.set({ safety: true })
    expect(bench.outputs.lamp).toBe(false)
  })

  it('are red without the hardware, and after it is back until somebody asks', () => {
    const bench = openedBarrier(following)
    bench.lose()
    expect(bench.state.driven.lamp).toBe(false)
    bench.ready({ up: true, down: false, safety: false, beam: false, approach: false, exit: false })
    bench.pass(1000)
    expect(bench.outputs.lamp).toBe(false)
  })

  it('of both sides are green in free flow, and never towards one who is under the boom', () => {
    const bench = new BarrierBench({ ...following, direction: 'both' }).begin()
    bench.command('set-mode', { mode: 'free-flow' })
    bench.pass(2500)
    expect(bench.outputs).toMatchObject({ lamp: true, 'lamp-exit': true })
    bench.set({ approach: true })
    bench.set({ safety: true })
    expect(bench.outputs).toMatchObject({ lamp: true, 'lamp-exit': false })
  })

  it('of a lane for one direction leaves the other side red, whoever holds it open', () => {
    const bench = openedBarrier(following)
    bench.command('hold-open')
    bench.pass(100)
    bench.drive()
    expect(bench.outputs.lamp).toBe(true)
    expect(bench.outputs['lamp-exit'] ?? false).toBe(false)
  })

  it('show green to the side from which the vehicle with the right comes', () => {
    const bench = openedBarrier({ ...following, direction: 'both' })
    expect(bench.outputs.lamp).toBe(true)
    expect(bench.outputs['lamp-exit'] ?? false).toBe(false)
  })

  it('are red under a boom that was found up and that nobody has asked for', () => {
    const bench = new BarrierBench({ ...following, mode: 'free-flow' })
    bench.boom = 1
    bench.begin().pass(1000)
    expect(bench.shown.position).toBe('open')
    expect(bench.outputs.lamp ?? false).toBe(false)
  })
})
