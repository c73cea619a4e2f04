import FakeTimers, { type Clock } from '@sinonjs/fake-timers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { SimEvent } from '../../events.ts'
import { createRandom } from '../../random.ts'
import type { DeviceStep } from '../../scenario/steps.ts'
import { createTimeline, type Timeline } from '../../time/timeline.ts'
import type { DoorConfig } from './config.ts'
import { Door } from './door.ts'

const STRIKE = 8
const CONTACT = 2
const PAIR = 3
const REX = 4
const GLASS = 5
const LID = 6

let clock: Clock
let timeline: Timeline
let events: SimEvent[]
let volts: Map<number, number>

beforeEach(() => {
  clock = FakeTimers.install({ now: 0, toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] })
  timeline = createTimeline()
  events = []
  volts = new Map()
})
afterEach(() => {
  timeline.close()
  clock.uninstall()
})

function hang(strike: DoorConfig['strike']): Door {
  const door = new Door(
    {
      timeline,
      random: createRandom(1),
      emit: (event) => events.push(event),
      drive: (pin, level) => volts.set(pin, level),
    },
    {
      kind: 'door',
      id: 'd1',
      strike,
      strikePin: STRIKE,
      contactPin: CONTACT,
      contactPairPin: PAIR,
      rexPin: REX,
      releasePin: GLASS,
      enclosurePin: LID,
      bounce_ms_max: 0,
    },
  )
  door.start(0)
  return door
}

function apply(door: Door, step: Record<string, unknown> & { do: DeviceStep['do'] }): void {
  door.apply({ device: 'd1', ...step } as DeviceStep, timeline.now())
}

const told = () =>
  events.map((event) => {
    const { type, at_ms, device, ...rest } = event as SimEvent & { at_ms: number; device: string }
    return [at_ms, type, ...Object.values(rest)].join(' ')
  })

describe('a fail-secure door', () => {
  it('reads closed, untouched and whole at first', () => {
    hang('fail-secure')
    expect(Object.fromEntries(volts)).toEqual({ [CONTACT]: 0, [PAIR]: 5, [REX]: 5, [GLASS]: 0, [LID]: 0 })
  })

  it('lets a person through while the strike is energised, and closes behind them', () => {
    const door = hang('fail-secure')
    apply(door, { do: 'walk-through', direction: 'out', persons: 2 })
    clock.tick(1000)
    door.pinChanged(STRIKE, 1, timeline.now())
    clock.tick(2000)
    door.pinChanged(STRIKE, 0, timeline.now())
    expect(volts.get(CONTACT)).toBe(5)
    expect(volts.get(PAIR)).toBe(0)
    clock.tick(10_000)
    expect(told()).toEqual([
      '1000 output strike true',
      '1000 lock false',
      '1300 door open hand',
      '2300 person passed out',
      '3000 output strike false',
      '3000 lock true',
      '3300 person passed out',
      '6300 door closed closer',
    ])
    expect(volts.get(CONTACT)).toBe(0)
  })

  it('is not opened by whoever has no patience, or only a hand', () => {
    const door = hang('fail-secure')
    apply(door, { do: 'open-door' })
    apply(door, { do: 'walk-through', patience_ms: 700 })
    clock.tick(5000)
    door.pinChanged(STRIKE, 1, timeline.now())
    clock.tick(5000)
    expect(told()).toEqual([
      '0 door refused hand',
      '700 person gave-up in',
      '5000 output strike true',
      '5000 lock false',
    ])
  })

  it('is held open until it is closed, and forced for a while or until closed', () => {
    const door = hang('fail-secure')
    door.pinChanged(STRIKE, 1, 0)
    apply(door, { do: 'open-door' })
    door.pinChanged(STRIKE, 0, 0)
    clock.tick(60_000)
    apply(door, { do: 'close-door' })
    apply(door, { do: 'force', for_ms: 100 })
    clock.tick(10_000)
    apply(door, { do: 'force' })
    clock.tick(60_000)
    expect(volts.get(CONTACT)).toBe(5)
    expect(told().filter((line) => line.includes('door'))).toEqual([
      '0 door open hand',
      '60000 door closed hand',
      '60000 door open force',
      '63100 door closed closer',
      '70000 door open force',
    ])
  })

  it('has a button that is pressed for a while', () => {
    const door = hang('fail-secure')
    apply(door, { do: 'rex', for_ms: 150 })
    clock.tick(149)
    expect(volts.get(REX)).toBe(0)
    clock.tick(2)
    expect(volts.get(REX)).toBe(5)
  })

  it('has a contact that can be cut, shorted, held by a magnet and healed', () => {
    const door = hang('fail-secure')
    const pair = () => [volts.get(CONTACT), volts.get(PAIR)]
    apply(door, { do: 'cut' })
    expect(pair()).toEqual([5, 5])
    apply(door, { do: 'short' })
    expect(pair()).toEqual([0, 0])
    apply(door, { do: 'heal' })
    apply(door, { do: 'stick' })
    apply(door, { do: 'force' })
    expect(pair()).toEqual([0, 5])
    apply(door, { do: 'heal' })
    expect(pair()).toEqual([5, 0])
  })

  it('stays locked when the power goes, even if energised', () => {
    const door = hang('fail-secure')
    door.pinChanged(STRIKE, 1, 0)
    apply(door, { do: 'power-loss' })
    expect(door.locked).toBe(true)
    apply(door, { do: 'power-return' })
    expect(door.locked).toBe(false)
  })
})

describe('a fail-safe door', () => {
  it('is locked by its current alone, and loses it with the power or the glass', () => {
    const door = hang('fail-safe')
    expect(door.locked).toBe(false)
    door.pinChanged(STRIKE, 1, 0)
    expect(door.locked).toBe(true)
    apply(door, { do: 'power-loss' })
    expect(door.locked).toBe(false)
    apply(door, { do: 'power-return' })
    apply(door, { do: 'break-glass' })
    expect(door.locked).toBe(false)
    expect(volts.get(GLASS)).toBe(5)
    apply(door, { do: 'open-enclosure' })
    expect(volts.get(LID)).toBe(5)
    apply(door, { do: 'heal' })
    expect(door.locked).toBe(true)
    expect([volts.get(GLASS), volts.get(LID)]).toEqual([0, 0])
  })
})
