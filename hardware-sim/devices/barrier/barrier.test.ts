import FakeTimers, { type Clock } from '@sinonjs/fake-timers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { SimEvent } from '../../events.ts'
import { createRandom } from '../../random.ts'
import type { DeviceStep } from '../../scenario/steps.ts'
import { createTimeline, type Timeline } from '../../time/timeline.ts'
import { Barrier } from './barrier.ts'
import type { BarrierConfig } from './config.ts'
import { contactAngle_deg } from './underneath.ts'

const PIN = {
  raise: 2,
  lower: 3,
  stop: 4,
  up: 5,
  down: 6,
  safety: 7,
  approach: 8,
  exit: 9,
  beam: 10,
  test: 11,
  lamp: 12,
}

let clock: Clock
let timeline: Timeline
let events: SimEvent[]
let volts: Map<number, number>
let barrier: Barrier

beforeEach(() => {
  clock = FakeTimers.install({ now: 0, toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] })
  build()
})
afterEach(() => {
  timeline.close()
  clock.uninstall()
})

function build(more: Partial<BarrierConfig> = {}): void {
  timeline = createTimeline()
  events = []
  volts = new Map()
  barrier = new Barrier(
    {
      timeline,
      random: createRandom(1),
      emit: (event) => events.push(event),
      drive: (pin, level) => volts.set(pin, level),
    },
    {
      kind: 'barrier',
      id: 'g1',
      raisePin: PIN.raise,
      lowerPin: PIN.lower,
      stopPin: PIN.stop,
      upPin: PIN.up,
      downPin: PIN.down,
      safetyPin: PIN.safety,
      approachPin: PIN.approach,
      exitPin: PIN.exit,
      beamPin: PIN.beam,
      beamTestPin: PIN.test,
      raise_ms: 1800,
      lower_ms: 1800,
      coast_ms: 0,
      bounce_ms_max: 0,
      ...more,
    },
  )
  barrier.start(timeline.now())
}

function apply(step: Record<string, unknown> & { do: DeviceStep['do'] }): void {
  barrier.apply({ device: 'g1', ...step } as DeviceStep, timeline.now())
}
const set = (pin: number, level: 0 | 1) => barrier.pinChanged(pin, level, timeline.now())
const closed = (pin: number) => volts.get(pin) === 0
const limits = () => ({ up: closed(PIN.up), down: closed(PIN.down) })
const occupied = () => (['approach', 'safety', 'exit', 'beam'] as const).filter((name) => volts.get(PIN[name]) === 5)
const of = <T extends SimEvent['type']>(type: T) =>
  events.filter((event): event is SimEvent & { type: T } => event.type === type)
const booms = () => of('boom').map(({ state, angle_deg, at_ms }) => `${Math.round(at_ms)} ${state} ${angle_deg}`)
const rules = () => of('violation').map(({ rule, body }) => `${rule} ${body}`)
const states = (vehicle: string) =>
  of('vehicle')
    .filter((event) => event.vehicle === vehicle)
    .map(({ state }) => state)

/** Raised, with the relay off again. */
function raise(): void {
  set(PIN.raise, 1)
  clock.tick(2500)
  set(PIN.raise, 0)
}

describe('the boom', () => {
  it('goes up and down in its time, its limits close just before the ends', () => {
    expect(limits()).toEqual({ up: false, down: true })
    set(PIN.raise, 1)
    clock.tick(51)
    expect(limits()).toEqual({ up: false, down: false })
    clock.tick(1708)
    expect(limits().up).toBe(false)
    clock.tick(2)
    expect(limits()).toEqual({ up: true, down: false })
    clock.tick(1000)
    set(PIN.raise, 0)
    set(PIN.lower, 1)
    clock.tick(5000)
    expect(limits()).toEqual({ up: false, down: true })
    expect(booms()).toEqual(['0 rising 0', '1800 up 90', '2761 falling 90', '4561 down 0'])
  })

  it('coasts when its current is cut, and before it turns', () => {
    timeline.close()
    build({ coast_ms: 60 })
    set(PIN.raise, 1)
    clock.tick(900)
    set(PIN.raise, 0)
    clock.tick(1000)
    set(PIN.lower, 1)
    clock.tick(100)
    set(PIN.lower, 0)
    set(PIN.raise, 1)
    clock.tick(100)
    expect(booms()).toEqual(['0 rising 0', '960 stopped 48', '1900 falling 48', '2060 rising 40'])
  })

  it('does not move with both relays on, nor while stopped', () => {
    set(PIN.stop, 1)
    set(PIN.raise, 1)
    clock.tick(1000)
    expect(booms()).toEqual([])
    set(PIN.stop, 0)
    clock.tick(500)
    set(PIN.lower, 1)
    clock.tick(500)
    expect(booms()).toEqual(['1000 rising 0', '1500 stopped 25'])
  })

  it('runs to its limit after a pulse when the drive is latched, or to a stop', () => {
    timeline.close()
    build({ drive: 'latched' })
    set(PIN.raise, 1)
    clock.tick(200)
    set(PIN.raise, 0)
    clock.tick(3000)
    set(PIN.lower, 1)
    clock.tick(200)
    set(PIN.lower, 0)
    clock.tick(700)
    set(PIN.stop, 1)
    clock.tick(100)
    set(PIN.stop, 0)
    clock.tick(3000)
    expect(booms()).toEqual(['0 rising 0', '1800 up 90', '3200 falling 90', '4100 stopped 45'])
  })

  it('is stopped by what it is wedged in, and goes on when freed', () => {
    set(PIN.raise, 1)
    clock.tick(900)
    apply({ do: 'block' })
    clock.tick(900)
    apply({ do: 'unblock' })
    clock.tick(2000)
    set(PIN.raise, 0)
    apply({ do: 'block', angle_deg: 30 })
    set(PIN.lower, 1)
    clock.tick(3000)
    expect(booms().map((line) => line.split(' ').slice(1).join(' '))).toEqual([
      'rising 0',
      'stopped 45',
      'rising 45',
      'up 90',
      'falling 90',
      'stopped 30',
    ])
    expect(rules()).toEqual([])
  })

  it('obeys a welded relay until it is stopped, and a broken limit says what it says', () => {
    apply({ do: 'weld', relay: 'raise' })
    apply({ do: 'limit-broken', limit: 'up' })
    apply({ do: 'limit-broken', limit: 'down', contact: 'closed' })
    clock.tick(900)
    set(PIN.stop, 1)
    clock.tick(900)
    set(PIN.stop, 0)
    clock.tick(900)
    expect(limits()).toEqual({ up: false, down: true })
    expect(booms().map((line) => line.split(' ')[1])).toEqual(['rising', 'stopped', 'rising', 'up'])
    apply({ do: 'heal' })
    expect(limits()).toEqual({ up: true, down: false })
  })

  it.each([
    ['holds', ['rising 0', 'stopped 45', 'rising 45', 'up 90']],
    ['rises', ['rising 0', 'up 90']],
  ] as const)('without power it %s, its detectors say occupied', (unpowered, expected) => {
    timeline.close()
    build({ unpowered })
    set(PIN.raise, 1)
    clock.tick(900)
    apply({ do: 'power-loss' })
    clock.tick(2000)
    expect(occupied()).toEqual(['approach', 'safety', 'exit', 'beam'])
    apply({ do: 'power-return' })
    clock.tick(2000)
    expect(occupied()).toEqual([])
    expect(booms().map((line) => line.split(' ').slice(1).join(' '))).toEqual(expected)
  })
})

describe('what is under the boom', () => {
  it.each([
    [0.5, 0],
    [1.1, 7.7],
    [1.5, 23.6],
    [3.5, 80],
  ])('a body %f m high is met at %f degrees', (height_m, angle_deg) => {
    expect(contactAngle_deg(height_m)).toBeCloseTo(angle_deg, 1)
  })

  it('a child breaks the beam and no loop; a boom that stops and rises in time touches nobody', () => {
    raise()
    set(PIN.lower, 1)
    clock.tick(900)
    apply({ do: 'pedestrian', for_ms: 2000 })
    clock.tick(20)
    expect(occupied()).toEqual(['beam'])
    set(PIN.lower, 0)
    set(PIN.raise, 1)
    clock.tick(3000)
    expect(occupied()).toEqual([])
    expect(rules()).toEqual([])
  })

  it('a boom that goes on is a violation, first of time and then of the body', () => {
    raise()
    set(PIN.lower, 1)
    clock.tick(900)
    apply({ do: 'pedestrian', for_ms: 60_000 })
    clock.tick(3000)
    expect(rules()).toEqual(['kept-closing g1-p1', 'contact g1-p1'])
    expect(of('violation').at(-1)?.angle_deg).toBeCloseTo(7.7, 1)
    expect(limits()).toEqual({ up: false, down: false })
  })

  it('to begin to fall over somebody is a violation, whatever comes of it', () => {
    raise()
    apply({ do: 'pedestrian', for_ms: 1000 })
    set(PIN.lower, 1)
    clock.tick(100)
    set(PIN.lower, 0)
    clock.tick(1000)
    expect(rules()).toEqual(['started-over-body g1-p1'])
  })

  it('who runs into a boom that stands still has only himself to blame', () => {
    apply({ do: 'pedestrian', height_m: 1.8 })
    clock.tick(2000)
    expect(rules()).toEqual([])
    expect(of('collision').length).toBe(1)
  })

  it('a beam that is stuck clear sees neither the child nor its own test', () => {
    set(PIN.test, 1)
    clock.tick(20)
    expect(occupied()).toEqual(['beam'])
    set(PIN.test, 0)
    clock.tick(20)
    apply({ do: 'beam-stuck', reads: 'clear' })
    set(PIN.test, 1)
    apply({ do: 'pedestrian' })
    clock.tick(20)
    expect(occupied()).toEqual([])
  })
})

describe('a vehicle', () => {
  it('stops at the line over its loop, and drives through when the boom is up', () => {
    apply({ do: 'vehicle', plate: 'A1' })
    clock.tick(30_000)
    expect(occupied()).toEqual(['approach'])
    expect(of('queue').map(({ length }) => length)).toEqual([1])
    raise()
    const order: string[] = []
    for (let tick = 0; tick < 1000; tick++) {
      clock.tick(40)
      const now = occupied().join('+')
      if (order.at(-1) !== now) order.push(now)
    }
    expect(order).toContain('approach+safety+beam')
    expect(order).toContain('exit')
    expect(order.at(-1)).toBe('')
    expect(states('g1-v1')).toEqual(['arrived', 'queued', 'entered', 'passed'])
    expect(of('queue').map(({ length }) => length)).toEqual([1, 0])
    expect(of('vehicle').at(-1)?.waited_ms).toBeGreaterThan(15_000)
    expect(clock.countTimers()).toBe(0)
  })

  it('does not run into a boom that falls before it, unless it cannot stop', () => {
    raise()
    apply({ do: 'vehicle', plate: 'A1' })
    clock.tick(8000)
    set(PIN.lower, 1)
    clock.tick(30_000)
    expect(states('g1-v1')).not.toContain('entered')
    expect([...rules(), ...of('collision')]).toEqual([])
  })

  it('of each kind goes when its driver thinks it may', () => {
    timeline.close()
    build({ lampPin: PIN.lamp })
    for (const driver of ['obeys', 'waits', 'tailgates']) apply({ do: 'vehicle', plate: driver, driver })
    clock.tick(30_000)
    expect(of('queue').at(-1)?.length).toBe(3)
    raise()
    clock.tick(20_000)
    expect(states('g1-v1')).not.toContain('entered')
    set(PIN.lamp, 1)
    clock.tick(20_000)
    expect(states('g1-v1')).toContain('passed')
    expect(states('g1-v2')).not.toContain('entered')
    set(PIN.lower, 1)
    clock.tick(3000)
    set(PIN.lower, 0)
    raise()
    clock.tick(20_000)
    expect(states('g1-v2')).toContain('passed')
    expect(states('g1-v3')).toContain('passed')
  })

  it('that obeys a sign waits for an opening of its own', () => {
    timeline.close()
    build({ sign: 'one-by-one' })
    for (const plate of ['A1', 'A2']) apply({ do: 'vehicle', plate })
    clock.tick(30_000)
    raise()
    clock.tick(30_000)
    expect(states('g1-v1')).toContain('passed')
    expect(states('g1-v2')).not.toContain('entered')
  })

  it('gives way to one that comes towards it, and turns back when its patience ends', () => {
    apply({ do: 'vehicle', plate: 'IN', patience_ms: 10_000 })
    apply({ do: 'vehicle', plate: 'OUT', from: 'exit' })
    clock.tick(60_000)
    expect(occupied()).toEqual(['exit'])
    expect(states('g1-v1')).toEqual(['arrived', 'queued', 'turned-back'])
    apply({ do: 'vehicle', plate: 'IN2' })
    clock.tick(30_000)
    raise()
    clock.tick(30_000)
    const entered = of('vehicle').filter(({ state }) => state === 'entered' || state === 'passed')
    expect(entered.map(({ plate, state }) => `${plate} ${state}`).sort()).toEqual(
      ['IN2 entered', 'IN2 passed', 'OUT entered', 'OUT passed'].sort(),
    )
    expect(entered[1]?.plate).toBe(entered[0]?.plate)
  })

  it('that stalls under the boom stays there, and a boom that falls on it is a violation', () => {
    raise()
    apply({ do: 'vehicle', plate: 'A1', stalls_ms: 60_000 })
    clock.tick(20_000)
    expect(occupied()).toContain('safety')
    expect(occupied()).toContain('beam')
    set(PIN.lower, 1)
    clock.tick(3000)
    expect(rules()).toEqual(['started-over-body g1-v1', 'kept-closing g1-v1', 'contact g1-v1'])
    set(PIN.lower, 0)
    raise()
    clock.tick(70_000)
    expect(states('g1-v1').at(-1)).toBe('passed')
  })

  it('is not felt by a loop that is stuck clear, and nobody is by one that is stuck occupied', () => {
    apply({ do: 'loop-stuck', loop: 'approach', reads: 'clear' })
    apply({ do: 'loop-stuck', loop: 'exit', reads: 'occupied' })
    apply({ do: 'vehicle', plate: 'A1' })
    clock.tick(30_000)
    expect(occupied()).toEqual(['exit'])
    apply({ do: 'heal' })
    expect(occupied()).toEqual(['approach'])
  })

  it('passes at the rate at which cars follow each other: 800 to 1500 an hour with the boom up', () => {
    raise()
    for (let car = 0; car < 60; car++) apply({ do: 'vehicle', plate: `C${car}` })
    clock.tick(280_000)
    const passed = of('vehicle').filter(({ state }) => state === 'passed')
    expect(passed.length).toBe(60)
    const [first, last] = [passed[0]?.at_ms ?? 0, passed.at(-1)?.at_ms ?? 0]
    const perHour = (59 * 3_600_000) / (last - first)
    expect(perHour).toBeGreaterThan(800)
    expect(perHour).toBeLessThan(1500)
  })
})
