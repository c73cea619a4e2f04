import FakeTimers, { type Clock } from '@sinonjs/fake-timers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { SimEvent } from '../../events.ts'
import { createRandom } from '../../random.ts'
import type { DeviceStep } from '../../scenario/steps.ts'
import { createTimeline, type Timeline } from '../../time/timeline.ts'
import { AlarmButton } from './button.ts'
import { loopShare } from './loop.ts'

let clock: Clock
let timeline: Timeline
let events: SimEvent[]
let driven: { pin: number; volts: number; at_ms: number }[]
let alarm: AlarmButton

beforeEach(() => {
  clock = FakeTimers.install({ now: 1_000_000, toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] })
  timeline = createTimeline()
  events = []
  driven = []
  alarm = new AlarmButton(
    {
      timeline,
      random: createRandom(1),
      emit: (event) => events.push(event),
      drive: (pin, volts, at_ms) => driven.push({ pin, volts, at_ms }),
    },
    { kind: 'alarm-button', id: 'b1', contactPin: 2, loopPin: 1, lampPin: 5, sirenPin: 6, bounce_ms_max: 0 },
  )
  alarm.start(0)
})
afterEach(() => {
  timeline.close()
  clock.uninstall()
})

function apply(step: Record<string, unknown> & { do: DeviceStep['do'] }): void {
  alarm.apply({ device: 'b1', ...step } as DeviceStep, timeline.now())
}

const volts = () => driven.at(-1)?.volts ?? Number.NaN

describe('the supervised loop', () => {
  it.each([
    [false, 'whole', 0.68],
    [true, 'whole', 0.277],
    [false, 'cut', 1],
    [true, 'cut', 1],
    [false, 'shorted', 0],
    [true, 'shorted', 0],
  ] as const)('closed %s and cable %s is %f of Vcc', (closed, cable, share) => {
    expect(loopShare(closed, cable)).toBeCloseTo(share, 3)
  })
})

describe('an alarm button', () => {
  it('puts the node of its cable on both pins from the start', () => {
    expect(driven.map(({ pin }) => pin)).toEqual([2, 15])
    expect(driven.map(({ volts }) => volts)).toEqual([expect.closeTo(3.401, 3), expect.closeTo(3.401, 3)])
  })

  it('tells its physical edges in wall-clock time, cable or no cable', () => {
    apply({ do: 'cut' })
    apply({ do: 'press', for_ms: 200 })
    clock.tick(500)
    expect(events).toEqual([
      { type: 'edge', device: 'b1', contact: 'closed', at_ms: 1_000_000 },
      { type: 'edge', device: 'b1', contact: 'open', at_ms: 1_000_200 },
    ])
    expect(volts()).toBe(5)
  })

  it('stays pressed until it is let go when held, and a later press moves the release', () => {
    apply({ do: 'press', for_ms: 100 })
    apply({ do: 'hold' })
    clock.tick(1000)
    expect(volts()).toBeCloseTo(1.386, 3)
    apply({ do: 'release' })
    expect(volts()).toBeCloseTo(3.401, 3)
  })

  it('glitches as often and as long as asked, away from where the node is', () => {
    driven = []
    apply({ do: 'glitch', width_ms: 4, count: 3 })
    clock.tick(1000)
    const digital = driven.filter(({ pin }) => pin === 2)
    expect(digital.map(({ volts }) => Math.round(volts * 1000))).toEqual([0, 3401, 0, 3401, 0, 3401])
    for (const [index, { at_ms }] of digital.entries()) {
      const previous = digital[index - 1]
      if (!previous) continue
      if (index % 2 === 1) expect(at_ms - previous.at_ms).toBeCloseTo(4, 6)
      else expect(at_ms - previous.at_ms).toBeGreaterThanOrEqual(20)
    }
    expect(events).toEqual([])
    apply({ do: 'hold' })
    driven = []
    apply({ do: 'glitch' })
    clock.tick(1000)
    expect(driven.map(({ volts }) => Math.round(volts * 1000))).toEqual([5000, 5000, 1386, 1386])
  })

  it('is whole again when healed, in the middle of whatever it was', () => {
    apply({ do: 'short' })
    apply({ do: 'stick' })
    apply({ do: 'glitch', width_ms: 10, count: 50 })
    clock.tick(100)
    apply({ do: 'heal' })
    expect(volts()).toBeCloseTo(3.401, 3)
    driven = []
    clock.tick(10_000)
    expect(driven).toEqual([])
    expect(events.map((event) => event.type === 'edge' && event.contact)).toEqual(['closed', 'open'])
  })

  it('tells its outputs when they change, and nobody else’s', () => {
    for (const [pin, level] of [
      [5, 1],
      [5, 0.5],
      [7, 1],
      [6, 0.01],
      [5, 0],
    ] as const) {
      alarm.pinChanged(pin, level, 10)
    }
    expect(events.map((event) => event.type === 'output' && [event.output, event.on])).toEqual([
      ['lamp', true],
      ['siren', true],
      ['lamp', false],
    ])
  })
})
