import { describe, expect, it } from 'vitest'
import { at, Bench, command, config, WALL_MS } from '../../testing/button-bench.ts'
import { nextDeadline, step } from './machine.ts'

describe('a press', () => {
  it('is told with its number and the moment of its first edge, and ends with how long it was held', () => {
    const bench = new Bench().ready().wait(1000).press(200)
    expect(bench.events()).toEqual([
      ['pressed', { press: 1, atstart: false }],
      ['released', { press: 1, held_ms: 200 }],
    ])
    const [first] = bench.effects.filter((effect) => effect.type === 'event')
    expect(first).toMatchObject({ severity: 'alarm', at: { wall_ms: WALL_MS + 1000, monotonic_ms: 1000 } })
    expect(bench.shown).toMatchObject({ alarm: true, pressed: false, presses: 1, since: '2026-11-01T00:00:01.000Z' })
  })

  it('counts each time, and the alarm keeps the moment of the first', () => {
    const bench = new Bench().ready().wait(1000).press(60).press(60).press(60)
    expect(bench.events().filter(([name]) => name === 'pressed')).toEqual(
      [1, 2, 3].map((press) => ['pressed', { press, atstart: false }]),
    )
    expect(bench.shown).toMatchObject({ presses: 3, since: '2026-11-01T00:00:01.000Z' })
  })

  it('held for three seconds takes the alarm back, once', () => {
    const bench = new Bench().ready().close().wait(3014)
    expect(bench.events().at(-1)).toEqual(['cancelled', { press: 1, held_ms: 3000 }])
    bench.wait(20_000).open().wait(100)
    expect(bench.names()).toEqual(['pressed', 'cancelled', 'released'])
    expect(bench.shown).toMatchObject({ alarm: false, presses: 1 })
    expect(bench.shown.since).toBeUndefined()
    expect(bench.press(60).events().at(-2)).toEqual(['pressed', { press: 2, atstart: false }])
  })

  it('that bounces open at the very moment of cancelling cancels when it closes again, or not at all', () => {
    const closes = new Bench().ready().close().wait(2995).open().wait(10).close().wait(5)
    expect(closes.names()).toEqual(['pressed', 'cancelled'])
    const released = new Bench().ready().close().wait(2995).open().wait(1000)
    expect(released.names()).toEqual(['pressed', 'released'])
  })

  it('held for thirty seconds is a stuck contact until it opens', () => {
    const bench = new Bench().ready().close().wait(30_000)
    expect(bench.events().at(-1)).toEqual(['stuck', { press: 1, held_ms: 30_000 }])
    expect(bench.availability()).toEqual(['fault', 'contact-stuck'])
    expect(bench.shown.stuck).toBe(true)
    bench.wait(100_000)
    expect(bench.names()).toEqual(['pressed', 'cancelled', 'stuck'])
    bench.open().wait(100)
    expect(bench.availability()).toEqual(['online', undefined])
    expect(bench.shown.stuck).toBe(false)
  })
})

describe('a contact found closed', () => {
  it('at the first start is a press, told as found', () => {
    expect(new Bench().ready(true).wait(100).events()).toEqual([['pressed', { press: 1, atstart: true }]])
  })

  it('after a restart during a press is the same press', () => {
    const before = new Bench().ready().close().wait(500)
    const after = new Bench(before.shown).ready(true).wait(100)
    expect(after.events()).toEqual([])
    expect(after.shown).toMatchObject({ alarm: true, pressed: true, presses: 1 })
    expect(after.open().wait(100).names()).toEqual(['released'])
  })

  it('is not believed while it only flickers', () => {
    expect(new Bench().ready(true).wait(8).open().wait(100).events()).toEqual([])
  })
})

describe('a restart', () => {
  it('neither forgets a latched alarm nor tells it again', () => {
    const before = new Bench().ready().press(60).press(60)
    const after = new Bench(before.shown).ready().wait(60_000)
    expect(after.events()).toEqual([])
    expect(after.shown).toMatchObject({ alarm: true, presses: 2, since: before.shown.since })
    expect(after.press(60).events()[0]).toEqual(['pressed', { press: 3, atstart: false }])
  })

  it('ends a press that was released meanwhile', () => {
    const before = new Bench().ready().close().wait(500)
    expect(new Bench(before.shown).ready(false).wait(100).names()).toEqual(['released'])
  })

  it('does not take an alarm back because of a hold that nobody watched, and tells a tamper once', () => {
    const cut = new Bench().ready().loop(1).wait(400)
    expect(cut.names()).toEqual(['tamper'])
    const after = new Bench(cut.shown).ready().loop(1).wait(400)
    expect(after.names()).toEqual([])
    expect(after.availability()).toEqual(['fault', 'loop-open'])
    expect(after.loop(0.68).wait(400).names()).toEqual(['tamper-cleared'])
  })
})

describe('a lost board', () => {
  it.each(['board-absent', 'board-hung', 'board-starting'])('makes the device offline: %s', (reason) => {
    const bench = new Bench().ready().lose(reason)
    expect(bench.availability()).toEqual(['offline', reason])
    expect(bench.ready().availability()).toEqual(['online', undefined])
  })

  it('is back only when its contact is settled, so that a press right after it is never taken for a bounce', () => {
    const bench = new Bench().ready().close().wait(50).lose('board-hung')
    bench.wait(1000).ready(false)
    expect(bench.availability()).toEqual(['offline', 'board-hung'])
    bench.wait(14)
    expect(bench.availability()).toEqual(['offline', 'board-hung'])
    bench.wait(1)
    expect(bench.availability()).toEqual(['online', undefined])
    expect(bench.press(30).wait(100).names()).toEqual(['pressed', 'released', 'pressed', 'released'])
  })

  it('stops every clock: nothing is cancelled, stuck or switched that nobody sees', () => {
    const bench = new Bench().ready().command('siren', { on: true }).close().wait(1000).lose()
    expect(bench.shown).toMatchObject({ siren: false, pressed: true, loop: 'unknown' })
    bench.wait(500_000)
    expect(bench.names()).toEqual(['pressed'])
    expect(nextDeadline(config, bench.state)).toBeUndefined()
    bench.ready(false).wait(100)
    expect(bench.names()).toEqual(['pressed', 'released'])
    expect(bench.outputs()).toEqual(['siren true'])
  })

  it('that returns with the contact still closed watches the hold anew', () => {
    const bench = new Bench().ready().close().wait(2000).lose().wait(60_000).ready(true).wait(2900)
    expect(bench.names()).toEqual(['pressed'])
    expect(bench.wait(200).names()).toEqual(['pressed', 'cancelled'])
  })

  it('takes no reports', () => {
    const bench = new Bench().ready().lose()
    bench.close().loop(1).wait(1000)
    expect(bench.events()).toEqual([])
  })
})

describe('the loop', () => {
  it.each([
    [1, 'open'],
    [0, 'short'],
  ] as const)('at %d for 300 ms is tampered: %s', (ratio, loop) => {
    const bench = new Bench().ready().loop(0.68).wait(1000).loop(ratio).wait(299)
    expect(bench.names()).toEqual([])
    expect(bench.wait(1).events()).toEqual([['tamper', { loop }]])
    expect(bench.availability()).toEqual(['fault', `loop-${loop}`])
    bench.wait(700).loop(0.68).wait(300)
    expect(bench.events().at(-1)).toEqual(['tamper-cleared', { loop: 'normal', lasted_ms: 1000 }])
    expect(bench.availability()).toEqual(['online', undefined])
  })

  it('passing from open to short is two tampers and one end', () => {
    const bench = new Bench().ready().loop(1).wait(400).loop(0).wait(400).loop(0.68).wait(400)
    expect(bench.names()).toEqual(['tamper', 'tamper', 'tamper-cleared'])
  })

  it('of a pressed button is whole', () => {
    const bench = new Bench().ready().loop(0.277).wait(400)
    expect(bench.names()).toEqual([])
    expect(bench.shown.loop).toBe('normal')
  })

  it('when shorted looks like a press, which nobody can take back by a cut wire', () => {
    const bench = new Bench().ready().close().loop(0).wait(60_000)
    expect(bench.names()).toEqual(['pressed', 'tamper'])
    expect(bench.shown.alarm).toBe(true)
  })
})

describe('commands', () => {
  it('switch lamp and siren, and off after their time', () => {
    const bench = new Bench().ready().command('lamp', { on: true, for_ms: 500 }).wait(1000)
    bench.command('siren', { on: true }).wait(1000).command('siren', { on: false })
    expect(bench.outputs()).toEqual(['lamp true', 'lamp false', 'siren true', 'siren false'])
    expect(bench.outcomes()).toEqual([{ status: 'succeeded' }, { status: 'succeeded' }, { status: 'succeeded' }])
  })

  it.each([{ on: true }, { on: true, for_ms: 3_600_000 }])('limit the siren: %j', (args) => {
    const bench = new Bench().ready().command('siren', args).wait(179_999)
    expect(bench.shown.siren).toBe(true)
    expect(bench.wait(1).shown.siren).toBe(false)
  })

  it('lengthen what is on already', () => {
    const bench = new Bench().ready().command('siren', { on: true, for_ms: 1000 }).wait(900)
    bench.command('siren', { on: true, for_ms: 1000 }).wait(900)
    expect(bench.shown.siren).toBe(true)
    expect(bench.outputs()).toEqual(['siren true'])
    expect(bench.wait(100).outputs()).toEqual(['siren true', 'siren false'])
  })

  it('fail without a board, and are refused without the part', () => {
    expect(new Bench().command('lamp', { on: true }).outcomes()).toMatchObject([
      { status: 'failed', code: 'BOARD_ABSENT' },
    ])
    const bare = step({ ...config, hasSiren: false }, new Bench().ready().state, command('siren', { on: true }), at(1))
    expect(bare.effects).toMatchObject([{ outcome: { status: 'refused', code: 'CAPABILITY_MISSING' } }])
    expect(new Bench().ready().command('dance').outcomes()).toMatchObject([
      { status: 'refused', code: 'COMMAND_UNKNOWN' },
    ])
  })

  it('reset clears alarm and presses, with and without a board, and turns nothing on', () => {
    const bench = new Bench().ready().press(60).press(60).lose().command('reset')
    expect(bench.events().at(-1)).toEqual(['reset', { presses: 2, actor: 'person:li' }])
    expect(bench.shown).toMatchObject({ alarm: false, presses: 0, lamp: false, siren: false })
    expect(bench.outputs()).toEqual([])
    expect(bench.ready().press(60).events().at(-2)).toEqual(['pressed', { press: 1, atstart: false }])
  })

  it('reset during a press leaves the press to end by its own number', () => {
    const bench = new Bench().ready().press(60).close().wait(100).command('reset').wait(10_000).open().wait(100)
    expect(bench.events().slice(2)).toEqual([
      ['pressed', { press: 2, atstart: false }],
      ['reset', { presses: 2, actor: 'person:li' }],
      ['released', { press: 2, held_ms: 10_100 }],
    ])
  })
})
