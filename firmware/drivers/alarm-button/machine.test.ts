import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AlarmButtonState, alarmButtonEvents } from '../../../hub/contract/alarm-button.ts'
import { Availability } from '../../../hub/contract/availability.ts'
import { checker } from '../../../hub/contract/schema.ts'
import {
  type ButtonConfig,
  type ButtonEffect,
  type ButtonInput,
  type ButtonState,
  createButtonState,
  nextDeadline,
  publicState,
  step,
} from './machine.ts'

const WALL_MS = Date.UTC(2026, 10, 1)
const config: ButtonConfig = {
  cancelAfter_ms: 3000,
  stuckAfter_ms: 30_000,
  loopConfirm_ms: 300,
  sirenMax_ms: 180_000,
  hasLamp: true,
  hasSiren: true,
}
const at = (monotonic_ms: number) => ({ wall_ms: WALL_MS + monotonic_ms, monotonic_ms })

/** A button with a clock: inputs at given times, ticks exactly when they are due. */
class Bench {
  state: ButtonState
  readonly effects: ButtonEffect[] = []
  now_ms = 0

  constructor(restored?: AlarmButtonState) {
    this.state = createButtonState(restored, at(0))
  }

  feed(input: ButtonInput): this {
    const { state, effects } = step(config, this.state, input, at(this.now_ms))
    this.state = state
    this.effects.push(...effects)
    return this
  }

  wait(time_ms: number): this {
    const end_ms = this.now_ms + time_ms
    for (let due = nextDeadline(config, this.state); due !== undefined && due <= end_ms; ) {
      this.now_ms = Math.max(this.now_ms, due)
      this.feed({ type: 'tick' })
      due = nextDeadline(config, this.state)
    }
    this.now_ms = end_ms
    return this
  }

  ready(closed = false): this {
    return this.feed({ type: 'board-ready' }).feed({ type: 'contact', closed, found: true })
  }
  close(): this {
    return this.feed({ type: 'contact', closed: true, found: false })
  }
  open(): this {
    return this.feed({ type: 'contact', closed: false, found: false })
  }
  press(for_ms: number): this {
    return this.close().wait(for_ms).open().wait(100)
  }
  loop(ratio: number): this {
    return this.feed({ type: 'loop', ratio })
  }
  lose(reason = 'board-absent'): this {
    return this.feed({ type: 'board-lost', reason })
  }
  command(name: string, args: unknown = {}): this {
    return this.feed({ type: 'command', name, args, actor: 'person:li' })
  }

  events(): Array<[string, unknown]> {
    return this.effects.flatMap((effect) =>
      effect.type === 'event' ? [[effect.event, effect.data] as const] : [],
    ) as Array<[string, unknown]>
  }
  names(): string[] {
    return this.events().map(([name]) => name)
  }
  outcomes() {
    return this.effects.flatMap((effect) => (effect.type === 'outcome' ? [effect.outcome] : []))
  }
  outputs() {
    return this.effects.flatMap((effect) => (effect.type === 'output' ? [`${effect.output} ${effect.on}`] : []))
  }
  availability() {
    const last = this.effects.findLast((effect) => effect.type === 'availability')
    return last?.type === 'availability' ? [last.status, last.reason] : undefined
  }
  get shown() {
    return publicState(this.state)
  }
}

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

function command(name: string, args: unknown): ButtonInput {
  return { type: 'command', name, args, actor: 'person:li' }
}

const input: fc.Arbitrary<ButtonInput> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ type: fc.constant('contact' as const), closed: fc.boolean(), found: fc.boolean() }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant('loop' as const), ratio: fc.double({ min: 0, max: 1, noNaN: true }) }),
  },
  { weight: 2, arbitrary: fc.constant<ButtonInput>({ type: 'board-ready' }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<ButtonInput>({ type: 'board-lost', reason: 'board-hung' }, { type: 'tick' }),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      command('lamp', { on: true }),
      command('siren', { on: true, for_ms: 700 }),
      command('reset', {}),
    ),
  },
)
const story = fc.array(fc.tuple(fc.integer({ min: 0, max: 4000 }), input), { maxLength: 60 })

describe('whatever happens', () => {
  const eventChecks = new Map(Object.entries(alarmButtonEvents).map(([name, schema]) => [name, checker(schema)]))
  const checkState = checker(AlarmButtonState)
  const checkAvailability = checker(Availability)

  it('every effect obeys the contract, and each command has one outcome', () => {
    fc.assert(
      fc.property(story, (steps) => {
        const bench = new Bench()
        for (const [wait_ms, one] of steps) bench.wait(wait_ms).feed(one)
        for (const effect of bench.effects) {
          if (effect.type === 'event') expect(eventChecks.get(effect.event)?.(effect.data).ok).toBe(true)
          if (effect.type === 'state') expect(checkState(effect.state).ok).toBe(true)
          if (effect.type === 'availability')
            expect(
              checkAvailability(JSON.parse(JSON.stringify({ status: effect.status, reason: effect.reason }))).ok,
            ).toBe(true)
        }
        expect(bench.outcomes()).toHaveLength(steps.filter(([, one]) => one.type === 'command').length)
      }),
    )
  })

  it('presses and releases alternate, and a state is told only when it changed', () => {
    fc.assert(
      fc.property(story, (steps) => {
        const bench = new Bench()
        for (const [wait_ms, one] of steps) bench.wait(wait_ms).feed(one)
        const pairs = bench.names().filter((name) => name === 'pressed' || name === 'released')
        expect(pairs).toEqual(pairs.map((_, index) => (index % 2 === 0 ? 'pressed' : 'released')))
        const states = bench.effects.flatMap((effect) =>
          effect.type === 'state' ? [JSON.stringify(effect.state)] : [],
        )
        expect(states.every((state, index) => state !== states[index - 1])).toBe(true)
      }),
    )
  })

  it('it does not matter how late or how often it is called', () => {
    const run = (steps: Array<[number, ButtonInput]>, drive: (bench: Bench, wait_ms: number) => void) => {
      const bench = new Bench().ready()
      for (const [wait_ms, one] of steps) {
        drive(bench, wait_ms)
        bench.feed(one)
      }
      drive(bench, 31_000)
      bench.feed({ type: 'tick' })
      return { events: bench.effects.filter((effect) => effect.type === 'event'), shown: bench.shown }
    }
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 2000 }), input), { maxLength: 30 }),
        fc.integer({ min: 7, max: 500 }),
        (steps, every_ms) => {
          const onTime = run(steps, (bench, wait_ms) => bench.wait(wait_ms))
          const late = run(steps, (bench, wait_ms) => {
            bench.now_ms += wait_ms
          })
          const often = run(steps, (bench, wait_ms) => {
            for (let left_ms = wait_ms; left_ms > 0; left_ms -= every_ms) {
              bench.wait(Math.min(every_ms, left_ms)).feed({ type: 'tick' })
            }
          })
          expect(late).toEqual(onTime)
          expect(often).toEqual(onTime)
        },
      ),
      { numRuns: 40 },
    )
  })

  it('time that runs backwards or stands still breaks nothing', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 5000 }), input), { maxLength: 60 }), (steps) => {
        let state = createButtonState(undefined, at(0))
        for (const [now_ms, one] of steps) state = step(config, state, one, at(now_ms)).state
        const due_ms = nextDeadline(config, state)
        if (due_ms !== undefined) state = step(config, state, { type: 'tick' }, at(due_ms)).state
        expect(nextDeadline(config, state) ?? Number.POSITIVE_INFINITY).toBeGreaterThan(due_ms ?? 0)
      }),
    )
  })
})
